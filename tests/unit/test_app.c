/* The switch between the app's kernel, a gateway's link, the stack and the resolver:
 * what each packet becomes, under a policy that has a rule of each kind. The test is
 * both the kernel, at a pair of sockets in place of the TUN device, and the host.
 */
#include "net/app.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "net/dns.h"
#include "net/flow.h"
#include "net/packet_put.h"
#include "net/resolver.h"
#include "net/tun.h"
#include "tests/unit/test.h"

enum { TCP_HEAD = 20, MAX = 2048, RULE_TLS = 4 };

static const uint8_t good4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
static const uint8_t bad4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 9 };
static const uint8_t named4[16] = { [10] = 0xff, [11] = 0xff, 203, 0, 113, 5 };
static const uint8_t good6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static const uint8_t bad6[16] = { 0x20, 1, 0xd, 0xb9, [15] = 1 };
static struct policy policy;

static int kernel, host, link_number;
static const struct app_counters *count;

/* --- the policy ---------------------------------------------------------------------- */

static void rule(enum policy_proto proto, const uint8_t *address, unsigned prefix, const char *name,
                 uint16_t first, uint16_t last)
{
	struct policy_rule *r = &policy.egress[policy.egresses++];

	*r = (struct policy_rule){ .proto = proto, .first = first, .last = last, .prefix = prefix };
	if (address != NULL)
		memcpy(r->address, address, sizeof r->address);
	if (name != NULL)
		r->name = slice_str(name);
}

static void make_policy(void)
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

static size_t put_tcp(uint8_t *out, struct segment s)
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

static size_t put_udp(uint8_t *out, struct packet_ends e, struct slice body)
{
	size_t head;

	e.v6 = !packet_is_v4(e.to);
	head = packet_put_udp(out, &e, body.len);
	memcpy(out + head, body.p, body.len);
	return head + body.len;
}

static size_t put_icmp(uint8_t *out, const uint8_t *from, const uint8_t *to, uint8_t type,
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
static void from_kernel(const uint8_t *ip, size_t n)
{
	uint8_t m[LINK_VNET + MAX] = { 0 };

	memcpy(m + LINK_VNET, ip, n);
	CHECK(send(kernel, m, LINK_VNET + n, 0) == (ssize_t)(LINK_VNET + n));
	app_io();
	stack_flush();
}

static void from_host(enum link_kind kind, const uint8_t *payload, size_t n)
{
	uint8_t m[LINK_HEAD + LINK_VNET + MAX];

	link_head(m, kind, n);
	memcpy(m + LINK_HEAD, payload, n);
	CHECK(send(host, m, LINK_HEAD + n, 0) == (ssize_t)(LINK_HEAD + n));
	(void)stack_link_io(link_number, EPOLLIN);
	stack_flush();
}

static void packet_from_host(const uint8_t *ip, size_t n)
{
	uint8_t m[LINK_VNET + MAX] = { 0 };

	memcpy(m + LINK_VNET, ip, n);
	from_host(LINK_APP, m, LINK_VNET + n);
}

/* What has come to the kernel, and to the host: one packet, its parse; false: none. */
static bool at_kernel(struct packet *p)
{
	static uint8_t m[LINK_VNET + MAX];
	ssize_t n = recv(kernel, m, sizeof m, MSG_DONTWAIT);

	return n > LINK_VNET &&
	       packet_parse(slice_of(m + LINK_VNET, (size_t)n - LINK_VNET), p) == RC_OK;
}

static enum link_kind at_host(struct packet *p)
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

static bool nothing(void)
{
	struct packet p;

	return !at_kernel(&p) && at_host(&p) == 0;
}

static void tcp_from_kernel(struct segment s)
{
	uint8_t p[MAX];

	s.from = s.from != NULL ? s.from : packet_is_v4(s.to) ? tun_enclave4 : tun_enclave6;
	from_kernel(p, put_tcp(p, s));
}

static void tcp_from_host(struct segment s)
{
	uint8_t p[MAX];

	s.to = s.to != NULL ? s.to : packet_is_v4(s.from) ? tun_enclave4 : tun_enclave6;
	packet_from_host(p, put_tcp(p, s));
}

/* --- a link that carries the app's packets ---------------------------------------- */

static void open_link(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	host = pair[0];
	link_number = stack_link_add(pair[1]);
	CHECK(link_number >= 0);
}

static void say_hello(void)
{
	from_host(LINK_HELLO, (const uint8_t[]){ LINK_VERSION }, 1);
}

static void cut_link(void)
{
	io_close(&host);
	CHECK(!stack_link_io(link_number, EPOLLIN));
}

static void test_tcp_out(const uint8_t *good, const uint8_t *bad)
{
	uint64_t refused = count->out_refused;
	struct packet p;

	tcp_from_kernel((struct segment){ .to = good, .from_port = 9, .to_port = 80, .flags = 2 });
	CHECK(at_host(&p) == LINK_APP && memcmp(p.to, good, 16) == 0 && p.to_port == 80);
	tcp_from_host((struct segment){ .from = good, .from_port = 80, .to_port = 9, .flags = 18 });
	CHECK(at_kernel(&p) && p.flags == 18 && memcmp(p.from, good, 16) == 0);
	tcp_from_kernel((struct segment){
		.to = good, .from_port = 9, .to_port = 80, .flags = 16, .text = "data" });
	CHECK(at_host(&p) == LINK_APP && p.ip.len - p.body == 4);
	CHECK(nothing() && count->out_refused == refused);
	/* Another port, another address: a reset at once, and nothing leaves. */
	tcp_from_kernel((struct segment){
		.to = good, .from_port = 9, .to_port = 91, .flags = 2, .seq = 5 });
	CHECK(at_kernel(&p) && p.flags == (TH_RST | TH_ACK) && p.ack == 6 && p.from_port == 91);
	tcp_from_kernel((struct segment){ .to = bad, .from_port = 9, .to_port = 80, .flags = 2 });
	CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0 && memcmp(p.from, bad, 16) == 0);
	CHECK(nothing() && count->out_refused == refused + 2);
	/* What belongs to no flow does not pass either, whichever way. */
	tcp_from_kernel((struct segment){
		.to = good, .from_port = 10, .to_port = 80, .flags = 16, .ack = 7 });
	CHECK(at_kernel(&p) && p.flags == TH_RST && p.seq == 7);
	tcp_from_host((struct segment){
		.from = good, .from_port = 80, .to_port = 10, .flags = 18, .ack = 8 });
	CHECK(at_host(&p) == LINK_APP && p.flags == TH_RST && p.seq == 8);
	CHECK(nothing());
}

static void test_tcp_in(const uint8_t *client)
{
	uint64_t refused = count->in_refused;
	struct packet p;

	tcp_from_host(
		(struct segment){ .from = client, .from_port = 5, .to_port = 8081, .flags = 2 });
	CHECK(at_kernel(&p) && p.to_port == 8081 && p.flags == 2);
	tcp_from_kernel(
		(struct segment){ .to = client, .from_port = 8081, .to_port = 5, .flags = 18 });
	CHECK(at_host(&p) == LINK_APP && p.flags == 18);
	/* The app may answer there and not connect there. */
	tcp_from_kernel(
		(struct segment){ .to = client, .from_port = 8081, .to_port = 5, .flags = 2 });
	CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0);
	tcp_from_host(
		(struct segment){ .from = client, .from_port = 5, .to_port = 8082, .flags = 2 });
	CHECK(at_host(&p) == LINK_APP && (p.flags & TH_RST) != 0);
	CHECK(nothing() && count->in_refused == refused + 1);
	/* After its end, the same ends are judged anew. */
	tcp_from_host(
		(struct segment){ .from = client, .from_port = 6, .to_port = 8080, .flags = 2 });
	CHECK(at_kernel(&p));
	tcp_from_host(
		(struct segment){ .from = client, .from_port = 6, .to_port = 8080, .flags = 4 });
	CHECK(at_kernel(&p) && p.flags == 4);
	tcp_from_host(
		(struct segment){ .from = client, .from_port = 6, .to_port = 8080, .flags = 2 });
	CHECK(at_kernel(&p) && p.flags == 2 && nothing());
}

static void test_udp(void)
{
	struct packet_ends out = {
		.from = tun_enclave4, .to = good4, .from_port = 9, .to_port = 53
	};
	struct packet_ends in = {
		.from = bad4, .to = tun_enclave4, .from_port = 7, .to_port = 5353
	};
	struct packet_ends back = {
		.from = good4, .to = tun_enclave4, .from_port = 53, .to_port = 9
	};
	struct slice body = slice_str("hello");
	struct packet p, about;
	uint8_t ip[MAX];

	packet_from_host(ip, put_udp(ip, back, body)); /* nobody has asked */
	CHECK(at_host(&p) == LINK_APP && packet_quoted(&p, &about) == RC_OK && nothing());
	from_kernel(ip, put_udp(ip, out, body));
	CHECK(at_host(&p) == LINK_APP && p.ip.len - p.body == 5);
	packet_from_host(ip, put_udp(ip, back, body));
	CHECK(at_kernel(&p) && p.to_port == 9);
	packet_from_host(ip, put_udp(ip, in, body));
	CHECK(at_kernel(&p) && p.to_port == 5353);
	out.to = bad4;
	from_kernel(ip, put_udp(ip, out, body));
	CHECK(at_kernel(&p) && p.proto == IPPROTO_ICMP && p.ip.p[p.head + 1] == ICMP_PKT_FILTERED);
	CHECK(packet_quoted(&p, &about) == RC_OK && about.to_port == 53 && nothing());
}

static void test_icmp(void)
{
	uint64_t dropped = count->dropped;
	struct packet_ends e = { .from = tun_enclave4, .to = good4, .from_port = 9, .to_port = 53 };
	struct slice text = slice_str("ping");
	uint8_t ip[MAX], quote[MAX];
	struct packet p;
	size_t n;

	from_kernel(ip, put_icmp(ip, tun_enclave4, good4, ICMP_ECHO, 0, text));
	CHECK(at_host(&p) == LINK_APP && p.from_port == 77);
	packet_from_host(ip, put_icmp(ip, good4, tun_enclave4, ICMP_ECHOREPLY, 0, text));
	CHECK(at_kernel(&p) && p.type == ICMP_ECHOREPLY);
	from_kernel(ip, put_icmp(ip, tun_enclave4, bad4, ICMP_ECHO, 0, text));
	CHECK(at_kernel(&p) && p.type == ICMP_DEST_UNREACH && nothing());
	packet_from_host(ip, put_icmp(ip, bad4, tun_enclave4, ICMP_ECHO, 0, text));
	CHECK(at_host(&p) == LINK_APP && p.type == ICMP_DEST_UNREACH && nothing());
	/* Errors about a flow pass, whoever sends them; about none they do not. */
	n = put_udp(quote, e, slice_str("x"));
	packet_from_host(ip, put_icmp(ip, bad4, tun_enclave4, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH,
	                              slice_of(quote, n)));
	CHECK(at_kernel(&p) && p.type == ICMP_DEST_UNREACH);
	/* That a datagram is too big is not the kernel's to know. */
	packet_from_host(ip, put_icmp(ip, bad4, tun_enclave4, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
	                              slice_of(quote, n)));
	CHECK(nothing());
	e.from_port = 11;
	n = put_udp(quote, e, slice_str("x"));
	packet_from_host(ip, put_icmp(ip, bad4, tun_enclave4, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH,
	                              slice_of(quote, n)));
	CHECK(nothing() && count->dropped >= dropped);
}

/* What a program says from the gate's own ports would be the gate's to clients. */
static void test_own_source(void)
{
	static const uint16_t own[] = { 8443, 61000, 65535 };
	uint64_t refused = count->out_refused;
	struct packet p;

	for (size_t i = 0; i < 3; i++) {
		tcp_from_kernel((struct segment){
			.to = good4, .from_port = own[i], .to_port = 80, .flags = 2 });
		CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0 && nothing());
	}
	tcp_from_kernel(
		(struct segment){ .to = good4, .from_port = 60999, .to_port = 80, .flags = 2 });
	CHECK(at_host(&p) == LINK_APP && nothing() && count->out_refused == refused + 3);
}

/* A fragment would let its far end send others, to any port, even where everything may
 * go out. */
static void test_extensions(void)
{
	static const uint8_t hidden[] = { 0, 43, 44, 51, 60, 135 };
	uint8_t ip[MAX] = { 0 };
	struct packet p;

	rule(POLICY_ANY, bad6, 128, NULL, 0, UINT16_MAX);
	for (size_t i = 0; i < sizeof hidden; i++) {
		from_kernel(ip, packet_put_ip(ip, true, hidden[i], 16, tun_enclave6, bad6) + 16);
		CHECK(at_kernel(&p) && p.type == 1 && nothing());
		packet_from_host(ip,
		                 packet_put_ip(ip, true, hidden[i], 16, bad6, tun_enclave6) + 16);
		CHECK(at_host(&p) == LINK_APP && p.type == 1 && nothing());
	}
	policy.egresses--;
}

/* A datagram opens the way back for a while, and not for good. */
static void test_silence(void)
{
	struct packet_ends out = {
		.from = tun_enclave4, .to = good4, .from_port = 12, .to_port = 53
	};
	struct packet_ends back = {
		.from = good4, .to = tun_enclave4, .from_port = 53, .to_port = 12
	};
	struct slice body = slice_str("x");
	struct packet p;
	uint8_t ip[MAX];

	from_kernel(ip, put_udp(ip, out, body));
	CHECK(at_host(&p) == LINK_APP);
	app_tick(1000 + 179999);
	packet_from_host(ip, put_udp(ip, back, body));
	CHECK(at_kernel(&p) && nothing());
	app_tick(1000 + 179999 + 180000);
	packet_from_host(ip, put_udp(ip, back, body));
	CHECK(at_host(&p) == LINK_APP && p.proto == IPPROTO_ICMP && nothing());
	app_tick(1000);
}

/* Packets that are none, or nobody's, and whose senders lie. */
static void test_dropped(void)
{
	uint64_t dropped = count->dropped;
	struct packet_ends self = {
		.from = tun_enclave6, .to = tun_enclave6, .from_port = 5353, .to_port = 5353
	};
	uint8_t ip[MAX];
	size_t n = put_tcp(
		ip,
		(struct segment){
			.from = good4, .to = good4, .from_port = 1, .to_port = 80, .flags = 2 });

	from_kernel(ip, n);      /* not from the enclave */
	packet_from_host(ip, n); /* not to it */
	n = put_tcp(ip, (struct segment){ .from = tun_enclave4,
	                                  .to = good4,
	                                  .from_port = 1,
	                                  .to_port = 80,
	                                  .flags = 2 });
	ip[6] |= 0x20; /* a fragment */
	from_kernel(ip, n);
	from_kernel(ip, 19);
	n = put_tcp(ip, (struct segment){ .from = good4,
	                                  .to = tun_enclave4,
	                                  .from_port = 1,
	                                  .to_port = 8080,
	                                  .flags = 2 });
	ip[7] = 1;
	packet_from_host(ip, n);
	packet_from_host(ip, 19);
	n = put_udp(ip, self, slice_str("echo")); /* its answer would be for itself */
	packet_from_host(ip, n);
	CHECK(nothing() && count->dropped == dropped + 7);
}

/* The gate's own ports: TCP's are the stack's, which has no listener here and resets;
 * the app's kernel sees none of it. */
static void test_own_ports(void)
{
	struct packet_ends e = {
		.from = good4, .to = tun_enclave4, .from_port = 5, .to_port = 61001
	};
	uint8_t ip[MAX];
	struct packet p;

	tcp_from_host(
		(struct segment){ .from = good4, .from_port = 5, .to_port = 8443, .flags = 2 });
	CHECK(at_host(&p) == LINK_PACKET && (p.flags & TH_RST) != 0);
	tcp_from_host(
		(struct segment){ .from = good6, .from_port = 5, .to_port = 8443, .flags = 2 });
	CHECK(at_host(&p) == LINK_APP && (p.flags & TH_RST) != 0);
	packet_from_host(ip, put_udp(ip, e, slice_str("x")));
	CHECK(at_host(&p) == LINK_APP && p.proto == IPPROTO_ICMP && nothing());
}

/* Who asks from addresses that are not his, and so never goes on, does not end a
 * connection that is idle. */
static void test_flood(void)
{
	struct segment client = { .from = bad4, .from_port = 7, .to_port = 8080, .flags = 2 };
	struct packet p;

	tcp_from_host(client);
	CHECK(at_kernel(&p));
	tcp_from_kernel(
		(struct segment){ .to = bad4, .from_port = 8080, .to_port = 7, .flags = 18 });
	CHECK(at_host(&p) == LINK_APP);
	client.flags = 16;
	tcp_from_host(client);
	CHECK(at_kernel(&p));
	app_tick(50000);
	for (uint16_t port = 1000; port < 1000 + 2 * FLOW_MAX; port++) {
		tcp_from_host((struct segment){
			.from = bad6, .from_port = port, .to_port = 8080, .flags = 2 });
		CHECK(at_kernel(&p));
	}
	tcp_from_host(client);
	CHECK(at_kernel(&p) && p.flags == 16 && nothing());
	app_tick(1000);
}

/* --- names ----------------------------------------------------------------------------- */

static size_t put_question(uint8_t *m, uint8_t id, const char *name)
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

static void ask(uint8_t id, const char *name)
{
	struct packet_ends e = {
		.from = tun_enclave4, .to = tun_gateway4, .from_port = 40000, .to_port = DNS_PORT
	};
	uint8_t ip[MAX], m[512];

	from_kernel(ip, put_udp(ip, e, slice_of(m, put_question(m, id, name))));
}

/* Answers the question in asked with an address; change: what is wrong with it. */
static void answer(const struct packet *asked, const uint8_t *address, int change)
{
	struct packet_ends e = { .from = tun_gateway4,
		                 .to = tun_enclave4,
		                 .from_port = DNS_PORT,
		                 .to_port = asked->from_port };
	struct slice q = slice_of(asked->ip.p + asked->body, asked->ip.len - asked->body);
	uint8_t ip[MAX], m[MAX];
	struct wbuf w = wbuf_of(m, sizeof m);
	size_t end = 12;

	while (q.p[end] != 0)
		end += 1u + q.p[end];
	wbuf_put(&w, q.p, end + 5);
	m[2] = 0x81;
	m[3] = 0x80;
	m[7] = 1;
	m[10] = m[11] = 0;
	wbuf_put(&w, (const uint8_t[]){ 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4 }, 12);
	wbuf_put(&w, address + PACKET_V4, 4);
	if (change >= 0)
		m[change] ^= 0x80;
	packet_from_host(ip, put_udp(ip, e, wbuf_slice(&w)));
}

static void syn_to(const uint8_t *to, uint16_t from_port, uint16_t port)
{
	tcp_from_kernel(
		(struct segment){ .to = to, .from_port = from_port, .to_port = port, .flags = 2 });
}

static void test_names(void)
{
	uint64_t denied = resolver_counters()->denied;
	struct packet p, q;

	ask(1, "denied.example");
	CHECK(at_kernel(&p) && p.from_port == DNS_PORT && (p.ip.p[p.body + 3] & 15) == DNS_REFUSED);
	CHECK(resolver_counters()->denied == denied + 1 && nothing());
	syn_to(named4, 20, 80);
	CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0 && nothing());
	ask(2, "name.example");
	CHECK(at_host(&q) == LINK_APP && q.to_port == DNS_PORT && q.from_port >= POLICY_OWN_FIRST);
	/* Another id, another name, not an answer: nothing is opened, nothing is told. */
	answer(&q, named4, 0);
	answer(&q, named4, 15);
	answer(&q, named4, 2);
	CHECK(nothing());
	syn_to(named4, 21, 80);
	CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0 && nothing());
	answer(&q, named4, -1);
	CHECK(at_kernel(&p) && p.to_port == 40000 && p.ip.p[p.body + 1] == 2);
	syn_to(named4, 22, 80);
	CHECK(at_host(&p) == LINK_APP && p.flags == 2);
	syn_to(named4, 23, 81); /* not that port */
	CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0 && nothing());
	app_tick(1000 + 60000 + RESOLVER_GRACE_MS + 1); /* its time is over */
	syn_to(named4, 24, 80);
	CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0 && nothing());
	app_tick(1000);
}

/* A ClientHello that has just a server name. */
static size_t put_hello(char *out, const char *name)
{
	uint8_t m[512];
	struct wbuf w = wbuf_of(m, sizeof m);
	size_t n = strlen(name);

	wbuf_put(&w, "\x16\x03\x01", 3);
	wbuf_u16_be(&w, (uint16_t)(4 + 2 + 32 + 1 + 4 + 2 + 2 + 9 + n));
	wbuf_put(&w, "\x01\0", 2);
	wbuf_u16_be(&w, (uint16_t)(2 + 32 + 1 + 4 + 2 + 2 + 9 + n));
	wbuf_put(&w, "\x03\x03rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\0\0\2\x13\1\1\0", 41);
	wbuf_u16_be(&w, (uint16_t)(9 + n));
	wbuf_u16_be(&w, 0);
	wbuf_u16_be(&w, (uint16_t)(5 + n));
	wbuf_u16_be(&w, (uint16_t)(3 + n));
	wbuf_u8(&w, 0);
	wbuf_u16_be(&w, (uint16_t)n);
	wbuf_put(&w, name, n);
	memcpy(out, m, w.len);
	return w.len;
}

/* What the app says first on a connection to the tls rule's address. */
static void say(uint16_t port, const char *text, size_t n)
{
	uint8_t ip[MAX];
	size_t head = put_tcp(ip, (struct segment){ .from = tun_enclave4,
	                                            .to = named4,
	                                            .from_port = port,
	                                            .to_port = 443,
	                                            .flags = 24,
	                                            .seq = 100,
	                                            .ack = 200 });

	memcpy(ip + head, text, n);
	ip[2] = (uint8_t)((head + n) >> 8);
	ip[3] = (uint8_t)(head + n);
	from_kernel(ip, head + n);
}

static void test_tls(void)
{
	uint64_t refused = count->hello_refused;
	char hello[512];
	struct packet p;
	size_t n;

	ask(3, "tls.example");
	CHECK(at_host(&p) == LINK_APP);
	answer(&p, named4, -1);
	CHECK(at_kernel(&p));
	for (uint16_t port = 30; port < 34; port++) {
		syn_to(named4, port, 443);
		CHECK(at_host(&p) == LINK_APP); /* the handshake passes */
		tcp_from_kernel((struct segment){
			.to = named4, .from_port = port, .to_port = 443, .flags = 16 });
		CHECK(at_host(&p) == LINK_APP && nothing());
	}
	n = put_hello(hello, "tls.example");
	say(30, hello, n);
	CHECK(at_host(&p) == LINK_APP && p.ip.len - p.body == n);
	say(30, "anything", 8);
	CHECK(at_host(&p) == LINK_APP && nothing());
	CHECK(count->hello_refused == refused);
	say(31, hello, n - 1); /* not whole */
	CHECK(at_kernel(&p) && p.flags == TH_RST && p.seq == 200);
	CHECK(at_host(&p) == LINK_APP && (p.flags & TH_RST) != 0 && p.ip.len == p.body);
	say(32, "GET / HTTP/1.1\r\n\r\n", 18);
	CHECK(at_kernel(&p) && at_host(&p) == LINK_APP && (p.flags & TH_RST) != 0);
	n = put_hello(hello, "name.example"); /* a rule's name, but of another kind */
	say(33, hello, n);
	CHECK(at_kernel(&p) && at_host(&p) == LINK_APP && (p.flags & TH_RST) != 0);
	CHECK(count->hello_refused == refused + 3);
	say(33, hello, n); /* it is over */
	CHECK(at_kernel(&p) && p.flags == TH_RST && nothing());
}

/* --- links ----------------------------------------------------------------------------- */

/* Who has not said that he carries the app's packets does not; who says so later takes
 * over, and what went by the other is reset. */
static void test_two_links(void)
{
	int first = host, first_number = link_number;
	struct packet p;

	syn_to(good4, 50, 80);
	CHECK(at_host(&p) == LINK_APP);
	open_link();
	tcp_from_host(
		(struct segment){ .from = good4, .from_port = 1, .to_port = 8080, .flags = 2 });
	CHECK(nothing());
	say_hello();
	CHECK(at_kernel(&p) && (p.flags & TH_RST) != 0); /* some flow of this or an earlier test */
	while (at_kernel(&p))
		CHECK((p.flags & TH_RST) != 0);
	CHECK(flow_count(FLOW_OUT) == 0 && flow_count(FLOW_IN) == 0);
	syn_to(good4, 51, 80);
	CHECK(at_host(&p) == LINK_APP);
	/* When it ends, the one before is good enough again. */
	cut_link();
	while (at_kernel(&p))
		CHECK((p.flags & TH_RST) != 0);
	host = first;
	link_number = first_number;
	syn_to(good4, 52, 80);
	CHECK(at_host(&p) == LINK_APP);
	open_link();
	say_hello();
	while (at_kernel(&p))
		CHECK((p.flags & TH_RST) != 0);
	syn_to(good4, 51, 80);
	CHECK(at_host(&p) == LINK_APP);
	io_close(&first);
	CHECK(!stack_link_io(first_number, EPOLLIN));
	tcp_from_host(
		(struct segment){ .from = good4, .from_port = 80, .to_port = 51, .flags = 18 });
	CHECK(at_kernel(&p) && nothing());
}

/* The app hears at once that its connections are gone: a reset with the number that its
 * kernel expects. Then packets are dropped for a while, and then refused. */
static void test_gone(void)
{
	uint64_t dropped;
	struct packet p;
	bool established = false, asked = false;

	syn_to(good4, 60, 80);
	CHECK(at_host(&p) == LINK_APP);
	tcp_from_host((struct segment){
		.from = good4, .from_port = 80, .to_port = 60, .flags = 18, .seq = 1000 });
	tcp_from_host((struct segment){ .from = good4,
	                                .from_port = 80,
	                                .to_port = 60,
	                                .flags = 16,
	                                .seq = 1001,
	                                .text = "0123456789" });
	CHECK(at_kernel(&p) && at_kernel(&p));
	tcp_from_kernel((struct segment){
		.to = good4, .from_port = 61, .to_port = 80, .flags = 2, .seq = 77 });
	CHECK(at_host(&p) == LINK_APP);
	cut_link();
	while (at_kernel(&p)) {
		established = established ||
		              (p.to_port == 60 && p.flags == TH_RST && p.seq == 1011);
		asked = asked || (p.to_port == 61 && p.flags == (TH_RST | TH_ACK) && p.ack == 78);
	}
	CHECK(established && asked && count->reset > 0);
	dropped = count->dropped;
	syn_to(good4, 62, 80);
	CHECK(!at_kernel(&p) && count->dropped == dropped + 1);
	app_tick(1000 + APP_GRACE_MS);
	syn_to(good4, 62, 80);
	CHECK(at_kernel(&p) && p.proto == IPPROTO_ICMP && p.type == 3 && app_takes());
	/* Nobody can be asked: the program hears it at the next turn. */
	ask(9, "name.example");
	CHECK(app_deadline() <= 1000);
	app_tick(1000 + APP_GRACE_MS);
	CHECK(at_kernel(&p) && (p.ip.p[p.body + 3] & 15) == DNS_SERVFAIL);
	open_link();
	say_hello();
	syn_to(good4, 62, 80);
	CHECK(at_host(&p) == LINK_APP && nothing());
	cut_link();
}

int main(void)
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
	test_tcp_out(good4, bad4);
	test_tcp_out(good6, bad6);
	test_tcp_in(good4);
	test_tcp_in(bad6);
	test_udp();
	test_icmp();
	test_own_source();
	test_silence();
	test_extensions();
	test_dropped();
	test_own_ports();
	test_flood();
	test_names();
	test_tls();
	test_two_links();
	test_gone();
	return test_end();
}
