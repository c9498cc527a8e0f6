/* The gateway against an enclave that sends whatever it likes: packets of the app,
 * malformed ones and those that belong to a flow, in any order with what the hosts
 * do that it speaks with, and with clients of its ports. The input is a list of steps.
 * At the end of the link nothing may be left. All of it happens in a network namespace
 * of its own, whose loopback is all there is. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/packet_put.h"
#include "net/tun.h"
#include "tests/fuzz/steps.h"
#include "tools/casemate/gateway_app.h"

enum { DATA_MAX = 2048, FRAME_MAX = LINK_HEAD + LINK_VNET + 40 + 60 + DATA_MAX, TCP = 20 };

static struct gateway gateway = { .resolv_conf = "/dev/null" };
static int epoll, listener, udp;
static uint16_t tcp_port, udp_port;
static struct {
	int fd, link, host; /* the enclave's end; the host's of a flow, -1 */
	/* Of the gateway's last segment. */
	uint16_t from, to;
	uint32_t seq, ack;
} d;

static uint16_t next16(void)
{
	unsigned high = next();

	return (uint16_t)(high << 8 | next());
}

/* --- the enclave ------------------------------------------------------------------- */

static void send_frame(const void *p, size_t n)
{
	if (send(d.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
		return;
	if (d.link >= 0 && !stack_link_io(d.link, EPOLLIN))
		d.link = -1;
}

static const uint8_t *someone(uint8_t choice, bool v6)
{
	static const uint8_t four[][PACKET_ADDRESS] = {
		{ [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 },
		{ [10] = 0xff, [11] = 0xff, 169, 254, 169, 254 },
		{ [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 },
	};
	static const uint8_t six[][PACKET_ADDRESS] = { { [15] = 1 }, { 0xfe, 0x80, [15] = 1 } };

	choice %= 8;
	if (v6)
		return choice < 2 ? six[choice] : tun_gateway6;
	return choice < 3 ? four[choice] : tun_gateway4;
}

static uint16_t some_port(bool tcp)
{
	uint8_t choice = next();

	if (choice < 128)
		return tcp ? tcp_port : udp_port;
	return choice < 160 ? GATEWAY_APP_NAMES : choice < 200 ? d.from : next16();
}

/* A TCP header and what follows it, at out; its length. */
static size_t put_segment(uint8_t *out, uint16_t from, uint16_t to)
{
	struct wbuf w = wbuf_of(out, TCP + 40);
	uint8_t flags = next(), shape = next();
	size_t options = (shape & 3) * 4;
	bool known = to == d.from && from == d.to;

	wbuf_u16_be(&w, from);
	wbuf_u16_be(&w, to);
	wbuf_u32_be(&w, known ? d.seq : next());
	wbuf_u32_be(&w, known ? d.ack : next());
	wbuf_u8(&w, (uint8_t)((TCP + options) / 4 << 4));
	wbuf_u8(&w, flags);
	wbuf_u16_be(&w, next16());
	wbuf_u32_be(&w, 0);
	while (options-- > 0)
		wbuf_u8(&w, next());
	return w.len;
}

/* A packet with good headers. */
static void send_packet(uint8_t proto, uint16_t from, uint16_t to)
{
	static uint8_t frame[FRAME_MAX];
	uint8_t shape = next();
	bool v6 = (shape & 1) != 0;
	uint8_t *ip = frame + LINK_HEAD + LINK_VNET, *body = ip + (v6 ? 40 : 20);
	size_t n = (size_t)(shape >> 3) * 50, head;
	struct slice data;

	if (proto == IPPROTO_TCP)
		head = put_segment(body, from, to);
	else
		head = 8;
	if (proto == IPPROTO_UDP)
		memcpy(body,
		       (uint8_t[]){ (uint8_t)(from >> 8), (uint8_t)from, (uint8_t)(to >> 8),
		                    (uint8_t)to, (uint8_t)((head + n) >> 8), (uint8_t)(head + n), 0,
		                    0 },
		       head);
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		memcpy(body, (uint8_t[]){ next(), next(), 0, 0, 0, 7, 0, 1 }, head);
	if (to == GATEWAY_APP_NAMES && slice_take(&steps, n, &data))
		memcpy(body + head, data.p, n);
	head += n;
	packet_put_ip(ip, v6, proto, head, v6 ? tun_enclave6 : tun_enclave4,
	              someone(shape >> 1, v6));
	memset(frame + LINK_HEAD, 0, LINK_VNET);
	n = LINK_VNET + (v6 ? 40u : 20u) + head;
	link_head(frame, LINK_APP, n);
	send_frame(frame, LINK_HEAD + n);
}

static void send_raw(bool frame)
{
	uint8_t out[LINK_HEAD + 256];
	struct slice s;
	size_t n = next();

	if (!slice_take(&steps, n, &s) || n == 0)
		return;
	link_head(out, LINK_APP, n);
	memcpy(out + LINK_HEAD, s.p, n);
	if (frame)
		send_frame(out, LINK_HEAD + n);
	else
		send_frame(s.p, s.len);
}

/* What the gateway says must be good; the last segment is kept in mind. */
static void listen_to_it(void)
{
	static uint8_t buf[LINK_FRAME_MAX * 8];
	ssize_t n = recv(d.fd, buf, sizeof buf, MSG_DONTWAIT);
	struct slice in = slice_of(buf, n > 0 ? (size_t)n : 0), payload;
	enum link_kind kind;
	struct packet p;

	while (link_next(&in, &kind, &payload) == RC_OK) {
		if (kind != LINK_APP)
			continue;
		if (packet_parse(slice_of(payload.p + LINK_VNET, payload.len - LINK_VNET), &p) !=
		            RC_OK ||
		    memcmp(p.to, p.v6 ? tun_enclave6 : tun_enclave4, PACKET_ADDRESS) != 0)
			abort();
		if (p.proto != IPPROTO_TCP)
			continue;
		d.from = p.from_port;
		d.to = p.to_port;
		d.seq = p.ack;
		d.ack = p.seq + (uint32_t)(p.ip.len - p.body) + ((p.flags & 3) != 0);
	}
}

/* --- the host ------------------------------------------------------------------------ */

static void host_step(uint8_t op)
{
	static uint8_t buf[20000];
	struct linger reset = { .l_onoff = 1 };

	if (op % 8 == 0)
		io_close(&d.host);
	if (op % 8 <= 1 && d.host < 0)
		d.host = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (d.host < 0)
		return;
	if (op % 8 == 2)
		(void)!send(d.host, buf, (size_t)next() * 70, MSG_NOSIGNAL);
	else if (op % 8 == 3)
		(void)!recv(d.host, buf, sizeof buf, 0);
	else if (op % 8 == 4)
		(void)shutdown(d.host, SHUT_WR);
	else if (op % 8 == 5)
		(void)setsockopt(d.host, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

/* A client of a published port. */
static void client_step(void)
{
	struct address at = { .at = { .ss_family = AF_INET }, .len = sizeof(struct sockaddr_in) };
	uint8_t a[PACKET_ADDRESS];
	int pair[2];

	memcpy(a, someone(next(), false), sizeof a);
	address_put(&at, a, (uint16_t)(next() % 4 + 1));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	(void)flows_add_app(pair[1], d.link, 8080, &at);
	(void)!send(pair[0], "hello", 5, MSG_NOSIGNAL); /* it may be closed */
	if (next() % 2 == 0 && d.host < 0)
		d.host = pair[0];
	else
		close(pair[0]);
}

static void udp_step(uint8_t op)
{
	struct address from = { .len = sizeof from.at };
	uint8_t buf[2000];
	ssize_t n = recvfrom(udp, buf, sizeof buf, MSG_DONTWAIT, (struct sockaddr *)&from.at,
	                     &from.len);

	if (n >= 0 && op % 2 == 0)
		(void)!sendto(udp, buf, (size_t)n, MSG_DONTWAIT, (struct sockaddr *)&from.at,
		              from.len);
}

/* --- steps ---------------------------------------------------------------------------- */

static void serve(void)
{
	struct epoll_event e[64];
	int n = epoll_wait(epoll, e, 64, 0);

	for (int i = 0; i < n; i++)
		gateway_app_io(e[i].data.u32, e[i].events, clock_mono_ms());
	stack_tick();
	gateway_app_serve(d.link, clock_mono_ms());
	stack_flush();
	listen_to_it();
}

static void step(void)
{
	uint8_t op = next();

	switch (op % 16) {
	case 0:
	case 1:
	case 2: send_packet(IPPROTO_TCP, d.to, d.from); break;
	case 3:
	case 4: send_packet(IPPROTO_TCP, next() % 8, some_port(true)); break;
	case 5: send_packet(IPPROTO_UDP, next() % 8, some_port(false)); break;
	case 6: send_packet(op & 16 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0, 0); break;
	case 7: send_packet(next(), 0, 0); break;
	case 8: send_raw(true); break;
	case 9: send_raw(false); break;
	case 10: client_step(); break;
	case 11: udp_step(op >> 4); break;
	case 12: skipped_ms += 250 * (1 + next()); break;
	default: host_step(op >> 4); break;
	}
	if ((op & 128) == 0)
		serve();
}

static int bound(int type, uint16_t *port)
{
	static const uint8_t here[PACKET_ADDRESS] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 };
	struct address at;
	uint8_t a[PACKET_ADDRESS];
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address_put(&at, here, 0);
	if (bind(fd, (struct sockaddr *)&at.at, at.len) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 64) != 0) ||
	    getsockname(fd, (struct sockaddr *)&at.at, &at.len) != 0)
		abort();
	*port = address_get(&at, a);
	return fd;
}

static void begin(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int s;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
		perror("fuzz_gateway needs a network namespace");
		exit(1);
	}
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(s, SIOCSIFFLAGS, &r) != 0)
		abort();
	close(s);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	listener = bound(SOCK_STREAM, &tcp_port);
	udp = bound(SOCK_DGRAM, &udp_port);
	gateway.destinations.n = 2;
	if (!destinations_parse("127.0.0.1", &gateway.destinations.allowed[0]) ||
	    !destinations_parse("::1", &gateway.destinations.allowed[1]))
		abort();
	stack_init(STACK_GATEWAY, &gateway_app);
	gateway_app_init(epoll, &gateway);
}

static void check_empty(void)
{
	struct stack_usage u;
	int fd;

	if (flows_count() != 0 || datagrams_count() != 0)
		abort();
	stack_usage(&u);
	if (u.conns != 0 || u.pcbs != 0 || u.pbufs != 0 || u.heap != 0)
		abort();
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
	while (recv(udp, &fd, sizeof fd, MSG_DONTWAIT) >= 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	int pair[2];

	if (!begun)
		begin();
	begun = true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	memset(&d, 0, sizeof d);
	d.fd = pair[0];
	d.host = -1;
	d.link = stack_link_add(pair[1]);
	steps = slice_of(data, size);
	while (steps.len > 0 && d.link >= 0)
		step();
	close(d.fd);
	io_close(&d.host);
	if (d.link >= 0 && stack_link_io(d.link, EPOLLIN))
		abort();
	d.link = -1;
	gateway_app_serve(-1, clock_mono_ms());
	check_empty();
	return 0;
}
