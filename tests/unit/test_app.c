/* The switch between the app's kernel, a gateway's link, the stack and the resolver:
 * what each packet becomes, under a policy that has a rule of each kind; links that come
 * and go. Names are in test_app_names.
 */
#include "net/app.h"

#include <netinet/ip_icmp.h>

#include "net/flow.h"
#include "tests/unit/app_ends.h"

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
	uint8_t ip[MAX] = { 0 };

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
	uint8_t ip[MAX] = { 0 }, quote[MAX];
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
	uint8_t ip[MAX] = { 0 };

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
	uint8_t ip[MAX] = { 0 };
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
	uint8_t ip[MAX] = { 0 };
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
	/* Who has not got the app's packets says so to its clients. */
	CHECK(at_host(&p) == LINK_APP && (p.flags & TH_RST) != 0 && nothing());
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
	start();
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
	test_two_links();
	test_gone();
	return test_end();
}
