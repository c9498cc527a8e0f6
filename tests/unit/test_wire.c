/* A link's buffers: packets cut anywhere come out whole; what does not fit is
 * refused, and small ones later. */
#include "net/wire.h"

#include <sys/socket.h>

#include "appliance/base/io.h"
#include "tests/unit/test.h"

static struct wire a, b;

static void open_both(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	wire_open(&a, pair[0]);
	wire_open(&b, pair[1]);
}

static void close_both(void)
{
	io_close(&a.fd);
	io_close(&b.fd);
	CHECK(a.fd == -1 && b.fd == -1 && wire_room(&a, 1) == NULL && !wire_write(&a));
}

static void put(struct wire *w, size_t n, uint8_t fill)
{
	uint8_t *p = wire_room(w, LINK_PAYLOAD_MAX);

	if (!CHECK(p != NULL))
		return;
	memset(p, fill, n);
	wire_put(w, LINK_APP, n);
}

/* Packets of many sizes, written when there is room and read as they come. */
static void test_many(void)
{
	size_t sent = 0, got = 0;

	open_both();
	while (got < 2000) {
		enum link_kind kind;
		uint8_t *p;
		size_t n, len;

		while (sent < 2000 && a.out_len < WIRE_MAX / 4) {
			n = sent * 7919 % LINK_PAYLOAD_MAX + 1;
			put(&a, n, (uint8_t)sent++);
		}
		while (wire_write(&a))
			;
		CHECK(wire_read(&b));
		while (wire_next(&b, &kind, &p, &len) == RC_OK) {
			n = got * 7919 % LINK_PAYLOAD_MAX + 1;
			if (!CHECK(len == n && p[0] == (uint8_t)got && p[n - 1] == (uint8_t)got))
				return;
			got++;
		}
	}
	close_both();
}

static void test_full(void)
{
	size_t large = 0, small = 0;

	open_both();
	for (; wire_room(&a, LINK_PAYLOAD_MAX) != NULL; large++)
		wire_put(&a, LINK_APP, LINK_PAYLOAD_MAX);
	CHECK(a.refused && large == WIRE_MAX / LINK_FRAME_MAX - 1);
	for (; wire_room(&a, 40) != NULL; small++)
		wire_put(&a, LINK_PACKET, 40);
	CHECK(small >= WIRE_RESERVE / 44);
	CHECK(a.out_len <= WIRE_MAX);
	close_both();
}

/* Takes all that is on its way. */
static size_t drain(struct wire *w)
{
	static uint8_t out[WIRE_MAX];
	ssize_t n;
	size_t all = 0;

	while ((n = recv(w->fd, out, sizeof out, 0)) > 0)
		all += (size_t)n;
	return all;
}

/* A descriptor without room is left alone until somebody says that it has some. */
static void test_ready(void)
{
	size_t all;

	open_both();
	while (!a.full) {
		put(&a, LINK_PAYLOAD_MAX, 'x');
		while (wire_write(&a))
			;
	}
	all = a.out_len;
	CHECK(drain(&b) > 0 && !wire_write(&a) && a.out_len == all);
	for (size_t got = 1; got > 0; all -= got) {
		a.full = false;
		while (wire_write(&a))
			;
		got = drain(&b);
	}
	CHECK(all == 0 && a.out_len == 0 && !wire_write(&a));
	close_both();
}

/* Who found no room hears once when half of it is free. */
static void test_relieved(void)
{
	open_both();
	CHECK(!wire_relieved(&a));
	while (wire_room(&a, LINK_PAYLOAD_MAX) != NULL)
		wire_put(&a, LINK_APP, LINK_PAYLOAD_MAX);
	while (a.out_len > WIRE_MAX / 2) {
		CHECK(!wire_relieved(&a) && a.refused);
		a.full = false;
		if (!CHECK(wire_write(&a) && drain(&b) > 0))
			break;
	}
	CHECK(wire_relieved(&a) && !a.refused && !wire_relieved(&a));
	close_both();
	CHECK(!wire_relieved(&a));
}

static void test_end_of_stream(void)
{
	enum link_kind kind;
	uint8_t *p;
	size_t len;

	open_both();
	CHECK(wire_read(&b)); /* nothing yet */
	CHECK(wire_next(&b, &kind, &p, &len) == RC_MORE);
	CHECK(send(a.fd, "\1\0\0\1x\1\0", 7, 0) == 7);
	io_close(&a.fd);
	CHECK(wire_read(&b));
	CHECK(wire_next(&b, &kind, &p, &len) == RC_OK && len == 1 && *p == 'x');
	CHECK(wire_next(&b, &kind, &p, &len) == RC_MORE);
	CHECK(!wire_read(&b));
	close_both();
	open_both();
	CHECK(send(a.fd, "\7", 1, 0) == 1);
	CHECK(wire_read(&b) && wire_next(&b, &kind, &p, &len) == RC_BAD);
	close_both();
}

int main(void)
{
	test_many();
	test_full();
	test_ready();
	test_relieved();
	test_end_of_stream();
	return test_end();
}
