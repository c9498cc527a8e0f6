/* What the tests of app share: the switch between both of its ends, in one process. The
 * test is the app's kernel, at a pair of sockets in place of the TUN device, and the host,
 * at the other end of a link; nothing here waits. Its policy has a rule of each kind. A
 * header, since each program's checks are counted in its own file.
 */
#ifndef TESTS_UNIT_APP_ENDS_H
#define TESTS_UNIT_APP_ENDS_H

#include "net/app.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "net/dns.h"
#include "net/packet_put.h"
#include "net/tun.h"
#include "tests/unit/test.h"

enum { MAX = 2048, RULE_TLS = 4 };

/* Those that the policy names, and those that it does not. */
static const uint8_t good4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
static const uint8_t bad4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 9 };
static const uint8_t good6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static const uint8_t bad6[16] = { 0x20, 1, 0xd, 0xb9, [15] = 1 };
static struct policy policy;

static int kernel, host, link_number;
static const struct app_counters *count;

/* --- the policy ---------------------------------------------------------------------- */

static inline void rule(enum policy_proto proto, const uint8_t *address, unsigned prefix,
                        const char *name, uint16_t first, uint16_t last)
{
	struct policy_rule *r = &policy.egress[policy.egresses++];

	*r = (struct policy_rule){ .proto = proto, .first = first, .last = last, .prefix = prefix };
	if (address != NULL)
		memcpy(r->address, address, sizeof r->address);
	if (name != NULL)
		r->name = slice_str(name);
}

static inline void make_policy(void)
{
	rule(POLICY_TCP, good4, 128, NULL, 80, 90);
	rule(POLICY_UDP, good4, 128, NULL, 53, 53);
	rule(POLICY_ICMP, good4, 128, NULL, 0, UINT16_MAX);
	rule(POLICY_TCP, good6, 32, NULL, 80, 80);
	rule(POLICY_TLS, NULL, POLICY_BY_NAME, "tls.example", 443, 443);
	rule(POLICY_TCP, NULL, POLICY_BY_NAME, "name.example", 80, 80);
	policy.tls = 1 << RULE_TLS;
	policy.ingress[policy.ingresses++] =
		(struct policy_rule){ .proto = POLICY_TCP, .first = 8080, .last = 8081 };
	policy.ingress[policy.ingresses++] =
		(struct policy_rule){ .proto = POLICY_UDP, .first = 5353, .last = 5353 };
}

/* --- packets ------------------------------------------------------------------------- */

struct segment {
	const uint8_t *from, *to;
	uint16_t from_port, to_port;
	uint8_t flags;
	uint32_t seq, ack;
	const char *text;
};

static inline size_t put_tcp(uint8_t *out, struct segment s)
{
	bool v6 = !packet_is_v4(s.to);
	size_t n = s.text != NULL ? strlen(s.text) : 0, head;
	struct tcphdr tcp = { .th_sport = htons(s.from_port),
		              .th_dport = htons(s.to_port),
		              .th_seq = htonl(s.seq),
		              .th_ack = htonl(s.ack),
		              .th_off = 5,
		              .th_flags = s.flags };

	head = packet_put_ip(out, v6, IPPROTO_TCP, sizeof tcp + n, s.from, s.to);
	memcpy(out + head, &tcp, sizeof tcp);
	if (n > 0)
		memcpy(out + head + sizeof tcp, s.text, n);
	return head + sizeof tcp + n;
}

static inline size_t put_udp(uint8_t *out, struct packet_ends e, struct slice body)
{
	size_t head;

	e.v6 = !packet_is_v4(e.to);
	head = packet_put_udp(out, &e, body.len);
	memcpy(out + head, body.p, body.len);
	return head + body.len;
}

static inline size_t put_icmp(uint8_t *out, const uint8_t *from, const uint8_t *to, uint8_t type,
                              uint8_t code, struct slice body)
{
	struct packet_ends e = { .from = from, .to = to };
	size_t head = packet_put_ip(out, false, IPPROTO_ICMP, 8 + body.len, from, to);

	memset(out + head, 0, 8);
	out[head] = type;
	out[head + 1] = code;
	out[head + 5] = 77; /* of an echo the identifier */
	memcpy(out + head + 8, body.p, body.len);
	packet_put_icmp_sum(out + head, 8 + body.len, &e);
	return head + 8 + body.len;
}

/* The kernel sends a packet; the host gets what comes of it. */
static inline void from_kernel(const uint8_t *ip, size_t n)
{
	uint8_t m[LINK_VNET + MAX] = { 0 };

	memcpy(m + LINK_VNET, ip, n);
	CHECK(send(kernel, m, LINK_VNET + n, 0) == (ssize_t)(LINK_VNET + n));
	app_io();
	stack_flush();
}

/* The host sends a frame; the kernel gets what comes of it. */
static inline void from_host(enum link_kind kind, const uint8_t *payload, size_t n)
{
	uint8_t m[LINK_HEAD + LINK_VNET + MAX];

	link_head(m, kind, n);
	memcpy(m + LINK_HEAD, payload, n);
	CHECK(send(host, m, LINK_HEAD + n, 0) == (ssize_t)(LINK_HEAD + n));
	(void)stack_link_io(link_number, EPOLLIN);
	stack_flush();
}

static inline void packet_from_host(const uint8_t *ip, size_t n)
{
	uint8_t m[LINK_VNET + MAX] = { 0 };

	memcpy(m + LINK_VNET, ip, n);
	from_host(LINK_APP, m, LINK_VNET + n);
}

/* What has come to the kernel, and to the host: one packet, its parse; false: none. */
static inline bool at_kernel(struct packet *p)
{
	static uint8_t m[LINK_VNET + MAX];
	ssize_t n = recv(kernel, m, sizeof m, MSG_DONTWAIT);

	return n > LINK_VNET &&
	       packet_parse(slice_of(m + LINK_VNET, (size_t)n - LINK_VNET), p) == RC_OK;
}

static inline enum link_kind at_host(struct packet *p)
{
	static uint8_t m[LINK_PAYLOAD_MAX];
	uint8_t head[LINK_HEAD];
	size_t n, skip;

	if (recv(host, head, sizeof head, MSG_DONTWAIT) != sizeof head)
		return 0;
	n = (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	skip = head[0] == LINK_APP ? LINK_VNET : 0;
	CHECK(n > skip && n <= sizeof m && recv(host, m, n, 0) == (ssize_t)n);
	CHECK(packet_parse(slice_of(m + skip, n - skip), p) == RC_OK);
	return (enum link_kind)head[0];
}

static inline bool nothing(void)
{
	struct packet p;

	return !at_kernel(&p) && at_host(&p) == 0;
}

static inline void tcp_from_kernel(struct segment s)
{
	uint8_t p[MAX] = { 0 };

	s.from = s.from != NULL ? s.from : packet_is_v4(s.to) ? tun_enclave4 : tun_enclave6;
	from_kernel(p, put_tcp(p, s));
}

static inline void tcp_from_host(struct segment s)
{
	uint8_t p[MAX] = { 0 };

	s.to = s.to != NULL ? s.to : packet_is_v4(s.from) ? tun_enclave4 : tun_enclave6;
	packet_from_host(p, put_tcp(p, s));
}

/* --- a link ---------------------------------------------------------------------------- */

/* Another one; host and link_number are its. */
static inline void open_link(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	host = pair[0];
	link_number = stack_link_add(pair[1]);
	CHECK(link_number >= 0);
}

/* From here on it carries the app's packets. */
static inline void say_hello(void)
{
	from_host(LINK_HELLO, (const uint8_t[]){ LINK_VERSION }, 1);
}

static inline void cut_link(void)
{
	io_close(&host);
	CHECK(!stack_link_io(link_number, EPOLLIN));
}

/* The switch at time 1000, with a link that carries the app's packets. */
static inline void start(void)
{
	int pair[2], null = open("/dev/null", O_WRONLY);

	log_to(null);
	make_policy();
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	kernel = pair[0];
	app_init(pair[1], &policy, 1000);
	stack_init(STACK_ENCLAVE, &app_hooks);
	count = app_counters();
	open_link();
	say_hello();
}

/* --- what the app asks for ----------------------------------------------------------- */

static inline void syn_to(const uint8_t *to, uint16_t from_port, uint16_t port)
{
	tcp_from_kernel(
		(struct segment){ .to = to, .from_port = from_port, .to_port = port, .flags = 2 });
}

static inline size_t put_question(uint8_t *m, uint8_t id, const char *name)
{
	struct wbuf w = wbuf_of(m, 512);

	wbuf_put(&w, (const uint8_t[]){ 0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, 12);
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		wbuf_u8(&w, (uint8_t)n);
		wbuf_put(&w, name, n);
		name += n + (name[n] == '.');
	}
	wbuf_put(&w, (const uint8_t[]){ 0, 0, 1, 0, 1 }, 5);
	return w.len;
}

/* The app asks the gateway for a name's IPv4 address. */
static inline void ask(uint8_t id, const char *name)
{
	struct packet_ends e = {
		.from = tun_enclave4, .to = tun_gateway4, .from_port = 40000, .to_port = DNS_PORT
	};
	uint8_t ip[MAX] = { 0 }, m[512];

	from_kernel(ip, put_udp(ip, e, slice_of(m, put_question(m, id, name))));
}

#endif
