/* Flows of UDP: as many as there is room for, the oldest gives way, they end in time and
 * with their link. What goes through them is test_network's. */
#include "tools/casemate/datagrams.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "net/packet_put.h"
#include "net/stack.h"
#include "net/tun.h"
#include "tests/unit/test.h"
#include "tools/casemate/address.h"

enum { FIRST = 1000, SERVER_MAX = 100 };

static const uint8_t here4[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 };
static int epoll, server, pair[2], number;
static uint16_t server_port;
static struct publish port;

static void on_packet(int link, uint8_t *payload, size_t len)
{
	(void)link;
	(void)payload;
	(void)len;
}

static void on_link(int link)
{
	(void)link;
}

static const struct stack_app hooks = { .packet = on_packet, .hello = on_link, .over = on_link };

static int bound(uint16_t *at_port)
{
	struct address at;
	uint8_t a[16];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address_put(&at, here4, 0);
	CHECK(bind(fd, (struct sockaddr *)&at.at, at.len) == 0 &&
	      getsockname(fd, (struct sockaddr *)&at.at, &at.len) == 0);
	*at_port = address_get(&at, a);
	return fd;
}

static void start(void)
{
	static struct destinations d;

	CHECK(destinations_parse("127.0.0.1", &d.allowed[d.n++]));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	stack_init(STACK_GATEWAY, &hooks);
	number = stack_link_add(pair[0]);
	datagrams_init(epoll, FIRST, &d);
	server = bound(&server_port);
	CHECK(publish_parse("0:53/udp", &port) && publish_open(&port, 1));
	CHECK(datagrams_publish(&port));
}

/* The app sends n bytes from a port. */
static void app_sends(uint16_t from, uint16_t to, size_t n, int64_t now_ms)
{
	struct packet_ends e = { .from = tun_enclave4, .to = tun_gateway4 };
	uint8_t buf[200] = { 0 };
	struct packet p;

	e.from_port = from;
	e.to_port = to;
	CHECK(packet_parse(slice_of(buf, packet_put_udp(buf, &e, n) + n), &p) == RC_OK);
	datagrams_packet(number, &p, now_ms);
}

/* What epoll says is done, then all that has arrived is handed on. */
static void serve(int64_t now_ms)
{
	struct epoll_event e[64];
	int n;

	while ((n = epoll_wait(epoll, e, 64, 0)) > 0) {
		for (int i = 0; i < n; i++)
			datagrams_io(e[i].data.u32 - FIRST);
	}
	do {
		datagrams_serve(number, now_ms);
		stack_flush();
	} while (datagrams_busy(number));
}

/* The next packet for the app; false: there is none. */
static bool app_gets(struct packet *p)
{
	static uint8_t frame[LINK_FRAME_MAX];
	uint8_t *payload = frame + LINK_HEAD;
	size_t len;

	if (recv(pair[1], frame, LINK_HEAD, 0) != LINK_HEAD)
		return false;
	len = (size_t)frame[1] << 16 | (size_t)frame[2] << 8 | frame[3];
	CHECK(frame[0] == LINK_APP && recv(pair[1], payload, len, 0) == (ssize_t)len);
	return CHECK(packet_parse(slice_of(payload + LINK_VNET, len - LINK_VNET), p) == RC_OK);
}

static size_t server_gets(struct address *from)
{
	uint8_t buf[SERVER_MAX];
	ssize_t n;

	from->len = sizeof from->at;
	n = recvfrom(server, buf, sizeof buf, 0, (struct sockaddr *)&from->at, &from->len);
	return n < 0 ? SIZE_MAX : (size_t)n;
}

static void test_idle(void)
{
	struct address from[2];
	struct packet p;

	app_sends(40000, server_port, 5, 1000);
	app_sends(40001, server_port, 6, 2000);
	CHECK(server_gets(&from[0]) == 5 && server_gets(&from[1]) == 6 && datagrams_count() == 2);
	/* It speaks, either way: then it is not idle. */
	app_sends(40000, server_port, 7, 3000);
	CHECK(server_gets(&from[0]) == 7 && datagrams_count() == 2);
	CHECK(datagrams_deadline() == 2000 + DATAGRAMS_IDLE_MS);
	CHECK(sendto(server, "abc", 3, 0, (struct sockaddr *)&from[1].at, from[1].len) == 3);
	serve(4000);
	CHECK(app_gets(&p) && p.to_port == 40001 && p.from_port == server_port &&
	      p.ip.len - p.body == 3 && memcmp(p.from, tun_gateway4, 16) == 0);
	CHECK(datagrams_deadline() == 3000 + DATAGRAMS_IDLE_MS);
	datagrams_tick(3000 + DATAGRAMS_IDLE_MS - 1);
	CHECK(datagrams_count() == 2);
	datagrams_tick(3000 + DATAGRAMS_IDLE_MS);
	CHECK(datagrams_count() == 1);
	datagrams_tick(4000 + DATAGRAMS_IDLE_MS);
	CHECK(datagrams_count() == 0 && datagrams_deadline() == INT64_MAX);
}

static void test_full(void)
{
	struct address from;
	int fds = test_fds();

	for (int i = 0; i < DATAGRAMS_MAX + 10; i++) {
		app_sends((uint16_t)(20000 + i), server_port, 1, i);
		CHECK(server_gets(&from) == 1);
		/* The first is heard of all the while, so that it stays. */
		app_sends(20000, server_port, 2, i);
		CHECK(server_gets(&from) == 2);
	}
	CHECK(datagrams_count() == DATAGRAMS_MAX);
	CHECK(datagrams_deadline() == 11 + DATAGRAMS_IDLE_MS);
	datagrams_over(number + 1);
	CHECK(datagrams_count() == DATAGRAMS_MAX);
	datagrams_over(number);
	CHECK(datagrams_count() == 0 && test_fds() == fds);
}

/* Nobody has the port: the app is told. */
static void test_refused(void)
{
	uint16_t nobody;
	int fd = bound(&nobody);
	struct packet p;

	close(fd);
	app_sends(40000, nobody, 9, 0);
	serve(0);
	CHECK(app_gets(&p) && p.proto == IPPROTO_ICMP && p.ip.p[p.head] == 3 &&
	      p.ip.p[p.head + 1] == 3);
	CHECK(!app_gets(&p));
	datagrams_over(number);
}

/* Clients of the published port; two of them have one port number. */
static void test_published(void)
{
	struct address to = { .at = port.at, .len = port.at_len }, from, other;
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 2 };
	int second = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct packet p, q;
	char c[10];

	address_put(&other, a, server_port);
	CHECK(bind(second, (struct sockaddr *)&other.at, other.len) == 0);
	CHECK(sendto(server, "ab", 2, 0, (struct sockaddr *)&to.at, to.len) == 2);
	serve(0);
	CHECK(app_gets(&p) && p.from_port == server_port && p.to_port == 53 &&
	      memcmp(p.from, tun_gateway4, 16) == 0);
	CHECK(sendto(second, "abc", 3, 0, (struct sockaddr *)&to.at, to.len) == 3);
	serve(0);
	CHECK(app_gets(&q) && q.from_port == server_port + 1 && q.to_port == 53);
	CHECK(datagrams_count() == 2);
	app_sends(53, p.from_port, 4, 0);
	app_sends(53, q.from_port, 5, 0);
	CHECK(server_gets(&from) == 4 && recv(second, c, sizeof c, 0) == 5);
	CHECK(recv(second, c, sizeof c, 0) < 0);
	CHECK(sendto(second, "abc", 3, 0, (struct sockaddr *)&to.at, to.len) == 3);
	serve(0);
	CHECK(app_gets(&q) && q.from_port == server_port + 1 && datagrams_count() == 2);
	close(second);
	datagrams_over(number);
}

/* The link takes nothing: the datagrams wait in their socket and come when it does. */
static void test_waits(void)
{
	struct address from;
	struct packet p;
	int sent = 0, got = 0;

	app_sends(40000, server_port, 5, 0);
	CHECK(server_gets(&from) == 5);
	while (wire_room(stack_link(number), LINK_PAYLOAD_MAX) != NULL) {
		static uint8_t big[60000];

		CHECK(sendto(server, big, sizeof big, 0, (struct sockaddr *)&from.at, from.len) >
		      0);
		sent++;
		serve(0);
	}
	CHECK(!datagrams_busy(number));
	CHECK(sendto(server, "x", 1, 0, (struct sockaddr *)&from.at, from.len) == 1);
	serve(0);
	CHECK(!datagrams_busy(number));
	while (app_gets(&p)) {
		got++;
		CHECK(stack_link_io(number, EPOLLOUT));
		stack_flush();
	}
	CHECK(got == sent);
	serve(0);
	CHECK(app_gets(&p) && p.ip.len - p.body == 1);
	datagrams_over(number);
}

int main(void)
{
	struct rlimit files;

	CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
	files.rlim_cur = files.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
	start();
	test_idle();
	test_full();
	test_refused();
	test_published();
	test_waits();
	return test_end();
}
