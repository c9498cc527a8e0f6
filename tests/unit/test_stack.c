/* Two stacks, one a side, over socket pairs. */
#include "net/stack_connect.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "net/link.h"
#include "tests/unit/stack_peer.h"
#include "tests/unit/test.h"

enum { MANY = 300, CONNS = STACK_CONNS_MAX };

struct client {
	struct stack_conn *c;
	size_t out, out_max, in, in_max; /* bytes behind the mode; in_max: to expect */
	bool reads, finished, over, peer_done, closed;
	bool wrong; /* not the pattern */
};

static struct client clients[CONNS];
static struct server server;

static void client_read(struct client *k)
{
	struct slice in;

	while (k->reads && (in = stack_peek(k->c)).len > 0) {
		for (size_t i = 0; i < in.len; i++)
			k->wrong = k->wrong || in.p[i] != pattern(k->in + i);
		k->in += in.len;
		stack_consume(k->c, in.len);
	}
	k->peer_done = stack_peer_done(k->c);
}

static void client_write(struct client *k)
{
	static unsigned char buf[65536];

	while (k->out < k->out_max && stack_room(k->c) > 0) {
		size_t n = 0, room = stack_room(k->c);

		for (; n < sizeof buf && n < room && k->out + n < k->out_max; n++)
			buf[n] = pattern(k->out + n);
		CHECK(stack_write(k->c, buf, n) == RC_OK);
		k->out += n;
	}
	if (k->out == k->out_max && !k->finished)
		k->finished = stack_finish(k->c) == RC_OK;
}

static void client_event(struct stack_conn *c)
{
	struct client *k = c->user;

	if (k == NULL)
		return;
	k->over = c->over;
	client_read(k);
	if (!k->over)
		client_write(k);
	if (!k->over && k->peer_done && k->finished && stack_drained(c)) {
		stack_close(c);
		k->c = NULL;
		k->closed = true;
	}
}

static bool client_start(struct client *k, int link, enum mode mode, size_t bytes)
{
	char first = (char)mode;

	*k = (struct client){ .c = stack_connect(link, 0, SERVER_PORT), .reads = true };
	if (k->c == NULL)
		return false;
	k->out_max = bytes;
	k->c->user = k;
	return stack_write(k->c, &first, 1) == RC_OK;
}

static void run_until_closed(const struct client *k, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		while (!k[i].closed && !k[i].over)
			turn(1000, -1, client_event);
	}
}

static void check_empty(void)
{
	struct stack_usage u;

	do {
		turn(10, -1, client_event);
		stack_usage(&u);
	} while (u.conns != 0 || u.pcbs != 0 || u.pbufs != 0 || u.heap != 0);
	server_usage(&server, true, &u);
	CHECK(u.conns == 0 && u.heap == 0);
}

static void test_echo(int link)
{
	struct client *k = &clients[0];

	CHECK(client_start(k, link, MODE_ECHO, 5 << 20));
	run_until_closed(k, 1);
	CHECK(k->closed && !k->wrong && k->in == 5 << 20);
	CHECK(client_start(k, link, MODE_ECHO, 0)); /* an end and nothing else */
	run_until_closed(k, 1);
	CHECK(k->closed && k->in == 0);
	check_empty();
}

/* What happened to a connection before its owner closed it is not told after. */
static void test_closed_is_silent(int link)
{
	struct client *k = &clients[0];

	CHECK(client_start(k, link, MODE_STUCK, 0));
	for (bool done = false; !done;) {
		struct pollfd p = { .fd = stack_link_fd(link), .events = POLLIN };

		stack_flush();
		(void)poll(&p, 1, 1000);
		CHECK(stack_link_io(link, EPOLLIN | EPOLLOUT));
		stack_tick();
		done = stack_established(k->c) && stack_drained(k->c);
	}
	k->c->user = NULL;
	stack_close(k->c);
	CHECK(stack_event() == NULL); /* it lingers: the next test begins beside it */
}

/* Slots whose owner is done give way to new connections. */
static void test_lingering_gives_way(int link)
{
	static struct stack_conn *c[STACK_CONNS_MAX + STACK_SPARE];
	enum { ALL = sizeof c / sizeof c[0] };
	struct client *k = &clients[0];
	struct stack_usage u;
	size_t open = 0;

	for (size_t i = 0; i < ALL; i++) {
		c[i] = stack_connect(link, 0, SERVER_PORT);
		CHECK(c[i] != NULL && stack_write(c[i], "n", 1) == RC_OK);
		while (i == ALL / 2 && !stack_established(c[i])) /* half-open ones are fewer */
			turn(1000, -1, client_event);
	}
	CHECK(stack_connect(link, 0, SERVER_PORT) == NULL); /* none gives way that is owned */
	while (open < ALL) {
		turn(1000, -1, client_event);
		for (open = 0; open < ALL && stack_drained(c[open]);)
			open++;
	}
	for (size_t i = 0; i < ALL; i++)
		stack_close(c[i]);
	stack_usage(&u);
	CHECK(u.conns == ALL);
	for (size_t i = 0; i < 10; i++) {
		CHECK(client_start(k, link, MODE_ECHO, 1000));
		run_until_closed(k, 1);
		CHECK(k->closed && k->in == 1000);
	}
	check_empty();
}

static void test_half_close(int link)
{
	struct client *k = &clients[0];

	CHECK(client_start(k, link, MODE_SOURCE, 0)); /* our end comes first */
	run_until_closed(k, 1);
	CHECK(k->closed && !k->wrong && k->in == SOURCE_BYTES);
	CHECK(client_start(k, link, MODE_EARLY, SOURCE_BYTES)); /* theirs does */
	run_until_closed(k, 1);
	CHECK(k->closed && !k->over && k->out == SOURCE_BYTES);
	check_empty();
}

static void test_many(int link)
{
	for (size_t i = 0; i < CONNS; i++) {
		CHECK(client_start(&clients[i], link, MODE_ECHO, 20000 + i));
	}
	run_until_closed(clients, CONNS);
	for (size_t i = 0; i < CONNS; i++)
		CHECK(clients[i].closed && !clients[i].wrong && clients[i].in == 20000 + i);
	check_empty();
}

static void test_one_after_another(int link)
{
	for (size_t i = 0; i < 2000; i++) {
		CHECK(client_start(&clients[0], link, MODE_ECHO, 100));
		run_until_closed(clients, 1);
		if (!CHECK(clients[0].closed && clients[0].in == 100))
			return;
	}
	check_empty();
}

/* Neither end that does not read takes more than its share, and others pass. */
static void test_back_pressure(int link)
{
	struct client *stuck = &clients[0], *deaf = &clients[1], *other = &clients[2];
	struct stack_usage u;
	size_t out;

	CHECK(client_start(stuck, link, MODE_STUCK, 10 << 20));
	CHECK(client_start(deaf, link, MODE_SOURCE, 0));
	deaf->reads = false;
	do {
		out = stuck->out;
		CHECK(client_start(other, link, MODE_ECHO, 1 << 20));
		run_until_closed(other, 1);
		CHECK(other->closed && !other->wrong && other->in == 1 << 20);
	} while (stuck->out != out);
	CHECK(out < 1 << 20 && stack_room(stuck->c) == 0);
	do { /* the other has ended here, perhaps not yet there */
		turn(10, -1, client_event);
		server_usage(&server, false, &u);
	} while (u.conns > 2);
	CHECK(u.conns == 2 && u.heap < 1 << 20);
	deaf->reads = true; /* nothing was lost meanwhile */
	client_event(deaf->c);
	run_until_closed(deaf, 1);
	CHECK(deaf->closed && !deaf->wrong && deaf->in == SOURCE_BYTES);
	stack_abort(stuck->c);
	check_empty();
}

static void test_no_listener(int link)
{
	struct client *k = &clients[0];

	*k = (struct client){ .c = stack_connect(link, 0, 1), .reads = true };
	k->c->user = k;
	while (!k->over)
		turn(1000, -1, client_event);
	CHECK(!stack_established(k->c));
	stack_close(k->c);
	CHECK(stack_connect(STACK_LINKS_MAX, 0, 1) == NULL && stack_connect(-1, 0, 1) == NULL);
	check_empty();
}

/* A reset shows, and writing after it does not work. */
static void test_reset(int link)
{
	struct client *k = &clients[0];

	/* What it sends is not the pattern. */
	CHECK(client_start(k, link, MODE_EARLY, 0));
	k->finished = true;
	CHECK(stack_write(k->c, "\xff\xff", 2) == RC_OK);
	while (!k->over)
		turn(1000, -1, client_event);
	CHECK(stack_write(k->c, "x", 1) == RC_EOF && stack_room(k->c) == 0);
	CHECK(stack_finish(k->c) == RC_EOF);
	stack_close(k->c);
	check_empty();
}

/* --- packets by hand, on a link of their own -------------------------------------- */

struct segment {
	uint16_t from;
	uint32_t seq, ack;
	uint8_t flags;
};

static size_t put_segment(uint8_t *frame, struct segment s)
{
	static const uint8_t ip[20] = { 0x45, 0, 0,  40, 0, 0, 0,  0, 64, 6,
		                        0,    0, 10, 7,  0, 1, 10, 7, 0,  2 };
	struct wbuf w = wbuf_of(frame, LINK_HEAD + 40);

	w.len = LINK_HEAD;
	link_head(frame, LINK_PACKET, 40);
	wbuf_put(&w, ip, sizeof ip);
	wbuf_u16_be(&w, s.from);
	wbuf_u16_be(&w, SERVER_PORT);
	wbuf_u32_be(&w, s.seq);
	wbuf_u32_be(&w, s.ack);
	wbuf_u8(&w, 5 << 4);
	wbuf_u8(&w, s.flags);
	wbuf_u16_be(&w, 1000);
	wbuf_u32_be(&w, 0);
	return w.len;
}

static void write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL);
		struct pollfd f = { .fd = fd, .events = POLLOUT };

		if (r < 0 && errno == EAGAIN && poll(&f, 1, -1) < 0)
			abort();
		p += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
}

static void send_segment(int raw, struct segment s)
{
	uint8_t frame[LINK_HEAD + 40];

	write_all(raw, frame, put_segment(frame, s));
}

/* The next frame that comes, a segment without bytes. */
static struct segment hear_segment(int raw)
{
	uint8_t frame[LINK_HEAD + 44];
	struct segment s = { 0 };
	size_t n = 0, want = LINK_HEAD;

	while (n < want) {
		struct pollfd f = { .fd = raw, .events = POLLIN };
		ssize_t r = recv(raw, frame + n, want - n, 0);

		if ((r < 0 && errno == EAGAIN && poll(&f, 1, -1) < 0) || r == 0)
			abort();
		n += r > 0 ? (size_t)r : 0;
		if (n >= LINK_HEAD)
			want = LINK_HEAD + frame[3];
		CHECK(want <= sizeof frame);
	}
	s.flags = frame[LINK_HEAD + 33];
	s.seq = (uint32_t)frame[LINK_HEAD + 24] << 24 | (uint32_t)frame[LINK_HEAD + 25] << 16 |
	        (uint32_t)frame[LINK_HEAD + 26] << 8 | frame[LINK_HEAD + 27];
	return s;
}

/* 20,000 connections that are begun and not completed, by somebody who reads no
 * answer; meanwhile the other link works, and one that was begun before on a
 * third is completed afterwards. */
static void test_half_open(int link, int raw, int patient)
{
	struct client *k = &clients[0];
	struct stack_usage u;
	struct segment s;
	uint8_t frame[LINK_HEAD + 40];

	send_segment(patient, (struct segment){ .from = 7, .seq = 70, .flags = 2 });
	s = hear_segment(patient);
	CHECK(s.flags == 0x12);
	for (uint32_t i = 0; i < 20000; i++) {
		write_all(raw, frame,
		          put_segment(frame, (struct segment){ .from = (uint16_t)i,
		                                               .seq = i << 8,
		                                               .flags = 2 }));
		if (i % 2000 != 0)
			continue;
		CHECK(client_start(k, link, MODE_ECHO, 10000));
		run_until_closed(k, 1);
		CHECK(k->closed && !k->wrong && k->in == 10000);
	}
	server_usage(&server, false, &u);
	CHECK(u.pcbs > 0 && u.pcbs <= CONNS && u.heap < 1 << 20);
	send_segment(patient,
	             (struct segment){ .from = 7, .seq = 71, .ack = s.seq + 1, .flags = 0x11 });
	while ((s = hear_segment(patient)).flags == 0x12) /* said again meanwhile */
		;
	CHECK(s.flags == 0x10);
	close(patient);
	close(raw);
	check_empty();
}

/* The same addresses and ports on two links are two connections. */
static void test_links_apart(int link, int raw)
{
	struct client *k = &clients[0];
	uint8_t frame[4 * (LINK_HEAD + 40)] = { 0 };
	size_t n = 0, got = 0;

	CHECK(client_start(k, link, MODE_ECHO, 3 << 20));
	while (k->in < 1 << 20)
		turn(1000, -1, client_event);
	for (uint32_t from = 49152; from < 65536; from++) { /* its port is among them */
		uint8_t one[LINK_HEAD + 40];

		n = put_segment(one, (struct segment){ .from = (uint16_t)from, .flags = 4 });
		write_all(raw, one, n); /* reset */
		n = put_segment(one,
		                (struct segment){ .from = (uint16_t)from, .seq = 1, .flags = 16 });
		write_all(raw, one, n); /* acknowledgement of nothing */
		got = got < sizeof frame ? got : sizeof frame;
	}
	run_until_closed(k, 1);
	CHECK(k->closed && !k->wrong && k->in == 3 << 20);
	while (got < sizeof frame) { /* the second kind is answered, there */
		ssize_t r = recv(raw, frame + got, sizeof frame - got, 0);

		if (r > 0)
			got += (size_t)r;
	}
	CHECK(frame[0] == LINK_PACKET && frame[3] == 40 && (frame[LINK_HEAD + 33] & 4) != 0);
	close(raw);
	check_empty();
}

/* A frame that is none, and packets that are for nobody. */
static void test_not_for_us(int raw)
{
	uint8_t frame[LINK_HEAD + 40];
	struct stack_usage before, after;

	server_usage(&server, true, &before);
	for (size_t i = 0; i < 20; i++) {
		size_t n = put_segment(frame, (struct segment){ .from = 9, .flags = 2 });

		if (i == 1 || i == 4 || i == 5 || i == 8 || (i >= 10 && i < 16))
			continue; /* fields that may be anything */
		frame[LINK_HEAD + i] ^= i == 6 ? 0x20 : 0x11;
		write_all(raw, frame, n);
	}
	do
		server_usage(&server, false, &after);
	while (after.dropped < before.dropped + 10);
	CHECK(after.dropped == before.dropped + 10 && after.pcbs == 0);
	write_all(raw, (const uint8_t *)"\x07", 1);
	while (recv(raw, frame, 1, 0) != 0)
		;
	close(raw);
	check_empty();
}

/* Cut in the middle: all over at once, and another link serves. */
static void test_link_dies(int link, int next)
{
	size_t over = 0;

	for (size_t i = 0; i < MANY; i++)
		CHECK(client_start(&clients[i], link, i % 2 ? MODE_ECHO : MODE_SOURCE,
		                   i % 2 ? 1 << 20 : 0));
	while (clients[0].in < 1 << 16)
		turn(1000, -1, client_event);
	shutdown(stack_link_fd(link), SHUT_RDWR);
	while (stack_link_fd(link) >= 0)
		turn(1000, -1, client_event);
	turn(0, -1, client_event);
	for (size_t i = 0; i < MANY; i++) {
		over += clients[i].over || clients[i].closed;
		if (clients[i].c != NULL)
			stack_close(clients[i].c);
	}
	CHECK(over == MANY);
	check_empty();
	test_echo(next);
}

/* The newest of the links ends: its place is taken, and none of the silent. */
static void free_place_first(int far[2 * STACK_LINKS_MAX])
{
	int *newest = &far[2 * STACK_LINKS_MAX - 1], pair[2];

	close(*newest);
	for (int i = 0; i < STACK_LINKS_MAX; i++) {
		struct pollfd p = { .fd = stack_link_fd(i), .events = POLLIN };

		if (poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0)
			CHECK(!stack_link_io(i, EPOLLIN));
	}
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	CHECK(stack_link_add(pair[0]) >= 0);
	*newest = pair[1];
	for (size_t i = STACK_LINKS_MAX + 1; i < 2 * STACK_LINKS_MAX; i++) {
		char byte;

		CHECK(recv(far[i], &byte, 1, MSG_DONTWAIT) < 0);
	}
}

/* More links than there are places: the silent ones without connections go,
 * the longest silent first. */
static void test_links_full(int busy)
{
	int fd = stack_link_fd(busy), far[2 * STACK_LINKS_MAX];
	struct stack_conn *c = stack_connect(busy, 0, SERVER_PORT);

	CHECK(c != NULL);
	for (size_t i = 0; i < 2 * STACK_LINKS_MAX; i++) {
		int pair[2];

		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
		CHECK(stack_link_add(pair[0]) >= 0);
		far[i] = pair[1];
	}
	CHECK(stack_link_fd(busy) == fd);
	for (size_t i = 0; i < 2 * STACK_LINKS_MAX; i++) {
		char byte;
		bool ended = recv(far[i], &byte, 1, MSG_DONTWAIT) == 0;

		CHECK(ended == (i < STACK_LINKS_MAX + 1));
	}
	free_place_first(far);
	for (size_t i = 0; i < 2 * STACK_LINKS_MAX; i++)
		close(far[i]);
	if (c != NULL)
		stack_abort(c);
}

int main(void)
{
	int link[2];

	alarm(120);
	server_start(&server);
	stack_init(STACK_GATEWAY, NULL);
	for (int i = 0; i < 2; i++) {
		link[i] = stack_link_add(server.link[i]);
		CHECK(link[i] == i && stack_link_fd(i) == server.link[i]);
	}
	test_echo(link[0]);
	test_closed_is_silent(link[0]);
	test_lingering_gives_way(link[0]);
	test_half_close(link[0]);
	test_many(link[0]);
	test_one_after_another(link[0]);
	test_back_pressure(link[0]);
	test_no_listener(link[0]);
	test_reset(link[0]);
	test_link_dies(link[0], link[1]);
	test_half_open(link[1], server.link[2], server.link[5]);
	test_not_for_us(server.link[3]);
	test_links_apart(link[1], server.link[4]);
	test_links_full(link[1]);
	CHECK(server_stop(&server) == 0);
	return test_end();
}
