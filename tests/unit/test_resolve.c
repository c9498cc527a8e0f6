/* The gateway's resolver and servers on this host's loopback that behave as a case
 * wants; and resolv.conf as people write it. Time is what a case says it is. */
#include "tools/casemate/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "tests/unit/test.h"
#include "tools/casemate/resolvconf.h"

enum { FIRST = 1000, SERVERS = 3, TAG = 77, SERVFAIL = 2 };

static char folder[] = "/tmp/casemate-resolve-XXXXXX", conf[64];
static int epoll = -1, udp[SERVERS], tcp[SERVERS];
static uint16_t port;
static uint64_t tag;

/* --- servers: 127.0.0.1 to 127.0.0.3, UDP and TCP at one port ------------------------- */

static int open_at(int type, unsigned host, uint16_t at)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(at) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	a.sin_addr.s_addr = htonl(0x7f000001 + host);
	/* Connections that have just ended are not in the way. */
	if ((type == SOCK_STREAM &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) ||
	    bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 8) != 0))
		io_close(&fd);
	return fd;
}

static bool servers_open(uint16_t at)
{
	bool all = true;

	for (unsigned i = 0; i < SERVERS; i++) {
		udp[i] = open_at(SOCK_DGRAM, i, at);
		tcp[i] = open_at(SOCK_STREAM, i, at);
		all = all && udp[i] >= 0 && tcp[i] >= 0;
	}
	return all;
}

static void servers_close(void)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		io_close(&udp[i]);
		io_close(&tcp[i]);
	}
}

/* A port that is free at all of them. */
static void servers_begin(void)
{
	for (port = 20053; !servers_open(port); port++)
		servers_close();
}

static struct sockaddr_in client; /* of what was received last */

static size_t received(unsigned server, uint8_t m[512])
{
	socklen_t len = sizeof client;
	ssize_t n = recvfrom(udp[server], m, 512, 0, (struct sockaddr *)&client, &len);

	return n > 0 ? (size_t)n : 0;
}

static bool silent(unsigned server)
{
	uint8_t m[1];

	return recv(udp[server], m, sizeof m, MSG_DONTWAIT | MSG_PEEK) < 0;
}

static void give(unsigned server, const uint8_t *m, size_t n)
{
	CHECK(sendto(udp[server], m, n, 0, (struct sockaddr *)&client, sizeof client) ==
	      (ssize_t)n);
}

/* --- the gateway's side ------------------------------------------------------------------ */

static size_t make(uint8_t m[512], unsigned id)
{
	struct wbuf w = wbuf_of(m, 512);

	wbuf_u32_be(&w, id << 16 | 0x0100);
	wbuf_u32_be(&w, 1 << 16);
	wbuf_u32_be(&w, 0);
	wbuf_put(&w, "\1A\7eXample\0\0\1\0\1", 15);
	return w.len;
}

static void begin(const char *text)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	test_put(folder, "conf", text);
	resolve_init(epoll, FIRST, conf, port);
	tag = 0;
}

static void end(int fds)
{
	resolve_reset();
	CHECK(resolve_deadline() == INT64_MAX);
	io_close(&epoll);
	CHECK(test_fds() == fds);
}

static void ask(unsigned id)
{
	uint8_t m[512];

	CHECK(resolve_ask(slice_of(m, make(m, id)), TAG + id, 0));
}

/* The next event; what comes of it. */
static struct slice event(int64_t now)
{
	struct epoll_event e;

	if (!CHECK(epoll_wait(epoll, &e, 1, -1) == 1 && e.data.u32 >= FIRST))
		return slice_of(NULL, 0);
	return resolve_io(e.data.u32 - FIRST, now, &tag);
}

static void test_plain(void)
{
	uint8_t m[512], want[512];
	int fds = test_fds();
	struct slice s;
	size_t n;

	begin("nameserver 127.0.0.1\n");
	ask(0x1234);
	CHECK(resolve_deadline() == RESOLVE_TRY_MS);
	n = received(0, m);
	CHECK(n == make(want, 0x1234) && memcmp(m, want, n) == 0);
	m[2] |= 0x80;
	m[n] = 'x'; /* more than the question */
	/* Of another id, a question, another question, nothing, cut; by another server. */
	m[0] ^= 1;
	give(0, m, n);
	m[0] ^= 1;
	m[2] ^= 0x80;
	give(0, m, n);
	m[2] ^= 0x80;
	m[13] ^= 0x20;
	give(0, m, n);
	m[13] ^= 0x20;
	give(0, m, 0);
	give(0, m, n - 1);
	give(1, m, n);
	for (int i = 0; i < 5; i++)
		CHECK(event(0).len == 0 && tag == 0);
	give(0, m, n + 1);
	s = event(0);
	CHECK(slice_eq(s, slice_of(m, n + 1)) && tag == TAG + 0x1234);
	end(fds);
}

static void test_not_asked(void)
{
	uint8_t m[RESOLVE_ASK_MAX + 1] = { 0 };
	int fds = test_fds();
	size_t n;

	begin("nameserver 127.0.0.1\n");
	n = make(m, 1);
	for (size_t cut = 0; cut < n; cut++) {
		struct slice g = test_guard(slice_of(m, cut));

		CHECK(!resolve_ask(g, 1, 0));
		test_unguard(g);
	}
	CHECK(!resolve_ask(slice_of(m, sizeof m), 1, 0));
	m[2] |= 0x80;
	CHECK(!resolve_ask(slice_of(m, n), 1, 0));
	CHECK(resolve_deadline() == INT64_MAX && silent(0));
	CHECK(resolve_io(RESOLVE_MAX, 0, &tag).len == 0 && resolve_io(0, 0, &tag).len == 0);
	end(fds);
}

static void test_deadlines(void)
{
	uint8_t m[512];
	int fds = test_fds();
	struct slice s;

	begin("nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n");
	ask(5);
	for (unsigned i = 0; i < SERVERS; i++) {
		CHECK(received(i, m) > 0 && silent(0) && silent(1) && silent(2));
		CHECK(resolve_deadline() == RESOLVE_TRY_MS * (i + 1));
		CHECK(resolve_tick(resolve_deadline() - 1, &tag).len == 0 && silent((i + 1) % 3));
		s = resolve_tick(resolve_deadline(), &tag);
		CHECK((s.len == 0) == (i + 1 < SERVERS));
	}
	CHECK(tag == TAG + 5 && s.p[1] == 5 && (s.p[2] & 0x80) != 0 && (s.p[3] & 15) == SERVFAIL);
	CHECK(resolve_tick(INT64_MAX - 1, &tag).len == 0);
	end(fds);
}

/* One server alone is asked again; late answers to the first try are not heard. */
static void test_again(void)
{
	uint8_t m[512];
	int fds = test_fds();
	size_t n;

	begin("nameserver 127.0.0.2");
	ask(5);
	CHECK((n = received(1, m)) > 0);
	CHECK(resolve_tick(RESOLVE_TRY_MS, &tag).len == 0);
	m[2] |= 0x80;
	give(1, m, n);
	CHECK((n = received(1, m)) > 0);
	m[2] |= 0x80;
	m[3] = 3;
	give(1, m, n);
	CHECK((event(0).p[3] & 15) == 3 && tag == TAG + 5);
	end(fds);
}

/* Nobody at the first, an excuse from the second; and excuses of all. */
static void test_excuses(void)
{
	uint8_t m[512];
	int fds = test_fds();
	struct slice s;
	size_t n;

	begin("nameserver 127.0.0.9\nnameserver 127.0.0.1\nnameserver 127.0.0.2\n");
	ask(5);
	CHECK(event(0).len == 0); /* refused */
	CHECK((n = received(0, m)) > 0);
	m[2] |= 0x80;
	m[3] = 5;
	give(0, m, n);
	CHECK(event(0).len == 0);
	CHECK((n = received(1, m)) > 0);
	m[2] |= 0x80;
	m[3] = 4;
	give(1, m, n);
	s = event(0);
	CHECK(s.len == n && s.p[3] == 4 && tag == TAG + 5);
	end(fds);

	begin("nameserver 127.0.0.9\n"); /* nobody anywhere */
	ask(6);
	for (int i = 0; i < RESOLVE_TRIES; i++)
		CHECK(event(0).len == 0);
	CHECK(resolve_deadline() <= 0);
	s = resolve_tick(0, &tag);
	CHECK(s.len > 0 && tag == TAG + 6 && (s.p[3] & 15) == SERVFAIL);
	end(fds);
}

/* Up to where the server has the question by TCP. */
static int to_tcp(uint8_t m[512], size_t *n)
{
	uint8_t prefix[2];
	int fd;

	ask(5);
	*n = received(0, m);
	m[2] |= 0x82;
	give(0, m, *n);
	CHECK(event(0).len == 0);
	fd = accept(tcp[0], NULL, NULL);
	CHECK(event(0).len == 0);
	CHECK(io_read_full(fd, prefix, 2) == RC_OK && prefix[0] == 0 && prefix[1] == *n);
	CHECK(io_read_full(fd, m, *n) == RC_OK && m[2] == 1);
	m[2] |= 0x80;
	return fd;
}

static void test_tcp(void)
{
	static uint8_t large[2 + RESOLVE_ANSWER_MAX];
	uint8_t m[512];
	int fds = test_fds(), fd;
	struct slice s = { 0 };
	size_t n;

	begin("nameserver 127.0.0.1\n");
	fd = to_tcp(m, &n);
	memcpy(large + 2, m, n);
	large[0] = RESOLVE_ANSWER_MAX >> 8;
	large[1] = RESOLVE_ANSWER_MAX & 255;
	for (size_t i = 0; i < 40; i++) { /* byte by byte at first */
		CHECK(io_write_full(fd, large + i, 1) == RC_OK);
		CHECK(event(0).len == 0);
	}
	CHECK(io_write_full(fd, large + 40, sizeof large - 40) == RC_OK);
	while (s.len == 0 && resolve_deadline() != INT64_MAX)
		s = event(0);
	CHECK(slice_eq(s, slice_of(large + 2, RESOLVE_ANSWER_MAX)) && tag == TAG + 5);
	close(fd);
	end(fds);
}

/* What may go wrong there leads to the next server: an end at each place, another
 * answer, none, too long a one, nobody who listens. */
static void test_tcp_wrong(void)
{
	uint8_t m[512], again[512];
	int fds = test_fds(), fd;
	size_t n;

	for (int how = 0; how < 7; how++) {
		uint8_t prefix[2] = { 0, 0 };

		begin("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
		fd = to_tcp(m, &n);
		prefix[1] = (uint8_t)n;
		if (how == 1)
			CHECK(io_write_full(fd, prefix, 1) == RC_OK);
		if (how == 2 || how == 3) /* cut, or of another id */
			CHECK(io_write_full(fd, prefix, 2) == RC_OK);
		m[1] ^= how == 3;
		if (how == 2 || how == 3)
			CHECK(io_write_full(fd, m, n - (how == 2)) == RC_OK);
		prefix[0] = how == 4 ? (RESOLVE_ANSWER_MAX + 256) >> 8 : 0;
		prefix[1] = 0;
		if (how == 4 || how == 5)
			CHECK(io_write_full(fd, prefix, 2) == RC_OK);
		/* Its end, silence, or what it has said is enough. */
		if (how < 3)
			io_close(&fd);
		if (how == 6)
			CHECK(resolve_tick(RESOLVE_TRY_MS, &tag).len == 0);
		while (how != 6 && silent(1))
			CHECK(event(0).len == 0);
		CHECK(received(1, again) == n);
		io_close(&fd);
		end(fds);
	}
	io_close(&tcp[0]);
	begin("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
	ask(5);
	n = received(0, m);
	m[2] |= 0x82;
	give(0, m, n);
	CHECK(event(0).len == 0 && event(0).len == 0);
	CHECK(received(1, m) > 0);
	resolve_reset();
	io_close(&epoll);
	tcp[0] = open_at(SOCK_STREAM, 0, port);
	CHECK(tcp[0] >= 0 && test_fds() == fds);
}

static void test_conf_changes(void)
{
	uint8_t m[512];
	int fds = test_fds();

	begin("nameserver 127.0.0.1\n");
	ask(1);
	CHECK(received(0, m) > 0);
	test_put(folder, "conf", "# another one\nnameserver 127.0.0.2\n");
	ask(2);
	CHECK(received(1, m) > 0 && silent(0));
	unlink(conf);
	ask(3); /* 127.0.0.1 then */
	CHECK(received(0, m) > 0 && m[1] == 3);
	end(fds);
}

static void test_full(void)
{
	uint8_t m[512], got[512];
	int fds = test_fds();
	size_t n;

	begin("nameserver 127.0.0.1\n");
	for (unsigned i = 0; i < RESOLVE_MAX; i++) {
		ask(i);
		CHECK(received(0, got) > 0);
	}
	n = make(m, 1);
	CHECK(!resolve_ask(slice_of(m, n), 1, 0) && silent(0));
	got[2] |= 0x80;
	give(0, got, n);
	CHECK(event(0).len == n && tag == TAG + RESOLVE_MAX - 1);
	CHECK(resolve_ask(slice_of(m, n), 1, 0) && received(0, m) == n);
	end(fds);
}

/* --- resolv.conf --------------------------------------------------------------------------- */

static void parse(const char *text, struct resolvconf *c)
{
	struct slice g = test_guard(slice_str(text));

	resolvconf_parse(g, 53, c);
	test_unguard(g);
}

static const char *server(const struct resolvconf *c, size_t i)
{
	static char text[64];
	const struct sockaddr_in *four = (const void *)&c->server[i].at;
	const struct sockaddr_in6 *six = (const void *)&c->server[i].at;

	if (i >= c->n || four->sin_port != htons(53))
		return "";
	return inet_ntop(four->sin_family,
	                 four->sin_family == AF_INET ? (const void *)&four->sin_addr
	                                             : (const void *)&six->sin6_addr,
	                 text, sizeof text);
}

static void test_conf(void)
{
	static const char *none[] = {
		"",
		"\n",
		"nameserver",
		"nameserver \n",
		"nameservers 9.9.9.9\n",
		"#nameserver 9.9.9.9\n",
		"; nameserver 9.9.9.9\n",
		"nameserver name.example\n",
		"nameserver 9.9.9.9.9\n",
		"nameserver 9.9.9.9#\n",
		"search nameserver 9.9.9.9\n",
		("nameserver 99999999999999999999999999999999999999999999999999999999999999999999"
		 "999999999999999999999999999999\n"),
	};
	struct resolvconf c;

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		parse(none[i], &c);
		CHECK(c.n == 1 && strcmp(server(&c, 0), "127.0.0.1") == 0);
	}
	parse("search a\nnameserver\t9.9.9.9 # quad\r\noptions edns0\n \tnameserver 2620:fe::fe\n"
	      "nameserver 1.2.3.4\nnameserver 1.2.3.5",
	      &c);
	CHECK(c.n == 3 && strcmp(server(&c, 0), "9.9.9.9") == 0);
	CHECK(strcmp(server(&c, 1), "2620:fe::fe") == 0 && strcmp(server(&c, 2), "1.2.3.4") == 0);
	parse("nameserver fe80::1%lo", &c);
	CHECK(c.n == 1 &&
	      ((const struct sockaddr_in6 *)(const void *)&c.server[0].at)->sin6_scope_id > 0);
}

int main(void)
{
	alarm(100);
	if (!CHECK(mkdtemp(folder) != NULL))
		return test_end();
	snprintf(conf, sizeof conf, "%s/conf", folder);
	servers_begin();
	test_conf();
	test_plain();
	test_not_asked();
	test_deadlines();
	test_again();
	test_excuses();
	test_tcp();
	test_tcp_wrong();
	test_conf_changes();
	test_full();
	servers_close();
	unlink(conf);
	rmdir(folder);
	return test_end();
}
