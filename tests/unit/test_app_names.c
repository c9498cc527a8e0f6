/* Rules with a name in the switch of the app: what its kernel asks and is told, the
 * addresses that this opens and for how long, and of a tls rule what must be said
 * first.
 */
#include "net/app.h"

#include "net/resolver.h"
#include "tests/unit/app_ends.h"

static const uint8_t named4[16] = { [10] = 0xff, [11] = 0xff, 203, 0, 113, 5 };

/* Answers the question in asked with an address; change: what is wrong with it. */
static void answer(const struct packet *asked, const uint8_t *address, int change)
{
	struct packet_ends e = { .from = tun_gateway4,
		                 .to = tun_enclave4,
		                 .from_port = DNS_PORT,
		                 .to_port = asked->from_port };
	struct slice q = slice_of(asked->ip.p + asked->body, asked->ip.len - asked->body);
	uint8_t ip[MAX] = { 0 }, m[MAX];
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
	uint8_t ip[MAX] = { 0 };
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

int main(void)
{
	start();
	test_names();
	test_tls();
	return test_end();
}
