/* The stack on the enclave's side: any packets by a link, in any order with
 * what an owner does. The input is a list of steps; the driver knows what the
 * stack said last, so that a few bytes suffice for packets that belong to a
 * connection. At the end nothing may be left in the pools. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/link.h"
#include "net/stack_connect.h"
#include "tests/fuzz/steps.h"

enum { PORT = 8443, PACKET_MAX = 4096, HELD_MAX = 4, IP = 20, TCP = 20 };

static struct {
	int fd, link;
	struct stack_conn *held[HELD_MAX];
	/* Of the stack's last packet. */
	uint16_t from, to;
	uint32_t seq, ack;
} d;

static void send_frame(const void *p, size_t n)
{
	if (send(d.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
		return;
	if (d.link >= 0 && !stack_link_io(d.link, EPOLLIN))
		d.link = -1;
}

static void send_segment(uint16_t from, uint16_t to, uint32_t seq, uint32_t ack)
{
	static uint8_t frame[LINK_HEAD + PACKET_MAX];
	static const uint8_t addresses[] = { 10, 7, 0, 1, 10, 7, 0, 2 };
	struct wbuf w = wbuf_of(frame, sizeof frame);
	uint8_t flags = next(), window = next(), shape = next();
	size_t options = (shape & 3) * 4, data = (size_t)(shape >> 2) * 60;
	size_t all = IP + TCP + options + data;

	w.len = LINK_HEAD;
	link_head(frame, LINK_PACKET, all);
	wbuf_u16_be(&w, 0x4500);
	wbuf_u16_be(&w, (uint16_t)all);
	wbuf_u32_be(&w, 0);
	wbuf_u32_be(&w, 0x40060000);
	wbuf_put(&w, addresses, sizeof addresses);
	wbuf_u16_be(&w, from);
	wbuf_u16_be(&w, to);
	wbuf_u32_be(&w, seq);
	wbuf_u32_be(&w, ack);
	wbuf_u8(&w, (uint8_t)((TCP + options) / 4 << 4));
	wbuf_u8(&w, flags);
	wbuf_u16_be(&w, (uint16_t)(window << 8 | window >> 6));
	wbuf_u32_be(&w, 0);
	while (options-- > 0)
		wbuf_u8(&w, next());
	w.len += data;
	send_frame(frame, w.len);
}

static void send_raw(void)
{
	struct slice s;

	if (slice_take(&steps, next(), &s))
		send_frame(s.p, s.len);
}

/* What the stack says; the last packet is kept in mind. */
static void listen_to_it(void)
{
	static uint8_t buf[LINK_FRAME_MAX * 8];
	ssize_t n = recv(d.fd, buf, sizeof buf, MSG_DONTWAIT);
	struct slice in = slice_of(buf, n > 0 ? (size_t)n : 0), packet;
	enum link_kind kind;

	while (link_next(&in, &kind, &packet) == RC_OK) {
		uint8_t flags = packet.p[IP + 13];
		size_t heads = IP + (size_t)(packet.p[IP + 12] >> 4) * 4, all = packet.len;

		slice_take(&packet, IP, &(struct slice){ 0 });
		if (!slice_u16_be(&packet, &d.to) || !slice_u16_be(&packet, &d.from) ||
		    !slice_u32_be(&packet, &d.ack) || !slice_u32_be(&packet, &d.seq))
			abort();
		d.ack += (uint32_t)(all - heads + ((flags & 3) != 0));
	}
}

static void let_go(struct stack_conn *c)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		if (d.held[i] == c)
			d.held[i] = NULL;
	}
}

static void hold(struct stack_conn *c)
{
	for (size_t i = 0; c != NULL && i < HELD_MAX; i++) {
		if (d.held[i] == NULL) {
			d.held[i] = c;
			return;
		}
	}
	if (c != NULL)
		stack_abort(c);
}

/* Nobody is told of what it does not own, or not any more. */
static bool is_held(const struct stack_conn *c)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		if (d.held[i] == c)
			return true;
	}
	return false;
}

static void write_some(struct stack_conn *c, size_t n)
{
	static const uint8_t zeros[255 * 100];
	size_t room = stack_room(c);

	if (n > room && stack_write(c, zeros, n) == RC_OK)
		abort();
	if (stack_write(c, zeros, n < room ? n : room) != RC_OK && room > 0)
		abort();
}

static void own(struct stack_conn *c, uint8_t step)
{
	size_t n = next();
	struct slice in;

	if (c == NULL)
		return;
	in = stack_peek(c);
	switch (step) {
	case 0: stack_consume(c, n < in.len ? n : in.len); break;
	case 1: stack_consume(c, in.len); break;
	case 2: write_some(c, n * 100); break;
	case 3:
		if (stack_finish(c) != RC_OK && !c->over)
			abort();
		break;
	case 4:
		let_go(c);
		stack_close(c);
		break;
	default:
		let_go(c);
		stack_abort(c);
		break;
	}
}

static void step(void)
{
	uint8_t op = next();
	struct stack_conn *c;

	switch (op % 16) {
	case 0:
	case 1:
	case 2: send_segment(d.from, d.to, d.seq, d.ack); break;
	case 3: send_segment(d.from, d.to, d.seq + next(), d.ack - next()); break;
	case 4: send_segment(next(), PORT, 0, 0); break;
	case 5: send_raw(); break;
	case 6: hold(stack_accept()); break;
	case 7: hold(stack_connect(d.link, 0, next())); break;
	case 8:
		skipped_ms += 250 * (1 + next() % 32);
		stack_tick();
		break;
	default: own(d.held[op / 16 % HELD_MAX], op % 16 - 9); break;
	}
	while (op < 192 && (c = stack_event()) != NULL) { /* or later */
		if (!is_held(c) || (c->over && stack_room(c) != 0))
			abort();
	}
	stack_flush();
	listen_to_it();
}

static void check_empty(void)
{
	struct stack_usage u;

	stack_usage(&u);
	if (u.conns != 0 || u.pcbs != 0 || u.pbufs != 0 || u.heap != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct stack_conn *c;
	int pair[2];

	if (!begun) {
		stack_init(STACK_ENCLAVE, NULL);
		if (stack_listen(PORT) != RC_OK)
			abort();
		begun = true;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	memset(&d, 0, sizeof d);
	d.fd = pair[0];
	d.link = stack_link_add(pair[1]);
	steps = slice_of(data, size);
	while (steps.len > 0 && d.link >= 0)
		step();
	close(d.fd);
	if (d.link >= 0 && stack_link_io(d.link, EPOLLIN)) {
		perror("a link whose other end is closed"); /* what recv() gave */
		abort();
	}
	while ((c = stack_accept()) != NULL)
		stack_close(c);
	for (size_t i = 0; i < HELD_MAX; i++) {
		if (d.held[i] != NULL && stack_established(d.held[i]) && !d.held[i]->over &&
		    !stack_peer_done(d.held[i]) && !stack_drained(d.held[i]))
			abort();
		own(d.held[i], 4);
	}
	if (stack_event() != NULL)
		abort();
	check_empty();
	return 0;
}
