/* TUN mode, in three network namespaces (tun_net.h): what passes, who it comes from,
 * what is refused, and what is left when the gateway ends. */
#include "tools/casemate/gateway_tun.h"

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "net/checksum.h"
#include "net/packet_put.h"
#include "tests/unit/test.h"
#include "tests/unit/tun_net.h"
#include "tools/casemate/rules.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	APP_PORT = 7000,
	OUTER_PORT = 7100,
	BULK = 8 << 20,
};

static pid_t gateway_pid;
static struct gateway gateway;

/* --- the gateway -------------------------------------------------------------------- */

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
	snprintf(gateway.target.text, sizeof gateway.target.text, "unix:%s", tun_net.path);
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
		close(tun_net.control);
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

/* --- cases -------------------------------------------------------------------------- */

/* The other end would take larger ones than the outer link, and nobody tells. */
static void check_segments(int listener)
{
	int fd, max = 0;
	socklen_t len = sizeof max;

	tun_net_run(NET_OUTER, "ip link set in0 mtu 9000");
	fd = tun_net_client(NET_ENCLAVE, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &max, &len) == 0 && max > 0 && max <= 1460);
	close(tun_net_accepted(listener, "192.0.2.1"));
	close(fd);
	tun_net_run(NET_OUTER, "ip link set in0 mtu 1500");
}

static void test_outbound(void)
{
	int four = tun_net_server(NET_OUTER, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	int six = tun_net_server(NET_OUTER, "2001:db8::2", OUTER_PORT, SOCK_STREAM);
	int udp4 = tun_net_server(NET_OUTER, "192.0.2.2", OUTER_PORT, SOCK_DGRAM);
	int udp6 = tun_net_server(NET_OUTER, "2001:db8::2", OUTER_PORT, SOCK_DGRAM);

	tun_net_check_tcp(NET_ENCLAVE, "192.0.2.2", OUTER_PORT, four, "192.0.2.1", BULK);
	tun_net_check_tcp(NET_ENCLAVE, "2001:db8::2", OUTER_PORT, six, "2001:db8::1", BULK);
	check_segments(four);
	tun_net_check_udp(NET_ENCLAVE, "192.0.2.2", OUTER_PORT, udp4, "192.0.2.1",
	                  TUN_NET_FORWARDED);
	tun_net_check_udp(NET_ENCLAVE, "2001:db8::2", OUTER_PORT, udp6, "2001:db8::1", 1000);
	/* The gateway cuts them: what is one packet on the link is several outside. */
	for (size_t n = 1200; n < 1300; n++) {
		tun_net_check_udp(NET_ENCLAVE, "192.0.2.2", OUTER_PORT, udp4, "192.0.2.1", n);
		tun_net_check_udp(NET_ENCLAVE, "2001:db8::2", OUTER_PORT, udp6, "2001:db8::1", n);
	}
	tun_net_check_udp(NET_ENCLAVE, "192.0.2.2", OUTER_PORT, udp4, "192.0.2.1", 60000);
	tun_net_check_udp(NET_ENCLAVE, "2001:db8::2", OUTER_PORT, udp6, "2001:db8::1", 60000);
	close(four);
	close(six);
	close(udp4);
	close(udp6);
}

static void test_inbound(void)
{
	int tcp4 = tun_net_server(NET_ENCLAVE, "0.0.0.0", APP_PORT, SOCK_STREAM);
	int tcp6 = tun_net_server(NET_ENCLAVE, "fd07:ca5e:3a7e::2", APP_PORT, SOCK_STREAM);
	int udp4 = tun_net_server(NET_ENCLAVE, "10.7.0.2", APP_PORT, SOCK_DGRAM);
	int udp6 = tun_net_server(NET_ENCLAVE, "fd07:ca5e:3a7e::2", APP_PORT, SOCK_DGRAM);

	tun_net_check_tcp(NET_OUTER, "192.0.2.1", published(0), tcp4, "192.0.2.2", BULK);
	tun_net_check_tcp(NET_OUTER, "2001:db8::1", published(1), tcp6, "2001:db8::2", BULK);
	tun_net_check_udp(NET_OUTER, "192.0.2.1", published(4), udp4, "192.0.2.2",
	                  TUN_NET_FORWARDED);
	tun_net_check_udp(NET_OUTER, "2001:db8::1", published(5), udp6, "2001:db8::2", 1000);
	/* In fragments, of which the enclave sees none. */
	tun_net_check_udp(NET_OUTER, "192.0.2.1", published(4), udp4, "192.0.2.2", 8000);
	tun_net_check_udp(NET_OUTER, "2001:db8::1", published(5), udp6, "2001:db8::2", 8000);

	tun_net_check_tcp(NET_HOST, "192.0.2.1", published(0), tcp4, "192.0.2.1", BULK);
	tun_net_check_tcp(NET_HOST, "127.0.0.1", published(2), tcp4, "10.7.0.1", BULK);
	tun_net_check_tcp(NET_HOST, "::1", published(3), tcp6, "fd07:ca5e:3a7e::1", BULK);
	CHECK(tun_net_is_refused(NET_OUTER, "192.0.2.1", published(2)));
	CHECK(tun_net_is_refused(NET_OUTER, "10.7.0.2", APP_PORT));
	CHECK(tun_net_ask(TUN_NET_LARGEST, 0, slice_of("", 0)) > 1514);
	tun_net_check_tcp(NET_HOST, "10.7.0.2", APP_PORT, tcp4, "10.7.0.1", BULK);
	/* The host cuts no segments for this hop. */
	CHECK(tun_net_ask(TUN_NET_LARGEST, 0, slice_of("", 0)) > 30000);
	close(tcp4);
	close(tcp6);
	close(udp4);
	close(udp6);
}

static void check_ping(const char *to)
{
	struct at a = at_of(to, 0);
	bool v6 = a.u.any.sa_family == AF_INET6;
	uint8_t m[16] = { v6 ? 128 : 8, 0, 0, 0, 0x12, 0x34 }, in[64] = { 0 }, *reply = in;
	struct packet_ends ends = { .v6 = false };
	int fd;

	CHECK(tun_net_enter(NET_ENCLAVE));
	fd = socket(a.u.any.sa_family, SOCK_RAW | SOCK_CLOEXEC, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	CHECK(tun_net_enter(NET_HOST));
	packet_put_icmp_sum(m, sizeof m, &ends); /* of IPv6 the kernel does it */
	CHECK(connect(fd, &a.u.any, a.len) == 0);
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
	int metadata4 = tun_net_server(NET_OUTER, "169.254.169.254", 80, SOCK_STREAM);
	int metadata6 = tun_net_server(NET_OUTER, "fd00:ec2::254", 80, SOCK_STREAM);
	int all = tun_net_server(NET_HOST, "::", OUTER_PORT, SOCK_STREAM);

	CHECK(tun_net_is_refused(NET_ENCLAVE, "169.254.169.254", 80));
	CHECK(tun_net_is_refused(NET_ENCLAVE, "fd00:ec2::254", 80));
	CHECK(tun_net_is_refused(NET_ENCLAVE, "192.0.2.1", OUTER_PORT));
	CHECK(tun_net_is_refused(NET_ENCLAVE, "10.7.0.1", OUTER_PORT));
	CHECK(tun_net_is_refused(NET_ENCLAVE, "fd07:ca5e:3a7e::1", OUTER_PORT));
	CHECK(tun_net_is_refused(NET_ENCLAVE, "192.0.2.1", published(0)));
	close(metadata4);
	close(metadata6);
	close(all);
}

/* With 169.254.169.254, fd00:ec2::/32, 192.0.2.1 and the loopback allowed. */
static void test_allowed(void)
{
	int metadata4 = tun_net_server(NET_OUTER, "169.254.169.254", 80, SOCK_STREAM);
	int metadata6 = tun_net_server(NET_OUTER, "fd00:ec2::254", 80, SOCK_STREAM);
	int own = tun_net_server(NET_HOST, "192.0.2.1", OUTER_PORT, SOCK_STREAM);
	int loopback4 = tun_net_server(NET_HOST, "127.0.0.1", OUTER_PORT, SOCK_STREAM);
	int loopback6 = tun_net_server(NET_HOST, "::1", OUTER_PORT, SOCK_STREAM);

	tun_net_check_tcp(NET_ENCLAVE, "169.254.169.254", 80, metadata4, "192.0.2.1", 1);
	tun_net_check_tcp(NET_ENCLAVE, "fd00:ec2::254", 80, metadata6, "2001:db8::1", 1);
	tun_net_check_tcp(NET_ENCLAVE, "192.0.2.1", OUTER_PORT, own, "10.7.0.2", 1);
	tun_net_check_tcp(NET_ENCLAVE, "10.7.0.1", OUTER_PORT, loopback4, "10.7.0.2", 1);
	tun_net_check_tcp(NET_ENCLAVE, "fd07:ca5e:3a7e::1", OUTER_PORT, loopback6,
	                  "fd07:ca5e:3a7e::2", 1);
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

	tun_net_ask(TUN_NET_FRAME, kind, slice_of(m, vnet + put_datagram(m + vnet, d)));
}

static void got(int fd, size_t n, uint8_t fill)
{
	uint8_t in[4096];

	CHECK(recv(fd, in, sizeof in, 0) == (ssize_t)n && in[0] == fill && in[n - 1] == fill);
}

/* What the enclave's kernel would not send. */
static void test_frames(void)
{
	int at = tun_net_server(NET_OUTER, "192.0.2.2", OUTER_PORT, SOCK_DGRAM);
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
	int at = tun_net_server(NET_ENCLAVE, "10.7.0.2", APP_PORT, SOCK_DGRAM), raw;
	struct at to = at_of("192.0.2.1", 0);
	struct datagram d = { "192.0.2.2", "192.0.2.1", 5001, published(4), 1, 18, 0, 18, 'x' };
	uint8_t m[64];
	struct packet p;
	size_t n;

	tun_net_run(NET_HOST, "echo 0 >/proc/sys/net/netfilter/nf_conntrack_checksum");
	CHECK(tun_net_enter(NET_OUTER));
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	CHECK(tun_net_enter(NET_HOST));
	n = put_datagram(m, &d);
	CHECK(sendto(raw, m, n, 0, &to.u.any, to.len) == (ssize_t)n);
	/* One without, and one that is right. */
	d.sum = 0;
	d.fill = 'a';
	n = put_datagram(m, &d);
	CHECK(sendto(raw, m, n, 0, &to.u.any, to.len) == (ssize_t)n);
	got(at, 10, 'a');
	d.fill = 'b';
	for (unsigned sum = 1; sum <= UINT16_MAX; sum++) {
		d.sum = (uint16_t)sum;
		n = put_datagram(m, &d);
		if (packet_parse(slice_of(m, n), &p) == RC_OK && checksum_good(&p))
			break;
	}
	CHECK(sendto(raw, m, n, 0, &to.u.any, to.len) == (ssize_t)n);
	got(at, 10, 'b');
	tun_net_run(NET_HOST, "echo 1 >/proc/sys/net/netfilter/nf_conntrack_checksum");
	close(raw);
	close(at);
}

static void test_names(void)
{
	static const uint8_t question[] = { 0x12, 0x34, 1, 0,   0,   1,   0, 0, 0, 0, 0, 0,
		                            1,    'a',  3, 'c', 'o', 'm', 0, 0, 1, 0, 1 };
	int at = tun_net_server(NET_HOST, "127.0.0.1", 53, SOCK_DGRAM);
	int app = tun_net_client(NET_ENCLAVE, "10.7.0.1", 53, SOCK_DGRAM);
	struct at from = { .len = sizeof from.u };
	uint8_t m[512];

	CHECK(send(app, question, sizeof question, 0) == sizeof question);
	CHECK(recvfrom(at, m, sizeof m, 0, &from.u.any, &from.len) == sizeof question);
	CHECK(memcmp(m, question, sizeof question) == 0 && at_port(&from) != 0);
	m[2] |= 0x80;
	m[3] = 3;
	CHECK(sendto(at, m, sizeof question, 0, &from.u.any, from.len) > 0);
	CHECK(recv(app, m, sizeof m, 0) == sizeof question && m[0] == 0x12 && m[3] == 3);
	close(at);
	close(app);
}

/* What was there before goes on, since both kernels are still there. */
static void test_link_lost(void)
{
	int listener = tun_net_server(NET_OUTER, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	int fd = tun_net_client(NET_ENCLAVE, "192.0.2.2", OUTER_PORT, SOCK_STREAM);
	int peer = tun_net_accepted(listener, "192.0.2.1");

	tun_net_ask(TUN_NET_CUT, 0, slice_of("", 0));
	CHECK(tun_net_transfer(fd, peer, 100000));
	CHECK(tun_net_transfer(peer, fd, 100000));
	tun_net_check_tcp(NET_ENCLAVE, "192.0.2.2", OUTER_PORT, listener, "192.0.2.1", 1000);
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

/* Who reads what the enclave sends is nobody, and cannot become anybody. */
static void test_rights(void)
{
	static const char *const has[] = { "Uid:\t65534\t65534\t65534\t65534\n",
		                           "Gid:\t65534\t65534\t65534\t65534\n",
		                           "Groups:\t \n",
		                           "CapEff:\t0000000000000000\n",
		                           "CapPrm:\t0000000000000000\n",
		                           "NoNewPrivs:\t1\n" };
	char name[64], text[4096] = "";
	size_t len;

	snprintf(name, sizeof name, "/proc/%d/status", (int)gateway_child());
	CHECK(io_read_file(name, text, sizeof text - 1, &len) == RC_OK);
	for (size_t i = 0; i < sizeof has / sizeof has[0]; i++)
		CHECK(strstr(text, has[i]) != NULL);
	snprintf(name, sizeof name, "/proc/%d/limits", (int)gateway_child());
	CHECK(io_read_file(name, text, sizeof text - 1, &len) == RC_OK);
	text[len] = '\0';
	CHECK(strstr(text, "Max processes             0                    0 ") != NULL);
}

/* The child's descriptor of the device. */
static int device_of(pid_t pid)
{
	int all = (int)syscall(SYS_pidfd_open, pid, 0), fd = -1;
	char name[64], what[64];
	ssize_t n;

	for (int i = 0; fd < 0 && i < 64; i++) {
		snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)pid, i);
		n = readlink(name, what, sizeof what - 1);
		what[n < 0 ? 0 : n] = '\0';
		if (strcmp(what, "/dev/net/tun") == 0)
			fd = (int)syscall(SYS_pidfd_getfd, all, i, 0);
	}
	close(all);
	return fd;
}

/* One that was taken over may let the device outlive it: the rules do not go before. */
static void test_device_stays(void)
{
	int fd = device_of(gateway_child());

	CHECK(fd >= 0 && ioctl(fd, TUNSETPERSIST, 1) == 0);
	end_gateway(SIGTERM);
	check_gone();
	close(fd);
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
	CHECK(start_gateway(none));
	test_device_stays();
	CHECK(start_gateway(some));
	test_allowed();
	status = end_gateway(SIGINT);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OK);
	check_gone();
}

static void test_router_before(void)
{
	tun_net_run(NET_HOST, "echo 1 >/proc/sys/net/ipv4/ip_forward");
	CHECK(start_gateway((const char *const[]){ NULL }));
	(void)end_gateway(SIGHUP);
	CHECK(is_set("/proc/sys/net/ipv4/ip_forward"));
	tun_net_run(NET_HOST, "echo 0 >/proc/sys/net/ipv4/ip_forward");
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
	tun_net_run(NET_HOST, "ip tuntap add casemate0 mode tun");
	CHECK(failed_start() && !has_table() && !forwards());
	tun_net_run(NET_HOST, "ip tuntap del casemate0 mode tun");
	memcpy(tun_net.path, "/nobody", 8);
	CHECK(failed_start());
	check_gone();
}

int main(void)
{
	const char *why = tun_net_missing();

	if (why != NULL) {
		printf("skipped: TUN mode: %s\n", why);
		return test_end();
	}
	alarm(200);
	setvbuf(stdout, NULL, _IOLBF, 0);
	tun_net_start();
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
	test_rights();
	test_link_lost();
	test_second();
	test_ends();
	test_router_before();
	test_no_start();
	tun_net_stop();
	return test_end();
}
