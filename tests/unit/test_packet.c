/* Which packets are for the stack: every length, every bit of the fields that
 * decide. */
#include "net/packet.h"
#include "tests/unit/test.h"

static const uint8_t to[PACKET_ADDRESS] = { [10] = 0xff, [11] = 0xff, 10, 7, 0, 2 };
static const uint8_t ack[] = { 0x45, 0,    0, 44, 1, 2, 0x40, 0,    64,  6,   0,   0,  10, 7, 0, 1,
	                       10,   7,    0, 2,  0, 9, 0x20, 0xfb, 1,   2,   3,   4,  5,  6, 7, 8,
	                       0x50, 0x18, 4, 0,  0, 0, 0,    0,    'd', 'a', 't', 'a' };

static enum packet_way way(const uint8_t *p, size_t n)
{
	struct slice g = test_guard(slice_of(p, n));
	struct packet packet;
	enum packet_way w = packet_parse(g, &packet) == RC_OK ? packet_way(&packet, to)
	                                                      : PACKET_NOBODY;

	test_unguard(g);
	return w;
}

static void test_lengths(void)
{
	uint8_t p[sizeof ack];

	memcpy(p, ack, sizeof p);
	for (size_t n = 0; n <= sizeof p; n++)
		CHECK(way(p, n) == (n == sizeof p ? PACKET_STACK : PACKET_NOBODY));
	for (size_t n = 0; n < sizeof p; n++) {
		p[3] = (uint8_t)n; /* says that it is as long as it is */
		CHECK(way(p, n) == (n >= 40 ? PACKET_STACK : PACKET_NOBODY));
	}
}

static bool is_free(size_t at, unsigned bit)
{
	/* Whence, service, number, time to live, checksums, ports, numbers, window, data;
	 * of the fragment's field the one bit that asks for none; flags but SYN;
	 * what is reserved beside the header's length. */
	return (at >= 12 && at < 16) || at == 1 || at == 4 || at == 5 || (at == 6 && bit == 6) ||
	       at == 8 || at == 10 || at == 11 || (at >= 20 && at < 32) || (at == 32 && bit < 4) ||
	       (at == 33 && bit != 1) || at > 33;
}

static void test_bits(void)
{
	for (size_t i = 0; i < sizeof ack * 8; i++) {
		uint8_t p[sizeof ack];

		memcpy(p, ack, sizeof p);
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		if (!CHECK(way(p, sizeof p) ==
		           (is_free(i / 8, i % 8) ? PACKET_STACK : PACKET_NOBODY)))
			printf("  byte %zu, bit %zu\n", i / 8, i % 8);
	}
}

static void test_syn(void)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		for (unsigned words = 0; words < 16; words++) {
			uint8_t p[sizeof ack];
			enum packet_way want = PACKET_NOBODY;

			memcpy(p, ack, sizeof p);
			p[32] = (uint8_t)(words << 4);
			p[33] = (uint8_t)flags;
			if ((flags & 2) == 0 && words == 5)
				want = PACKET_STACK;
			else if ((flags & 7) == 2 && words == 6) /* four bytes of options */
				want = flags & 16 ? PACKET_STACK : PACKET_STACK_SYN;
			CHECK(way(p, sizeof p) == want);
		}
	}
}

/* An error is for who has sent the packet that it quotes, and nobody else. */
static void test_quoted(void)
{
	static const uint8_t error[] = { 0x45, 0, 0,   56, 0, 0, 0x40, 0, 64, 1,  0, 0,  192, 0,
		                         2,    9, 10,  7,  0, 2, 3,    3, 0,  0,  0, 0,  0,   0,
		                         0x45, 0, 0,   99, 0, 0, 0x40, 0, 64, 17, 0, 0,  10,  7,
		                         0,    2, 192, 0,  2, 1, 0,    9, 0,  53, 0, 79, 0,   0 };
	uint8_t m[sizeof error];
	struct packet p, about;

	memcpy(m, error, sizeof m);
	CHECK(packet_parse(slice_of(m, sizeof m), &p) == RC_OK &&
	      packet_quoted(&p, &about) == RC_OK && about.from_port == 9 && about.to_port == 53);
	for (size_t i = 16; i < 20; i++) {
		m[i] ^= 1;
		CHECK(packet_parse(slice_of(m, sizeof m), &p) == RC_OK &&
		      packet_quoted(&p, &about) == RC_BAD);
		m[i] ^= 1;
	}
}

int main(void)
{
	test_quoted();
	test_lengths();
	test_bits();
	test_syn();
	return test_end();
}
