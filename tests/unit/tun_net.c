#include "tests/unit/tun_net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "appliance/base/io.h"
#include "net/tun.h"
#include "net/wire.h"

struct tun_net tun_net = { .folder = "/tmp/tun.XXXXXX" };

/* --- the enclave ------------------------------------------------------------------ */

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
	if (m[0] == TUN_NET_CUT)
		io_close(&e.wire.fd);
	if (m[0] == TUN_NET_FRAME && (out = wire_room(&e.wire, (size_t)n - 2)) != NULL) {
		memcpy(out, m + 2, (size_t)n - 2);
		wire_put(&e.wire, m[1], (size_t)n - 2);
	}
	if (write(e.control, &e.largest, sizeof e.largest) < 0)
		abort();
	e.largest = 0;
}

_Noreturn void tun_net_enclave(int control)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, tun_net.path, sizeof tun_net.path);
	e.control = control;
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
		if (p[3].revents & POLLOUT)
			e.wire.full = false;
		(void)wire_write(&e.wire);
	}
}

/* --- the networks ----------------------------------------------------------------- */

bool tun_net_enter(enum tun_net_place place)
{
	return setns(tun_net.ns[place], CLONE_NEWNET) == 0;
}

void tun_net_run(enum tun_net_place place, const char *command)
{
	if (!tun_net_enter(place) || system(command) != 0 || !tun_net_enter(NET_HOST)) {
		printf("%s: it did not work\n", command);
		exit(1);
	}
}

int tun_net_ns_of(pid_t pid)
{
	char name[64];

	snprintf(name, sizeof name, "/proc/%d/ns/net", (int)pid);
	return open(name, O_RDONLY | O_CLOEXEC);
}

pid_t tun_net_outer(void)
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

const char *tun_net_missing(void)
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

/* --- sockets ---------------------------------------------------------------------- */

int tun_net_socket(enum tun_net_place place, const struct at *a, int type)
{
	int fd, one = 1;

	if (!tun_net_enter(place))
		return -1;
	fd = socket(a->u.any.sa_family, type | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (!tun_net_enter(NET_HOST))
		abort();
	return fd;
}

int tun_net_client(enum tun_net_place place, const char *text, uint16_t port, int type)
{
	struct at a = at_of(text, port);
	int fd = tun_net_socket(place, &a, type);

	if (connect(fd, &a.u.any, a.len) != 0)
		io_close(&fd);
	return fd;
}

bool tun_net_is_refused(enum tun_net_place place, const char *text, uint16_t port)
{
	int fd = tun_net_client(place, text, port, SOCK_STREAM);
	bool refused = fd < 0 && errno == ECONNREFUSED;

	if (!refused)
		printf("%s: %s\n", text, fd < 0 ? strerror(errno) : "connected");
	io_close(&fd);
	return refused;
}

bool tun_net_is_from(const struct at *a, const char *text)
{
	bool v6 = a->u.any.sa_family == AF_INET6;
	char got[INET6_ADDRSTRLEN] = "";

	if (at_is(a, text))
		return true;
	inet_ntop(a->u.any.sa_family,
	          v6 ? (const void *)&a->u.six.sin6_addr : (const void *)&a->u.four.sin_addr, got,
	          sizeof got);
	printf("from %s, not %s\n", got, text);
	return false;
}

uint8_t tun_net_byte_at(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

bool tun_net_transfer(int from, int to, size_t n)
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
				out[i] = tun_net_byte_at(sent + i);
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
			if (in[i] != tun_net_byte_at(got))
				return false;
		}
	}
	return true;
}
