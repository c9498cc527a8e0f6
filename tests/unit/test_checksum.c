/* The internet checksum against one that goes byte by byte, as RFC 1071 §1 says it. */
#include "net/checksum.h"

#include <netinet/in.h>
#include <netinet/ip.h>

#include "net/packet_put.h"
#include "tests/unit/test.h"

static const uint8_t a4[PACKET_ADDRESS] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
static const uint8_t b4[PACKET_ADDRESS] = { [10] = 0xff, 0xff, 203, 0, 113, 9 };
static const uint8_t a6[PACKET_ADDRESS] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static const uint8_t b6[PACKET_ADDRESS] = { 0xfd, 7, 0xca, 0x5e, [14] = 0xff, 0xff };

static uint8_t bytes[70000];

static uint16_t plain(uint32_t before, const uint8_t *p, size_t n)
{
	uint64_t s = before;

	for (size_t i = 0; i < n; i++)
		s += i % 2 == 0 ? (uint64_t)p[i] << 8 : p[i];
	while (s > UINT16_MAX)
		s = (s & UINT16_MAX) + (s >> 16);
	return (uint16_t)s;
}

static void test_sums(void)
{
	static const uint32_t before[] = { 0, 1, 0xffff, 0x10000, UINT32_MAX };

	for (size_t n = 0; n <= UINT16_MAX; n += n < 200 ? 1 : 997) {
		for (size_t at = 0; at < 4; at++) {
			struct slice s = test_guard(slice_of(bytes + at, n));

			for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
				CHECK(checksum(before[i], s.p, n) ==
				      plain(before[i], bytes + at, n));
			/* On top of one before it. */
			CHECK(checksum(checksum(0, s.p, n / 4 * 2), s.p + n / 4 * 2,
			               n - n / 4 * 2) == plain(0, s.p, n));
			test_unguard(s);
		}
	}
	memset(bytes, 0xff, sizeof bytes);
	CHECK(checksum(0, bytes, UINT16_MAX) == plain(0, bytes, UINT16_MAX));
}

/* RFC 1071 §3 has this one. */
static void test_example(void)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	CHECK(checksum(0, example, sizeof example) == 0xddf2);
}

static void check_udp(bool v6, size_t n)
{
	const struct packet_ends e = { v6, v6 ? a6 : a4, v6 ? b6 : b4, 5000, 53 };
	size_t head = packet_put_udp(bytes, &e, n);
	struct packet p;

	memset(bytes + head, 0xa5, n);
	CHECK(packet_parse(slice_of(bytes, head + n), &p) == RC_OK);
	checksum_udp(&p, bytes);
	CHECK(checksum_good(&p));
	bytes[head + n - 1] ^= 1;
	CHECK(!checksum_good(&p));
	bytes[head + n - 1] ^= 1;
	if (v6)
		return;
	checksum_set(bytes + offsetof(struct iphdr, check), 0, bytes, p.head);
	CHECK(plain(0, bytes, p.head) == UINT16_MAX);
}

static void test_packets(void)
{
	for (size_t n = 1; n < 50; n++) {
		check_udp(false, n);
		check_udp(true, n);
	}
	check_udp(false, 60001);
	check_udp(true, 60000);
}

int main(void)
{
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 167 + (i >> 8) * 31);
	test_sums();
	test_example();
	test_packets();
	return test_end();
}
