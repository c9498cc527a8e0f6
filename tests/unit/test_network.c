/* The gateway between sockets of an app, in a kernel of its own (app_peer.h), and
 * sockets of the host: what every program can see. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "tests/unit/app_peer.h"
#include "tests/unit/stack_peer.h"
#include "tests/unit/test.h"
#include "tools/casemate/gateway.h"
#include "tools/casemate/text.h"

#define GATEWAY4 "10.7.0.1"
#define GATEWAY6 "fd07:ca5e:3a7e::1"

enum { TCP4, UDP4, TCP6, UDP6, TCP_HERE, UDP_HERE, PORTS };
enum { APP_PORT = 8080, BULK = 4 << 20, MANY = 1000, EACH = 100000, ROUNDS = 3 };

static struct app_peer app;
static struct gateway gateway;
static pid_t pid;
static uint8_t bulk[BULK], back[BULK];

static void gateway_start(const char *conf)
{
	static const char *const ports[PORTS] = {
		[TCP4] = HOST4 ":0:8080",      [UDP4] = HOST4 ":0:8080/udp",
		[TCP6] = "[" HOST6 "]:0:8080", [UDP6] = "[" HOST6 "]:0:8080/udp",
		[TCP_HERE] = "0:8080",         [UDP_HERE] = "0:8080/udp",
	};

	/* What is beyond the gateway is this host, too. */
	static const char *const allowed[] = { "127.0.0.1", "::1", HOST4, HOST6 };

	gateway.resolv_conf = conf;
	gateway.target.kind = TARGET_UNIX;
	snprintf(gateway.target.text, sizeof gateway.target.text, "unix:%s", app.path);
	gateway.ports = PORTS;
	for (size_t i = 0; i < PORTS; i++)
		CHECK(publish_parse(ports[i], &gateway.port[i]));
	CHECK(publish_open(gateway.port, PORTS));
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		CHECK(destinations_parse(allowed[i], &gateway.destinations.allowed[i]));
	gateway.destinations.n = sizeof allowed / sizeof allowed[0];
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(200);
		say_verb("gateway");
		_exit(gateway_serve(&gateway));
	}
	publish_close(gateway.port, PORTS);
}

static struct at published(int port)
{
	struct at a = { .len = gateway.port[port].at_len };

	memcpy(&a.u, &gateway.port[port].at, a.len);
	return a;
}

static int take(int listener, struct at *from)
{
	struct at a = { .len = sizeof a.u };
	int fd = accept4(listener, &a.u.any, &a.len, SOCK_CLOEXEC);

	if (from != NULL)
		*from = a;
	return fd;
}

/* --- out: TCP ---------------------------------------------------------------------- */

/* Both directions, each with its own end. */
static void talk(int a, int b)
{
	CHECK(io_write_full(a, bulk, 100000) == RC_OK && io_read_full(b, back, 100000) == RC_OK);
	CHECK(memcmp(bulk, back, 100000) == 0);
	CHECK(shutdown(a, SHUT_WR) == 0 && at_end(b));
	CHECK(io_write_full(b, bulk, 50000) == RC_OK && io_read_full(a, back, 50000) == RC_OK);
	CHECK(memcmp(bulk, back, 50000) == 0);
	CHECK(shutdown(b, SHUT_WR) == 0 && at_end(a));
	close(a);
	close(b);
}

static void tcp_out(const char *there, const char *name)
{
	struct at a = at_of(there, 0), to;
	int listener = at_bind(PLACE_HOST, &app, SOCK_STREAM, &a);
	int fd;

	to = at_of(name, at_port(&a));
	fd = at_connect(PLACE_APP, &app, SOCK_STREAM, &to);
	if (CHECK(fd >= 0))
		talk(fd, take(listener, NULL));
	/* Theirs ends first. */
	fd = at_connect(PLACE_APP, &app, SOCK_STREAM, &to);
	if (CHECK(fd >= 0))
		talk(take(listener, NULL), fd);
	close(listener);
	/* Nobody listens any more: at once. */
	CHECK(at_connect(PLACE_APP, &app, SOCK_STREAM, &to) < 0 && errno == ECONNREFUSED);
}

static void test_tcp_out(void)
{
	tcp_out(HOST4, HOST4);
	tcp_out(HOST6, HOST6);
	tcp_out("127.0.0.1", GATEWAY4);
	tcp_out("::1", GATEWAY6);
}

static void test_cut(void)
{
	struct linger reset = { .l_onoff = 1 };
	struct at a = at_of(HOST4, 0);
	int listener = at_bind(PLACE_HOST, &app, SOCK_STREAM, &a), fd, other;

	for (int by = 0; by < 2; by++) {
		fd = at_connect(PLACE_APP, &app, SOCK_STREAM, &a);
		other = take(listener, NULL);
		CHECK(io_write_full(fd, "x", 1) == RC_OK && io_read_full(other, back, 1) == RC_OK);
		CHECK(setsockopt(by ? fd : other, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) ==
		      0);
		close(by ? fd : other);
		CHECK(is_cut(by ? other : fd));
		close(by ? other : fd);
	}
	close(listener);
}

static void test_prohibited(void)
{
	static const char *const no[] = { "169.254.169.254", "10.7.0.3", "0.0.0.1",  "fe80::1",
		                          "fd00:ec2::254",   "ff02::1",  "224.0.0.1" };

	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		struct at to = at_of(no[i], 80);
		int fd;

		if (i < 3 || i == 4)
			CHECK(at_connect(PLACE_APP, &app, SOCK_STREAM, &to) < 0 &&
			      errno == ECONNREFUSED);
		if (i == 0 || i == 1 || i == 4) {
			fd = at_connect(PLACE_APP, &app, SOCK_DGRAM, &to);
			CHECK(fd >= 0 && send(fd, "x", 1, 0) == 1);
			CHECK(recv(fd, back, 1, 0) < 0 &&
			      (errno == EHOSTUNREACH || errno == EACCES));
			close(fd);
		}
	}
}

/* Somebody listens where the app may not go. */
static void test_prohibited_there(void)
{
	struct at a = at_of(LOCAL4, 0), b = a;
	int listener = at_bind(PLACE_HOST, &app, SOCK_STREAM, &a), fd;
	int server = at_bind(PLACE_HOST, &app, SOCK_DGRAM, &b);

	CHECK(at_connect(PLACE_APP, &app, SOCK_STREAM, &a) < 0 && errno == ECONNREFUSED);
	fd = at_connect(PLACE_APP, &app, SOCK_DGRAM, &b);
	CHECK(fd >= 0 && send(fd, "x", 1, 0) == 1);
	CHECK(recv(fd, back, 1, 0) < 0 && errno == EHOSTUNREACH);
	CHECK(recv(server, back, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	close(fd);
	close(server);
	close(listener);
}

/* --- out: UDP, echo, names ----------------------------------------------------------- */

static void udp_out(const char *there, const char *name, size_t max)
{
	struct at a = at_of(there, 0), to, from = { .len = sizeof from.u };
	int server = at_bind(PLACE_HOST, &app, SOCK_DGRAM, &a), fd;
	size_t sizes[] = { 0, 1, 64, 1400, 9000, max };
	char c;

	to = at_of(name, at_port(&a));
	fd = at_connect(PLACE_APP, &app, SOCK_DGRAM, &to);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		CHECK(send(fd, bulk, sizes[i], 0) == (ssize_t)sizes[i]);
		CHECK(recvfrom(server, back, sizeof back, 0, &from.u.any, &from.len) ==
		      (ssize_t)sizes[i]);
		CHECK(memcmp(bulk, back, sizes[i]) == 0);
		CHECK(sendto(server, bulk + 1, sizes[i], 0, &from.u.any, from.len) ==
		      (ssize_t)sizes[i]);
		CHECK(recv(fd, back, sizeof back, 0) == (ssize_t)sizes[i]);
		CHECK(memcmp(bulk + 1, back, sizes[i]) == 0);
	}
	close(server);
	CHECK(send(fd, "x", 1, 0) == 1);
	CHECK(recv(fd, &c, 1, 0) < 0 && errno == ECONNREFUSED);
	close(fd);
}

static void test_udp_out(void)
{
	udp_out(HOST4, HOST4, 65507);
	udp_out(HOST6, HOST6, 65535 - 48);
	udp_out("127.0.0.1", GATEWAY4, 65507);
	udp_out("::1", GATEWAY6, 65535 - 48);
}

static void echo(bool v6, const char *there)
{
	struct icmphdr icmp = { .type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO };
	struct at to = at_of(there, 0);
	size_t n = sizeof icmp + 1000, head = v6 ? 0 : 20;
	uint32_t sum = 0;
	ssize_t got;
	int fd;

	app_peer_enter(&app, PLACE_APP);
	fd = socket(to.u.any.sa_family, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	icmp.un.echo.id = htons(777);
	icmp.un.echo.sequence = htons(5);
	memcpy(back, bulk, n);
	memcpy(back, &icmp, sizeof icmp);
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)back[i] << 8 | back[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	icmp.checksum = htons((uint16_t) ~(sum + (sum >> 16)));
	memcpy(back, &icmp, sizeof icmp);
	CHECK(fd >= 0 && sendto(fd, back, n, 0, &to.u.any, to.len) == (ssize_t)n);
	icmp.type = v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	do
		got = recv(fd, back, sizeof back, 0);
	while (got > 0 && back[head] != icmp.type);
	CHECK(got == (ssize_t)(n + head));
	CHECK(memcmp(back + head + 4, &icmp.un, 4) == 0);
	CHECK(memcmp(back + head + 8, bulk + 8, n - 8) == 0);
	close(fd);
}

static void test_echo(void)
{
	echo(false, HOST4);
	echo(true, HOST6);
	echo(false, GATEWAY4);
}

/* A question, answered by a name server of this host. */
static void test_names(void)
{
	static const uint8_t question[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
					  "\x04"
					  "name\x04"
					  "test\x00\x00\x01\x00";
	struct at a = at_of("127.0.0.1", 53), to = at_of(GATEWAY4, 53);
	struct at from = { .len = sizeof from.u };
	int server = at_bind(PLACE_HOST, &app, SOCK_DGRAM, &a);
	int fd = at_connect(PLACE_APP, &app, SOCK_DGRAM, &to);
	size_t n = sizeof question;

	/* The literal's final NUL is the last byte, 1, of the class. */
	memcpy(back, question, n);
	back[n - 1] = 1;
	CHECK(send(fd, back, n, 0) == (ssize_t)n);
	CHECK(recvfrom(server, back, sizeof back, 0, &from.u.any, &from.len) == (ssize_t)n);
	back[2] |= 0x80;
	CHECK(sendto(server, back, n, 0, &from.u.any, from.len) == (ssize_t)n);
	CHECK(recv(fd, back, sizeof back, 0) == (ssize_t)n && back[0] == 0x12 && back[1] == 0x34 &&
	      back[2] == 0x81);
	close(fd);
	close(server);
}

/* --- in ---------------------------------------------------------------------------------- */

static void tcp_in(int port, const char *bound, const char *there, const char *seen, bool same)
{
	struct at a = at_of(bound, APP_PORT), to = published(port), from, own;
	int listener = at_bind(PLACE_APP, &app, SOCK_STREAM, &a), fd, other;

	own = at_of(there, 0);
	app_peer_enter(&app, PLACE_HOST);
	fd = socket(own.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, &own.u.any, own.len) == 0 && connect(fd, &to.u.any, to.len) == 0);
	CHECK(getsockname(fd, &own.u.any, &own.len) == 0);
	other = take(listener, &from);
	CHECK(other >= 0 && at_is(&from, seen) && (!same || at_port(&from) == at_port(&own)));
	talk(fd, other);
	close(listener);
	/* The app does not listen: the client is told at once. */
	fd = at_connect(PLACE_HOST, &app, SOCK_STREAM, &to);
	CHECK(fd >= 0 && is_cut(fd));
	close(fd);
}

static void test_tcp_in(void)
{
	tcp_in(TCP4, "10.7.0.2", HOST4, HOST4, true);
	tcp_in(TCP6, "fd07:ca5e:3a7e::2", HOST6, HOST6, true);
	tcp_in(TCP_HERE, "10.7.0.2", "127.0.0.1", GATEWAY4, true);
	tcp_in(TCP_HERE, "10.7.0.2", "127.0.0.9", GATEWAY4, true);
}

/* Two clients of one port number at different addresses of the loopback: for the app
 * the gateway's with different ports. */
static void test_tcp_in_same_port(void)
{
	struct at a = at_of("10.7.0.2", APP_PORT), to = published(TCP_HERE), own, from[2];
	int listener = at_bind(PLACE_APP, &app, SOCK_STREAM, &a), fd[2], other[2];

	own = at_of("127.0.0.5", 5555);
	for (int i = 0; i < 2; i++) {
		app_peer_enter(&app, PLACE_HOST);
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK(bind(fd[i], &own.u.any, own.len) == 0 &&
		      connect(fd[i], &to.u.any, to.len) == 0);
		other[i] = take(listener, &from[i]);
		CHECK(other[i] >= 0 && at_is(&from[i], GATEWAY4));
		own = at_of("127.0.0.6", 5555);
	}
	CHECK(at_port(&from[0]) == 5555 && at_port(&from[1]) != 5555);
	talk(fd[0], other[0]);
	talk(fd[1], other[1]);
	close(listener);
}

static void udp_in(int port, const char *bound, const char *there, const char *seen)
{
	struct at a = at_of(bound, APP_PORT), to = published(port), own = at_of(there, 0), from;
	int server = at_bind(PLACE_APP, &app, SOCK_DGRAM, &a);
	int fd = at_bind(PLACE_HOST, &app, SOCK_DGRAM, &own);

	CHECK(connect(fd, &to.u.any, to.len) == 0);
	for (size_t n = 1; n < 60000; n = n * 3 + 1) {
		CHECK(send(fd, bulk, n, 0) == (ssize_t)n);
		from.len = sizeof from.u;
		CHECK(recvfrom(server, back, sizeof back, 0, &from.u.any, &from.len) == (ssize_t)n);
		CHECK(at_is(&from, seen) && at_port(&from) == at_port(&own));
		CHECK(memcmp(back, bulk, n) == 0);
		CHECK(sendto(server, bulk + 1, n, 0, &from.u.any, from.len) == (ssize_t)n);
		CHECK(recv(fd, back, sizeof back, 0) == (ssize_t)n);
		CHECK(memcmp(back, bulk + 1, n) == 0);
	}
	close(fd);
	close(server);
}

static void test_udp_in(void)
{
	udp_in(UDP4, "10.7.0.2", HOST4, HOST4);
	udp_in(UDP6, "fd07:ca5e:3a7e::2", HOST6, HOST6);
	udp_in(UDP_HERE, "10.7.0.2", "127.0.0.1", GATEWAY4);
}

/* --- many, stuck, cut -------------------------------------------------------------------- */

/* One end of a flow: sends EACH bytes and its end, wants as many and theirs. */
struct end {
	int fd;
	size_t sends, wants; /* where in the pattern each begins */
	size_t in, out;
	bool over;
};

static struct end ends[2 * MANY];

static bool move(struct end *e)
{
	uint8_t buf[16384];
	size_t n = 0;
	ssize_t r;

	for (; n < sizeof buf && e->out + n < EACH; n++)
		buf[n] = pattern(e->sends + e->out + n);
	r = n > 0 ? send(e->fd, buf, n, MSG_DONTWAIT) : 0;
	e->out += r > 0 ? (size_t)r : 0;
	if (n > 0 && e->out == EACH && shutdown(e->fd, SHUT_WR) != 0)
		return false;
	if (r < 0 && errno != EAGAIN)
		return false;
	r = recv(e->fd, buf, sizeof buf, MSG_DONTWAIT);
	for (ssize_t i = 0; i < r; i++) {
		if (buf[i] != pattern(e->wants + e->in++))
			return false;
	}
	e->over = r == 0;
	return r != 0 || e->in == EACH;
}

static void test_many(void)
{
	static struct pollfd p[2 * MANY];
	struct at to[2] = { at_of(HOST4, 0), at_of(HOST6, 0) };
	int listener[2], left = 2 * MANY;

	for (int i = 0; i < 2; i++)
		listener[i] = at_bind(PLACE_HOST, &app, SOCK_STREAM, &to[i]);
	for (size_t i = 0; i < MANY; i++) {
		int fd = at_connect(PLACE_APP, &app, SOCK_STREAM, &to[i % 2]);

		CHECK(fd >= 0);
		ends[2 * i] = (struct end){ .fd = fd, .sends = i * 13, .wants = i * 7 };
		fd = take(listener[i % 2], NULL);
		ends[2 * i + 1] = (struct end){ .fd = fd, .sends = i * 7, .wants = i * 13 };
	}
	for (int i = 0; i < 2; i++)
		close(listener[i]);
	while (left > 0) {
		for (size_t i = 0; i < 2 * MANY; i++)
			p[i] = (struct pollfd){
				.fd = ends[i].over ? -1 : ends[i].fd,
				.events = POLLIN | (ends[i].out < EACH ? POLLOUT : 0),
			};
		if (!CHECK(poll(p, 2 * MANY, -1) > 0))
			return;
		for (size_t i = 0; i < 2 * MANY; i++) {
			if (p[i].fd < 0 || p[i].revents == 0)
				continue;
			if (!CHECK(move(&ends[i])))
				return;
			left -= ends[i].over;
		}
	}
	for (size_t i = 0; i < 2 * MANY; i++)
		close(ends[i].fd);
}

/* Writes until it is full. */
static void stuff(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t sent = 0;

	while (poll(&p, 1, 0) == 1 && sent < 256 << 20) {
		ssize_t n = send(fd, bulk, BULK, MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		tcp_out(HOST4, HOST4); /* another flow, all the while */
	}
	CHECK(sent > 0 && sent < 256 << 20);
}

/* Peers that never read, on either side; when they do at last, all is there. */
static void test_stuck(void)
{
	struct at a = at_of(HOST4, 0);
	int listener = at_bind(PLACE_HOST, &app, SOCK_STREAM, &a);

	for (int side = 0; side < 2; side++) {
		int fd[2];

		fd[0] = at_connect(PLACE_APP, &app, SOCK_STREAM, &a);
		fd[1] = take(listener, NULL);
		stuff(fd[side]);
		CHECK(shutdown(fd[side], SHUT_WR) == 0);
		while (read(fd[!side], back, sizeof back) > 0)
			;
		CHECK(shutdown(fd[!side], SHUT_WR) == 0 && at_end(fd[side]));
		close(fd[0]);
		close(fd[1]);
	}
	close(listener);
}

/* The link ends with flows of each kind open: cut, and new ones work. */
static void test_link_lost(void)
{
	struct at a = at_of(HOST4, 0), b = at_of("10.7.0.2", APP_PORT), to = published(TCP4);
	int out = at_bind(PLACE_HOST, &app, SOCK_STREAM, &a);
	int in = at_bind(PLACE_APP, &app, SOCK_STREAM, &b);

	for (int i = 0; i < ROUNDS; i++) {
		int fd[4];

		fd[0] = at_connect(PLACE_APP, &app, SOCK_STREAM, &a);
		fd[1] = take(out, NULL);
		fd[2] = at_connect(PLACE_HOST, &app, SOCK_STREAM, &to);
		fd[3] = take(in, NULL);
		app_peer_cut(&app);
		/* What the app's ends are told is the gate's to do. */
		CHECK(is_cut(fd[1]) && is_cut(fd[2]));
		for (int n = 0; n < 4; n++)
			close(fd[n]);
		/* It waits in the port's queue until there is a link. */
		fd[0] = at_connect(PLACE_HOST, &app, SOCK_STREAM, &to);
		talk(fd[0], take(in, NULL));
	}
	close(in);
	close(out);
	test_udp_out();
}

int main(void)
{
	char conf[] = "/tmp/casemate-conf-XXXXXX";
	int fd, status = -1;

	struct rlimit files;

	alarm(200);
	CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
	files.rlim_cur = files.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
	if (!app_peer_start(&app))
		return test_end();
	for (size_t i = 0; i < BULK; i++)
		bulk[i] = pattern(i);
	fd = mkstemp(conf);
	CHECK(fd >= 0 && write(fd, "nameserver 127.0.0.1\n", 21) == 21);
	close(fd);
	gateway_start(conf);
	test_tcp_out();
	test_cut();
	test_prohibited();
	test_prohibited_there();
	test_udp_out();
	test_echo();
	test_names();
	test_tcp_in();
	test_tcp_in_same_port();
	test_udp_in();
	test_stuck();
	test_many();
	test_link_lost();
	CHECK(kill(pid, SIGTERM) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	unlink(conf);
	app_peer_stop(&app);
	return test_end();
}
