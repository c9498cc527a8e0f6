/* TUN mode in three network namespaces: the host, where the gateway runs, an outer
 * network behind a link of 1,500 bytes, and an enclave, whose gate is the process
 * below and does what net/app.c does, without a policy. The test itself opens its
 * sockets in all of them. */
#include "tools/casemate/gateway_tun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "net/checksum.h"
#include "net/packet_put.h"
#include "net/tun.h"
#include "net/wire.h"
#include "tests/unit/test.h"
#include "tools/casemate/rules.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	APP_PORT = 7000,
	OUTER_PORT = 7100,
	BULK = 8 << 20,
	FORWARDED = 1500 - 20 - 8, /* of a datagram that fits the outer link */
};

static int host_ns, outer_ns, enclave_ns;
static char folder[] = "/tmp/tun.XXXXXX", path[64];
static pid_t outer_pid, enclave_pid, gateway_pid;
static int control; /* the enclave's */
static struct gateway gateway;

/* --- the enclave --------------------------------------------------------------------- */

enum { ASK_CUT = 'c', ASK_FRAME = 'f', ASK_LARGEST = 'l' };

static struct {
	int tun, listener, control;
	size_t largest; /* packet that came by the link */
	bool hello;
	struct wire wire;
} e;

static void enclave_accept(void)
{
	static const char ok[] = "OK 1\n";
	char line[32];
	int fd = accept4(e.listener, NULL, NULL, SOCK_CLOEXEC);

	if (read(fd, line, sizeof line) <= 0 || write(fd, ok, sizeof ok - 1) < 0)
		abort();
	io_close(&e.wire.fd);
	wire_open(&e.wire, fd);
	e.hello = false;
}

static void enclave_packet(uint8_t *payload, size_t len)
{
	struct packet p;

	e.largest = len > e.largest ? len : e.largest;
	if (packet_parse(slice_of(payload + LINK_VNET, len - LINK_VNET), &p) != RC_OK ||
	    p.proto == IPPROTO_FRAGMENT)
		abort();
	tun_prepare(&p, payload);
	if (write(e.tun, payload, len) < 0)
		(void)0;
}

static void enclave_link(void)
{
	enum link_kind kind;
	uint8_t *payload;
	size_t len;
	enum rc rc;

	if (!wire_read(&e.wire)) {
		io_close(&e.wire.fd);
		return;
	}
	while ((rc = wire_next(&e.wire, &kind, &payload, &len)) == RC_OK) {
		if (kind == LINK_HELLO)
			e.hello = true;
		else if (kind == LINK_APP)
			enclave_packet(payload, len);
	}
	if (rc != RC_MORE)
		abort();
}

static void enclave_device(void)
{
	uint8_t *out = wire_room(&e.wire, LINK_PAYLOAD_MAX);
	static uint8_t nobody[LINK_PAYLOAD_MAX];
	ssize_t n = read(e.tun, out == NULL ? nobody : out, LINK_PAYLOAD_MAX);

	if (n > 0 && out != NULL && e.hello)
		wire_put(&e.wire, LINK_APP, (size_t)n);
}

static void enclave_control(void)
{
	static uint8_t m[4096];
	ssize_t n = recv(e.control, m, sizeof m, 0);
	uint8_t *out;

	if (n <= 0)
		_exit(0);
	if (m[0] == ASK_CUT)
		io_close(&e.wire.fd);
	if (m[0] == ASK_FRAME && (out = wire_room(&e.wire, (size_t)n - 2)) != NULL) {
		memcpy(out, m + 2, (size_t)n - 2);
		wire_put(&e.wire, m[1], (size_t)n - 2);
	}
	if (write(e.control, &e.largest, sizeof e.largest) < 0)
		abort();
	e.largest = 0;
}

static _Noreturn void enclave_main(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, path, sizeof path);
	e.wire.fd = -1;
	e.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (unshare(CLONE_NEWNET) != 0 || tun_open("tun0", TUN_ENCLAVE, &e.tun) != RC_OK ||
	    bind(e.listener, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(e.listener, 4) != 0 || write(e.control, "", 1) != 1)
		abort();
	for (;;) {
		struct pollfd p[] = {
			{ e.control, POLLIN, 0 },
			{ e.listener, POLLIN, 0 },
			{ e.tun, POLLIN, 0 },
			{ e.wire.fd, POLLIN, 0 },
		};

		if (e.wire.out_len > 0) {
			p[2].fd = -1;
			p[3].events |= POLLOUT;
		}
		poll(p, 4, -1);
		if (p[0].revents != 0)
			enclave_control();
		if (p[1].revents != 0)
			enclave_accept();
		if (p[2].revents != 0)
			enclave_device();
		if (p[3].revents & (POLLIN | POLLHUP))
			enclave_link();
		(void)wire_write(&e.wire);
	}
}

static size_t ask(uint8_t what, enum link_kind kind, struct slice payload)
{
	uint8_t m[4096] = { what, (uint8_t)kind };
	size_t largest = 0;

	memcpy(m + 2, payload.p, payload.len);
	CHECK(send(control, m, 2 + payload.len, 0) == (ssize_t)(2 + payload.len));
	CHECK(recv(control, &largest, sizeof largest, 0) == sizeof largest);
	return largest;
}

/* --- the networks --------------------------------------------------------------------------- */

static void run_in(int ns, const char *command)
{
	if (setns(ns, CLONE_NEWNET) != 0 || system(command) != 0 ||
	    setns(host_ns, CLONE_NEWNET) != 0) {
		printf("%s: it did not work\n", command);
		exit(1);
	}
}

static int ns_of(pid_t pid)
{
	char name[64];

	snprintf(name, sizeof name, "/proc/%d/ns/net", (int)pid);
	return open(name, O_RDONLY | O_CLOEXEC);
}

/* Segments and checksums are made before they leave, as on a wire. */
static void no_offload(int ns, const char *device)
{
	static const uint32_t off[] = { ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM };
	struct ifreq r = { 0 };
	int fd;

	CHECK(setns(ns, CLONE_NEWNET) == 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
		struct ethtool_value v = { .cmd = off[i] };

		memcpy(r.ifr_name, device, strlen(device));
		r.ifr_data = (void *)&v;
		CHECK(ioctl(fd, SIOCETHTOOL, &r) == 0);
	}
	close(fd);
	CHECK(setns(host_ns, CLONE_NEWNET) == 0);
}

static pid_t start_outer(void)
{
	int pair[2];
	pid_t pid;
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (unshare(CLONE_NEWNET) != 0 || write(pair[1], "", 1) != 1)
			_exit(1);
		(void)!read(pair[1], &c, 1);
		_exit(0);
	}
	close(pair[1]);
	return read(pair[0], &c, 1) == 1 ? pid : -1; /* pair[0] stays open until we end */
}

static void start_enclave(void)
{
	int pair[2];
	char c;

	snprintf(path, sizeof path, "%s/vsock", folder);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	enclave_pid = fork();
	if (enclave_pid == 0) {
		close(pair[0]);
		e.control = pair[1];
		enclave_main();
	}
	close(pair[1]);
	control = pair[0];
	CHECK(recv(control, &c, 1, 0) == 1);
	enclave_ns = ns_of(enclave_pid);
}

/* Why it cannot be run here; NULL: it can. */
static const char *missing(void)
{
	if (geteuid() != 0)
		return "needs root";
	if (system("ip -V >/dev/null 2>&1") != 0)
		return "needs ip (iproute2)";
	if (system("PATH=$PATH:/usr/sbin nft -v >/dev/null 2>&1") != 0)
		return "needs nft (nftables)";
	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		return "needs /dev/net/tun";
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
		return "needs network namespaces";
	return system("PATH=$PATH:/usr/sbin nft add table inet probe && PATH=$PATH:/usr/sbin nft "
	              "delete table inet probe") == 0
	               ? NULL
	               : "needs a kernel with nf_tables";
}

static void name_server(void)
{
	char conf[80];

	test_put(folder, "resolv.conf", "nameserver 127.0.0.1\n");
	snprintf(conf, sizeof conf, "%s/resolv.conf", folder);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount(conf, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0);
}

static void make_networks(void)
{
	char command[256];

	host_ns = ns_of(getpid());
	outer_pid = start_outer();
	outer_ns = ns_of(outer_pid);
	snprintf(
		command, sizeof command,
		"ip link set lo up; ip link add out0 type veth peer name in0 netns %d && "
		"ip addr add 192.0.2.1/24 dev out0 && ip addr add 2001:db8::1/64 dev out0 nodad && "
		"ip link set out0 up",
		(int)outer_pid);
	run_in(host_ns, command);
	run_in(outer_ns, "ip link set lo up && ip addr add 192.0.2.2/24 dev in0 && "
	                 "ip addr add 2001:db8::2/64 dev in0 nodad && ip link set in0 up && "
	                 "ip addr add 169.254.169.254/32 dev lo && ip addr add fd00:ec2::254/128 "
	                 "dev lo nodad "
	                 "&& ip route add 10.7.0.0/24 via 192.0.2.1");
	run_in(host_ns, "ip route add 169.254.169.254 via 192.0.2.2 && "
	                "ip route add fd00:ec2::254 via 2001:db8::2");
	no_offload(outer_ns, "in0");
	no_offload(host_ns, "out0");
	start_enclave();
}

/* --- sockets -------------------------------------------------------------------------------------- */

struct address {
	struct sockaddr_storage at;
	socklen_t len;
};

static struct address address(const char *text, uint16_t port)
{
	struct address a = { 0 };
	struct sockaddr_in *four = (void *)&a.at;
	struct sockaddr_in6 *six = (void *)&a.at;

	if (strchr(text, ':') != NULL) {
		*six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		inet_pton(AF_INET6, text, &six->sin6_addr);
		a.len = sizeof *six;
	} else {
		*four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		inet_pton(AF_INET, text, &four->sin_addr);
		a.len = sizeof *four;
	}
	return a;
}

static uint16_t port_of(const struct address *a)
{
	return ntohs(((const struct sockaddr_in *)(const void *)&a->at)->sin_port);
}

static bool is_from(const struct address *a, const char *text)
{
	const struct sockaddr_in6 *six = (const void *)&a->at;
	const struct sockaddr_in *four = (const void *)&a->at;
	char got[INET6_ADDRSTRLEN] = "";

	if (a->at.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, got, sizeof got);
	else
		inet_ntop(AF_INET, &four->sin_addr, got, sizeof got);
	if (strcmp(got, text) != 0)
		printf("from %s, not %s\n", got, text);
	return strcmp(got, text) == 0;
}

static int sock(int ns, const struct address *a, int type)
{
	int fd, one = 1;

	if (setns(ns, CLONE_NEWNET) != 0)
		return -1;
	fd = socket(a->at.ss_family, type | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (setns(host_ns, CLONE_NEWNET) != 0)
		abort();
	return fd;
}

/* Bound, and of TCP listening. */
static int server(int ns, const char *text, uint16_t port, int type)
{
	struct address a = address(text, port);
	int fd = sock(ns, &a, type);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a.at, a.len) == 0 &&
	      (type != SOCK_STREAM || listen(fd, 8) == 0));
	return fd;
}

/* Connected; -1 with errno. */
static int client(int ns, const char *text, uint16_t port, int type)
{
	struct address a = address(text, port);
	int fd = sock(ns, &a, type);

	if (connect(fd, (struct sockaddr *)&a.at, a.len) != 0)
		io_close(&fd);
	return fd;
}

static bool is_refused(int ns, const char *text, uint16_t port)
{
	int fd = client(ns, text, port, SOCK_STREAM);
	bool refused = fd < 0 && errno == ECONNREFUSED;

	if (!refused)
		printf("%s: %s\n", text, fd < 0 ? strerror(errno) : "connected");
	io_close(&fd);
	return refused;
}

static int accepted(int listener, const char *from)
{
	struct address a = { .len = sizeof a.at };
	int fd = accept4(listener, (struct sockaddr *)&a.at, &a.len, SOCK_CLOEXEC);

	CHECK(fd >= 0 && is_from(&a, from));
	return fd;
}

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* n bytes from one end to the other, each compared. */
static bool transfer(int from, int to, size_t n)
{
	static uint8_t out[1 << 16], in[1 << 16];
	size_t sent = 0, got = 0;

	while (got < n) {
		struct pollfd p[] = { { to, POLLIN, 0 }, { sent < n ? from : -1, POLLOUT, 0 } };
		ssize_t r;

		poll(p, 2, -1);
		if (p[1].revents != 0) {
			size_t some = n - sent < sizeof out ? n - sent : sizeof out;

			for (size_t i = 0; i < some; i++)
				out[i] = byte_at(sent + i);
			r = send(from, out, some, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (r < 0 && errno != EAGAIN)
				return false;
			sent += r > 0 ? (size_t)r : 0;
		}
		if (p[0].revents == 0)
			continue;
		r = recv(to, in, sizeof in, MSG_DONTWAIT);
		if (r <= 0)
			return false;
		for (ssize_t i = 0; i < r; i++, got++) {
			if (in[i] != byte_at(got))
				return false;
		}
	}
	return true;
}

/* Client and server, of TCP: who the server sees, and bytes both ways. */
static void check_tcp(int from_ns, const char *to, uint16_t port, int listener, const char *from,
                      size_t n)
{
	int fd = client(from_ns, to, port, SOCK_STREAM), peer;

	if (!CHECK(fd >= 0)) {
		printf("to %s port %u: %s\n", to, port, strerror(errno));
		return;
	}
	peer = accepted(listener, from);
	CHECK(transfer(fd, peer, n));
	CHECK(transfer(peer, fd, n));
	close(fd);
	close(peer);
}

/* A datagram there, and back if it fits. */
static void check_udp(int from_ns, const char *to, uint16_t port, int at, const char *from,
                      size_t n)
{
	static uint8_t out[1 << 16], in[1 << 16];
	struct address a = { .len = sizeof a.at };
	int fd = client(from_ns, to, port, SOCK_DGRAM);

	for (size_t i = 0; i < n; i++)
		out[i] = byte_at(i);
	CHECK(send(fd, out, n, 0) == (ssize_t)n);
	CHECK(recvfrom(at, in, sizeof in, 0, (struct sockaddr *)&a.at, &a.len) == (ssize_t)n);
	CHECK(memcmp(in, out, n) == 0 && is_from(&a, from));
	if (n > FORWARDED) {
		close(fd);
		return;
	}
	CHECK(sendto(at, in, n, 0, (struct sockaddr *)&a.at, a.len) == (ssize_t)n);
	memset(in, 0, n);
	CHECK(recv(fd, in, sizeof in, 0) == (ssize_t)n && memcmp(in, out, n) == 0);
	close(fd);
}

/* --- the gateway -------------------------------------------------------------------------------------- */

static int ready_fd;

static bool ready(const struct gateway *g)
{
	(void)g;
	return write(ready_fd, "r", 1) == 1;
}

static void add_port(const char *text)
{
	CHECK(publish_parse(text, &gateway.port[gateway.ports++]));
}

static void begin_gateway(const char *const *allowed)
{
	gateway = (struct gateway){ .target = { .kind = TARGET_UNIX } };
	snprintf(gateway.target.text, sizeof gateway.target.text, "unix:%s", path);
	add_port("0.0.0.0:0:7000");
	add_port("[::]:0:7000");
	add_port("127.0.0.1:0:7000");
	add_port("[::1]:0:7000");
	add_port("0.0.0.0:0:7000/udp");
	add_port("[::]:0:7000/udp");
	for (; *allowed != NULL; allowed++)
		CHECK(destinations_parse(*allowed,
		                         &gateway.destinations.allowed[gateway.destinations.n++]));
	CHECK(publish_open(gateway.port, gateway.ports));
}

/* In a process of its own; false when it ends instead of being ready. */
static bool start_gateway(const char *const *allowed)
{
	int pair[2];
	char c;
	bool is_ready;

	begin_gateway(allowed);
	CHECK(pipe2(pair, O_CLOEXEC) == 0);
	fflush(stdout);
	gateway_pid = fork();
	if (gateway_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		say_verb("gateway");
		close(pair[0]);
		close(control);
		ready_fd = pair[1];
		exit(gateway_tun_serve(&gateway, ready));
	}
	close(pair[1]);
	publish_close(gateway.port, gateway.ports);
	is_ready = read(pair[0], &c, 1) == 1;
	close(pair[0]);
	return is_ready;
}

static uint16_t published(size_t n)
{
	return ntohs(((struct sockaddr_in *)(void *)&gateway.port[n].at)->sin_port);
}

static int end_gateway(int sig)
{
	int status;

	kill(gateway_pid, sig);
	CHECK(waitpid(gateway_pid, &status, 0) == gateway_pid);
	return status;
}

static bool is_set(const char *setting)
{
	char value[4] = "";
	size_t len;

	CHECK(io_read_file(setting, value, sizeof value, &len) == RC_OK);
	return value[0] == '1';
}

static bool forwards(void)
{
	bool four = is_set("/proc/sys/net/ipv4/ip_forward");

	CHECK(is_set("/proc/sys/net/ipv6/conf/all/forwarding") == four);
	return four;
}

static bool believes_routers(void)
{
	return is_set("/proc/sys/net/ipv6/conf/out0/accept_ra");
}

static bool has_table(void)
{
	return system("PATH=$PATH:/usr/sbin nft list table inet casemate >/dev/null 2>&1") == 0;
}

static bool has_device(void)
{
	return if_nametoindex(GATEWAY_TUN_DEVICE) != 0;
}

/* --- cases ------------------------------------------------------------------------------------------------ */

/* The other end would take larger ones than the outer link, and nobody tells. */
static void check_segments(int listener)
{
	int fd, max = 0;
	socklen_t len = sizeof max;

	run_in(outer_ns, "ip link set in0 mtu 9000");
	fd = client(enclave_ns, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &max, &len) == 0 && max > 0 && max <= 1460);
	close(accepted(listener, "192.0.2.1"));
	close(fd);
	run_in(outer_ns, "ip link set in0 mtu 1500");
}

static void test_outbound(void)
{
	int four = server(outer_ns, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	int six = server(outer_ns, "2001:db8::2", OUTER_PORT, SOCK_STREAM);
	int udp4 = server(outer_ns, "192.0.2.2", OUTER_PORT, SOCK_DGRAM);
	int udp6 = server(outer_ns, "2001:db8::2", OUTER_PORT, SOCK_DGRAM);

	check_tcp(enclave_ns, "192.0.2.2", OUTER_PORT, four, "192.0.2.1", BULK);
	check_tcp(enclave_ns, "2001:db8::2", OUTER_PORT, six, "2001:db8::1", BULK);
	check_segments(four);
	check_udp(enclave_ns, "192.0.2.2", OUTER_PORT, udp4, "192.0.2.1", FORWARDED);
	check_udp(enclave_ns, "2001:db8::2", OUTER_PORT, udp6, "2001:db8::1", 1000);
	/* The gateway cuts them: what is one packet on the link is several outside. */
	for (size_t n = 1200; n < 1300; n++) {
		check_udp(enclave_ns, "192.0.2.2", OUTER_PORT, udp4, "192.0.2.1", n);
		check_udp(enclave_ns, "2001:db8::2", OUTER_PORT, udp6, "2001:db8::1", n);
	}
	check_udp(enclave_ns, "192.0.2.2", OUTER_PORT, udp4, "192.0.2.1", 60000);
	check_udp(enclave_ns, "2001:db8::2", OUTER_PORT, udp6, "2001:db8::1", 60000);
	close(four);
	close(six);
	close(udp4);
	close(udp6);
}

static void test_inbound(void)
{
	int tcp4 = server(enclave_ns, "0.0.0.0", APP_PORT, SOCK_STREAM);
	int tcp6 = server(enclave_ns, "fd07:ca5e:3a7e::2", APP_PORT, SOCK_STREAM);
	int udp4 = server(enclave_ns, "10.7.0.2", APP_PORT, SOCK_DGRAM);
	int udp6 = server(enclave_ns, "fd07:ca5e:3a7e::2", APP_PORT, SOCK_DGRAM);

	check_tcp(outer_ns, "192.0.2.1", published(0), tcp4, "192.0.2.2", BULK);
	check_tcp(outer_ns, "2001:db8::1", published(1), tcp6, "2001:db8::2", BULK);
	check_udp(outer_ns, "192.0.2.1", published(4), udp4, "192.0.2.2", FORWARDED);
	check_udp(outer_ns, "2001:db8::1", published(5), udp6, "2001:db8::2", 1000);
	/* In fragments, of which the enclave sees none. */
	check_udp(outer_ns, "192.0.2.1", published(4), udp4, "192.0.2.2", 8000);
	check_udp(outer_ns, "2001:db8::1", published(5), udp6, "2001:db8::2", 8000);

	check_tcp(host_ns, "192.0.2.1", published(0), tcp4, "192.0.2.1", BULK);
	check_tcp(host_ns, "127.0.0.1", published(2), tcp4, "10.7.0.1", BULK);
	check_tcp(host_ns, "::1", published(3), tcp6, "fd07:ca5e:3a7e::1", BULK);
	CHECK(is_refused(outer_ns, "192.0.2.1", published(2)));
	CHECK(is_refused(outer_ns, "10.7.0.2", APP_PORT));
	CHECK(ask(ASK_LARGEST, 0, slice_of("", 0)) > 1514);
	check_tcp(host_ns, "10.7.0.2", APP_PORT, tcp4, "10.7.0.1", BULK);
	/* The host cuts no segments for this hop. */
	CHECK(ask(ASK_LARGEST, 0, slice_of("", 0)) > 30000);
	close(tcp4);
	close(tcp6);
	close(udp4);
	close(udp6);
}

static void check_ping(const char *to)
{
	struct address a = address(to, 0);
	bool v6 = a.at.ss_family == AF_INET6;
	uint8_t m[16] = { v6 ? 128 : 8, 0, 0, 0, 0x12, 0x34 }, in[64] = { 0 }, *reply = in;
	struct packet_ends ends = { .v6 = false };
	int fd;

	CHECK(setns(enclave_ns, CLONE_NEWNET) == 0);
	fd = socket(a.at.ss_family, SOCK_RAW | SOCK_CLOEXEC, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	CHECK(setns(host_ns, CLONE_NEWNET) == 0);
	packet_put_icmp_sum(m, sizeof m, &ends); /* of IPv6 the kernel does it */
	CHECK(connect(fd, (struct sockaddr *)&a.at, a.len) == 0);
	CHECK(send(fd, m, sizeof m, 0) == sizeof m);
	CHECK(recv(fd, in, sizeof in, 0) == (v6 ? 16 : 36));
	reply += v6 ? 0 : 20;
	CHECK(reply[0] == (v6 ? 129 : 0) && memcmp(reply + 4, m + 4, 12) == 0);
	close(fd);
}

static void test_ping(void)
{
	check_ping("192.0.2.2");
	check_ping("2001:db8::2");
	check_ping("10.7.0.1");
	check_ping("fd07:ca5e:3a7e::1");
}

static void test_refused(void)
{
	int metadata4 = server(outer_ns, "169.254.169.254", 80, SOCK_STREAM);
	int metadata6 = server(outer_ns, "fd00:ec2::254", 80, SOCK_STREAM);
	int all = server(host_ns, "::", OUTER_PORT, SOCK_STREAM);

	CHECK(is_refused(enclave_ns, "169.254.169.254", 80));
	CHECK(is_refused(enclave_ns, "fd00:ec2::254", 80));
	CHECK(is_refused(enclave_ns, "192.0.2.1", OUTER_PORT));
	CHECK(is_refused(enclave_ns, "10.7.0.1", OUTER_PORT));
	CHECK(is_refused(enclave_ns, "fd07:ca5e:3a7e::1", OUTER_PORT));
	CHECK(is_refused(enclave_ns, "192.0.2.1", published(0)));
	close(metadata4);
	close(metadata6);
	close(all);
}

/* With 169.254.169.254, fd00:ec2::/32, 192.0.2.1 and the loopback allowed. */
static void test_allowed(void)
{
	int metadata4 = server(outer_ns, "169.254.169.254", 80, SOCK_STREAM);
	int metadata6 = server(outer_ns, "fd00:ec2::254", 80, SOCK_STREAM);
	int own = server(host_ns, "192.0.2.1", OUTER_PORT, SOCK_STREAM);
	int loopback4 = server(host_ns, "127.0.0.1", OUTER_PORT, SOCK_STREAM);
	int loopback6 = server(host_ns, "::1", OUTER_PORT, SOCK_STREAM);

	check_tcp(enclave_ns, "169.254.169.254", 80, metadata4, "192.0.2.1", 1);
	check_tcp(enclave_ns, "fd00:ec2::254", 80, metadata6, "2001:db8::1", 1);
	check_tcp(enclave_ns, "192.0.2.1", OUTER_PORT, own, "10.7.0.2", 1);
	check_tcp(enclave_ns, "10.7.0.1", OUTER_PORT, loopback4, "10.7.0.2", 1);
	check_tcp(enclave_ns, "fd07:ca5e:3a7e::1", OUTER_PORT, loopback6, "fd07:ca5e:3a7e::2", 1);
	close(metadata4);
	close(metadata6);
	close(own);
	close(loopback4);
	close(loopback6);
}

/* A datagram, or a part of one that begins at a multiple of 8; ports count in the
 * first. sum: UDP's. */
struct datagram {
	const char *from, *to;
	uint16_t from_port, to_port, sum;
	size_t len, begin, end; /* of UDP's header and what follows */
	uint8_t fill;
};

static size_t put_datagram(uint8_t *out, const struct datagram *d)
{
	static uint8_t whole[4096];
	size_t n = d->end - d->begin;
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 9, .protocol = IPPROTO_UDP, .id = 7 };
	struct udphdr udp = { .uh_sport = htons(d->from_port), .uh_dport = htons(d->to_port) };

	memset(whole, d->fill, sizeof whole);
	udp.uh_ulen = htons((uint16_t)d->len);
	udp.uh_sum = htons(d->sum);
	memcpy(whole, &udp, sizeof udp);
	ip.tot_len = htons((uint16_t)(sizeof ip + n));
	ip.frag_off = htons((uint16_t)(d->begin / 8 | (d->end < d->len ? 0x2000 : 0)));
	inet_pton(AF_INET, d->from, &ip.saddr);
	inet_pton(AF_INET, d->to, &ip.daddr);
	memcpy(out, &ip, sizeof ip);
	memcpy(out + sizeof ip, whole + d->begin, n);
	return sizeof ip + n;
}

static void send_frame(enum link_kind kind, const struct datagram *d)
{
	uint8_t m[4000] = { 0 };
	size_t vnet = kind == LINK_APP ? LINK_VNET : 0;

	ask(ASK_FRAME, kind, slice_of(m, vnet + put_datagram(m + vnet, d)));
}

static void got(int fd, size_t n, uint8_t fill)
{
	uint8_t in[4096];

	CHECK(recv(fd, in, sizeof in, 0) == (ssize_t)n && in[0] == fill && in[n - 1] == fill);
}

/* What the enclave's kernel would not send. */
static void test_frames(void)
{
	int at = server(outer_ns, "192.0.2.2", OUTER_PORT, SOCK_DGRAM);
	struct datagram d = { "192.0.2.77", "192.0.2.2", 5000, OUTER_PORT, 0, 18, 0, 18, 'x' };

	send_frame(LINK_APP, &d);
	send_frame(LINK_PACKET, &d);
	d = (struct datagram){ "192.0.2.77", "192.0.2.2", 5000, OUTER_PORT, 0, 2000, 0, 1000, 'x' };
	send_frame(LINK_APP, &d);
	d.begin = 1000;
	d.end = 2000;
	send_frame(LINK_APP, &d);
	d.begin = 0;
	d.from = "10.7.0.2";
	d.len = d.end = 30;
	d.fill = 'a';
	send_frame(LINK_APP, &d);
	got(at, 22, 'a');
	d.fill = 'b';
	send_frame(LINK_PACKET, &d);
	got(at, 22, 'b');
	/* A link has no fragments. */
	d.fill = 'c';
	d.len = 2000;
	d.end = 1000;
	send_frame(LINK_APP, &d);
	d.begin = 1000;
	d.end = 2000;
	send_frame(LINK_APP, &d);
	d.fill = 'd';
	d.begin = 0;
	d.len = d.end = 30;
	send_frame(LINK_APP, &d);
	got(at, 22, 'd');
	close(at);
}

/* The outer network sends as it wants, and the host does not look. */
static void test_checksums(void)
{
	int at = server(enclave_ns, "10.7.0.2", APP_PORT, SOCK_DGRAM), raw;
	struct address to = address("192.0.2.1", 0);
	struct datagram d = { "192.0.2.2", "192.0.2.1", 5001, published(4), 1, 18, 0, 18, 'x' };
	uint8_t m[64];
	struct packet p;
	size_t n;

	run_in(host_ns, "echo 0 >/proc/sys/net/netfilter/nf_conntrack_checksum");
	CHECK(setns(outer_ns, CLONE_NEWNET) == 0);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	CHECK(setns(host_ns, CLONE_NEWNET) == 0);
	n = put_datagram(m, &d);
	CHECK(sendto(raw, m, n, 0, (struct sockaddr *)&to.at, to.len) == (ssize_t)n);
	/* One without, and one that is right. */
	d.sum = 0;
	d.fill = 'a';
	n = put_datagram(m, &d);
	CHECK(sendto(raw, m, n, 0, (struct sockaddr *)&to.at, to.len) == (ssize_t)n);
	got(at, 10, 'a');
	d.fill = 'b';
	for (unsigned sum = 1; sum <= UINT16_MAX; sum++) {
		d.sum = (uint16_t)sum;
		n = put_datagram(m, &d);
		if (packet_parse(slice_of(m, n), &p) == RC_OK && checksum_good(&p))
			break;
	}
	CHECK(sendto(raw, m, n, 0, (struct sockaddr *)&to.at, to.len) == (ssize_t)n);
	got(at, 10, 'b');
	run_in(host_ns, "echo 1 >/proc/sys/net/netfilter/nf_conntrack_checksum");
	close(raw);
	close(at);
}

static void test_names(void)
{
	static const uint8_t question[] = { 0x12, 0x34, 1, 0,   0,   1,   0, 0, 0, 0, 0, 0,
		                            1,    'a',  3, 'c', 'o', 'm', 0, 0, 1, 0, 1 };
	int at = server(host_ns, "127.0.0.1", 53, SOCK_DGRAM);
	int app = client(enclave_ns, "10.7.0.1", 53, SOCK_DGRAM);
	struct address from = { .len = sizeof from.at };
	uint8_t m[512];

	CHECK(send(app, question, sizeof question, 0) == sizeof question);
	CHECK(recvfrom(at, m, sizeof m, 0, (struct sockaddr *)&from.at, &from.len) ==
	      sizeof question);
	CHECK(memcmp(m, question, sizeof question) == 0 && port_of(&from) != 0);
	m[2] |= 0x80;
	m[3] = 3;
	CHECK(sendto(at, m, sizeof question, 0, (struct sockaddr *)&from.at, from.len) > 0);
	CHECK(recv(app, m, sizeof m, 0) == sizeof question && m[0] == 0x12 && m[3] == 3);
	close(at);
	close(app);
}

/* What was there before goes on, since both kernels are still there. */
static void test_link_lost(void)
{
	int listener = server(outer_ns, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	int fd = client(enclave_ns, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	int peer = accepted(listener, "192.0.2.1");

	ask(ASK_CUT, 0, slice_of("", 0));
	CHECK(transfer(fd, peer, 100000));
	CHECK(transfer(peer, fd, 100000));
	check_tcp(enclave_ns, "192.0.2.2", OUTER_PORT, listener, "192.0.2.1", 1000);
	close(fd);
	close(peer);
	close(listener);
}

/* Another one in the same network namespace leaves the first alone. */
static void test_second(void)
{
	pid_t first = gateway_pid;
	struct gateway g = gateway;
	int status;

	CHECK(!start_gateway((const char *const[]){ NULL }));
	CHECK(waitpid(gateway_pid, &status, 0) == gateway_pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAILED);
	CHECK(has_table() && has_device() && forwards());
	gateway_pid = first;
	gateway = g;
}

static void check_gone(void)
{
	CHECK(!has_table() && !has_device() && !forwards() && believes_routers());
}

/* The process that carries packets. */
static pid_t gateway_child(void)
{
	char name[64], text[32] = "";
	size_t len;

	snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)gateway_pid,
	         (int)gateway_pid);
	CHECK(io_read_file(name, text, sizeof text - 1, &len) == RC_OK);
	return atoi(text);
}

static void test_ends(void)
{
	static const char *const none[] = { NULL };
	static const char *const some[] = { "169.254.169.254", "fd00:ec2::/32", "192.0.2.1",
		                            "127.0.0.0/8",     "::1",           NULL };
	int status = end_gateway(SIGTERM);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OK);
	check_gone();
	CHECK(start_gateway(none));
	CHECK(has_table() && forwards());
	(void)end_gateway(SIGKILL);
	CHECK(has_table() && forwards());
	CHECK(start_gateway(none));
	CHECK(kill(gateway_child(), SIGKILL) == 0);
	CHECK(waitpid(gateway_pid, &status, 0) == gateway_pid && WIFEXITED(status) &&
	      WEXITSTATUS(status) == STATUS_FAILED);
	check_gone();
	CHECK(start_gateway(some));
	test_allowed();
	status = end_gateway(SIGINT);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OK);
	check_gone();
}

static void test_router_before(void)
{
	run_in(host_ns, "echo 1 >/proc/sys/net/ipv4/ip_forward");
	CHECK(start_gateway((const char *const[]){ NULL }));
	(void)end_gateway(SIGHUP);
	CHECK(is_set("/proc/sys/net/ipv4/ip_forward"));
	run_in(host_ns, "echo 0 >/proc/sys/net/ipv4/ip_forward");
	check_gone();
}

static bool failed_start(void)
{
	int status;

	return !start_gateway((const char *const[]){ NULL }) &&
	       waitpid(gateway_pid, &status, 0) == gateway_pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == STATUS_FAILED;
}

static void test_no_start(void)
{
	run_in(host_ns, "ip tuntap add casemate0 mode tun");
	CHECK(failed_start() && !has_table() && !forwards());
	run_in(host_ns, "ip tuntap del casemate0 mode tun");
	memcpy(path, "/nobody", 8);
	CHECK(failed_start());
	check_gone();
}

int main(void)
{
	const char *why = missing();

	if (why != NULL) {
		printf("skipped: TUN mode: %s\n", why);
		return test_end();
	}
	alarm(200);
	setvbuf(stdout, NULL, _IOLBF, 0);
	CHECK(mkdtemp(folder) != NULL);
	name_server();
	make_networks();
	check_gone();
	CHECK(start_gateway((const char *const[]){ NULL }));
	CHECK(has_table() && has_device() && forwards() && !believes_routers());
	test_outbound();
	test_inbound();
	test_ping();
	test_refused();
	test_frames();
	test_checksums();
	test_names();
	test_link_lost();
	test_second();
	test_ends();
	test_router_before();
	test_no_start();
	close(control);
	kill(outer_pid, SIGKILL);
	snprintf(path, sizeof path, "rm -rf %s", folder);
	CHECK(waitpid(enclave_pid, NULL, 0) == enclave_pid && system(path) == 0);
	return test_end();
}
