/* Answers to packets that are not let through: each kind of each version, with the
 * sums that a kernel would want computed here in another way. */
#include "net/refuse.h"

#include <netinet/in.h>

#include "net/packet_put.h"
#include "tests/unit/test.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, TCP_HEAD = 20 };

static const uint8_t a4[16] = { [10] = 0xff, [11] = 0xff, 10, 7, 0, 2 };
static const uint8_t b4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
static const uint8_t a6[16] = { 0xfd, 7, [15] = 2 }, b6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };

/* One's complement, with a carry that goes round at once. */
static uint16_t sum16(const uint8_t *p, size_t n, uint16_t s)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t word = i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i], t = s + word;

		s = (uint16_t)(t > 0xffff ? t - 0xffff : t);
	}
	return s;
}

/* IP's header and n bytes of body, from a to b. */
static struct packet make(uint8_t *buf, bool v6, uint8_t proto, const uint8_t *body, size_t n)
{
	size_t head = packet_put_ip(buf, v6, proto, n, v6 ? a6 : a4, v6 ? b6 : b4);
	struct packet p;

	memcpy(buf + head, body, n);
	CHECK(packet_parse(slice_of(buf, head + n), &p) == RC_OK);
	return p;
}

static struct packet make_tcp(uint8_t *buf, bool v6, uint8_t flags, size_t data)
{
	uint8_t tcp[TCP_HEAD + 100] = { 0x80, 1, 0, 80, 1,      2,     3,    4,
		                        5,    6, 7, 8,  5 << 4, flags, 0xff, 0xff };

	return make(buf, v6, IPPROTO_TCP, tcp, TCP_HEAD + data);
}

static void check_reset(bool v6, uint8_t flags, size_t data, uint32_t seq, uint32_t ack,
                        uint8_t want)
{
	uint8_t in[200], out[REFUSE_MAX];
	struct packet p = make_tcp(in, v6, flags, data), r;
	size_t n = refuse(&p, REFUSE_PROHIBITED, out);

	CHECK(n == (v6 ? 60 : 40) && packet_parse(slice_of(out, n), &r) == RC_OK);
	CHECK(r.proto == IPPROTO_TCP && r.flags == want && r.seq == seq && r.ack == ack);
	CHECK(r.from_port == 80 && r.to_port == 0x8001);
	CHECK(memcmp(r.from, p.to, 16) == 0 && memcmp(r.to, p.from, 16) == 0);
}

static void test_tcp(void)
{
	uint8_t in[200], out[REFUSE_MAX];
	struct packet p, r;
	size_t n;

	for (int v6 = 0; v6 < 2; v6++) {
		check_reset(v6, SYN, 0, 0, 0x01020305, RST | ACK);
		check_reset(v6, SYN, 7, 0, 0x0102030c, RST | ACK);
		check_reset(v6, FIN, 9, 0, 0x0102030e, RST | ACK);
		check_reset(v6, 0, 3, 0, 0x01020307, RST | ACK);
		check_reset(v6, ACK, 50, 0x05060708, 0, RST);
		check_reset(v6, SYN | ACK, 0, 0x05060708, 0, RST);
		/* Nowhere to go: only who connects is told so by ICMP. */
		for (enum refuse_why why = REFUSE_PROHIBITED; why <= REFUSE_PORT; why++) {
			bool icmp = why == REFUSE_NET || why == REFUSE_HOST;

			p = make_tcp(in, v6, SYN, 0);
			n = refuse(&p, why, out);
			CHECK(packet_parse(slice_of(out, n), &r) == RC_OK &&
			      (r.proto != IPPROTO_TCP) == icmp);
			p = make_tcp(in, v6, ACK, 5);
			n = refuse(&p, why, out);
			CHECK(packet_parse(slice_of(out, n), &r) == RC_OK &&
			      r.proto == IPPROTO_TCP);
		}
		p = make_tcp(in, v6, RST, 0);
		CHECK(refuse(&p, REFUSE_PORT, out) == 0);
		p = make_tcp(in, v6, RST | ACK, 0);
		CHECK(refuse(&p, REFUSE_PORT, out) == 0);
		p = make_tcp(in, v6, ACK, 5);
		n = refuse_forward(&p, out);
		CHECK(packet_parse(slice_of(out, n), &r) == RC_OK && r.flags == (RST | ACK) &&
		      r.seq == p.seq && r.ack == p.ack && r.to_port == 80 &&
		      memcmp(r.to, p.to, 16) == 0);
	}
}

static void check_icmp(bool v6, enum refuse_why why, size_t body, uint8_t type, uint8_t code)
{
	static uint8_t in[4096], udp[4096];
	uint8_t out[REFUSE_MAX], pseudo[40] = { 0 };
	size_t head = v6 ? 40 : 20, n, quote;
	struct packet p, r;
	uint16_t s = 0;

	for (size_t i = 8; i < sizeof udp; i++)
		udp[i] = (uint8_t)(i * 7);
	memcpy(udp, (uint8_t[]){ 1, 2, 3, 4, (uint8_t)((body + 8) >> 8), (uint8_t)(body + 8) }, 6);
	p = make(in, v6, IPPROTO_UDP, udp, body + 8);
	n = refuse(&p, why, out);
	quote = p.ip.len < REFUSE_QUOTE ? p.ip.len : REFUSE_QUOTE;
	CHECK(n == head + 8 + quote && n <= REFUSE_MAX);
	CHECK(packet_parse(slice_of(out, n), &r) == RC_OK);
	CHECK(r.proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) && out[head] == type &&
	      out[head + 1] == code && memcmp(out + head + 4, "\0\0\0\0", 4) == 0);
	CHECK(memcmp(out + head + 8, in, quote) == 0);
	CHECK(memcmp(r.from, p.to, 16) == 0 && memcmp(r.to, p.from, 16) == 0);
	if (v6) {
		memcpy(pseudo, r.from, 16);
		memcpy(pseudo + 16, r.to, 16);
		pseudo[34] = (uint8_t)((8 + quote) >> 8);
		pseudo[35] = (uint8_t)(8 + quote);
		pseudo[39] = IPPROTO_ICMPV6;
		s = sum16(pseudo, sizeof pseudo, 0);
	}
	CHECK(sum16(out + head, n - head, s) == 0xffff);
}

static void test_icmp(void)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 100, 520, 527, 528, 547, 548, 549, 4000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		check_icmp(false, REFUSE_PROHIBITED, sizes[i], 3, 13);
		check_icmp(false, REFUSE_NET, sizes[i], 3, 0);
		check_icmp(false, REFUSE_HOST, sizes[i], 3, 1);
		check_icmp(false, REFUSE_PORT, sizes[i], 3, 3);
		check_icmp(true, REFUSE_PROHIBITED, sizes[i], 1, 1);
		check_icmp(true, REFUSE_NET, sizes[i], 1, 0);
		check_icmp(true, REFUSE_HOST, sizes[i], 1, 3);
		check_icmp(true, REFUSE_PORT, sizes[i], 1, 4);
	}
}

/* An echo request is answered, nothing else of ICMP. */
static void test_of_icmp(void)
{
	uint8_t in[100], out[REFUSE_MAX], icmp[8] = { 0 };
	struct packet p;

	for (int v6 = 0; v6 < 2; v6++) {
		for (int type = 0; type < 256; type++) {
			icmp[0] = (uint8_t)type;
			p = make(in, v6, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, icmp, sizeof icmp);
			CHECK((refuse(&p, REFUSE_HOST, out) > 0) == (type == (v6 ? 128 : 8)));
		}
	}
}

/* ICMP of the other version, of which there is nothing: it has no type to look at. */
static void test_other_icmp(void)
{
	uint8_t in[40], out[REFUSE_MAX];

	for (int v6 = 0; v6 < 2; v6++) {
		size_t n = packet_put_ip(in, v6, v6 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0,
		                         v6 ? a6 : a4, v6 ? b6 : b4);
		struct slice g = test_guard(slice_of(in, n));
		struct packet p;

		CHECK(packet_parse(g, &p) == RC_OK && refuse(&p, REFUSE_HOST, out) == 0);
		test_unguard(g);
	}
}

/* Sums with many carries, of an odd number of bytes, and where what was there before
 * is no part of it. */
static void test_sums(void)
{
	struct packet_ends e = { .v6 = false, .from = a4, .to = b4 };
	static uint8_t m[65535];

	for (size_t n = 8; n <= sizeof m; n = n * 3 + 1) {
		memset(m, 0xff, n);
		packet_put_icmp_sum(m, n, &e);
		CHECK(sum16(m, n, 0) == 0xffff);
	}
	/* Every value of the last word: some carry once more when they are folded. */
	memset(m, 0xff, 8);
	for (unsigned last = 0; last <= UINT16_MAX; last++) {
		m[8] = (uint8_t)(last >> 8);
		m[9] = (uint8_t)last;
		packet_put_icmp_sum(m, 10, &e);
		CHECK(sum16(m, 10, 0) == 0xffff);
	}
}

int main(void)
{
	test_tcp();
	test_icmp();
	test_of_icmp();
	test_other_icmp();
	test_sums();
	return test_end();
}
