/* What comes in parts from a device, and what does not come together. */
#include "tools/casemate/fragments.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "net/link.h"
#include "net/packet_put.h"
#include "net/tun.h"
#include "tests/unit/test.h"

enum { PART = 1280 };

static const uint8_t far4[PACKET_ADDRESS] = { [10] = 0xff, 0xff, 192, 0, 2, 2 };
static const uint8_t far6[PACKET_ADDRESS] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };

static uint8_t payload[LINK_PAYLOAD_MAX];

static uint8_t byte_at(uint32_t id, size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) + id);
}

struct part {
	bool v6;
	uint32_t id;
	size_t at, len;
	bool more;
};

/* Puts it into payload; its length. */
static size_t put(const struct part *p)
{
	uint8_t *ip = payload + LINK_VNET, *body;
	struct ip6_frag frag = {
		.ip6f_nxt = IPPROTO_UDP,
		.ip6f_offlg = htons((uint16_t)(p->at | p->more)),
		.ip6f_ident = htonl(p->id),
	};
	struct iphdr four;
	size_t head;

	memset(payload, 0xee, sizeof payload);
	if (p->v6) {
		head = packet_put_ip(ip, true, IPPROTO_FRAGMENT, sizeof frag + p->len, far6,
		                     tun_enclave6);
		memcpy(ip + head, &frag, sizeof frag);
		head += sizeof frag;
	} else {
		head = packet_put_ip(ip, false, IPPROTO_UDP, p->len, far4, tun_enclave4);
		memcpy(&four, ip, sizeof four);
		four.id = htons((uint16_t)p->id);
		four.frag_off = htons((uint16_t)(p->at / 8 | (p->more ? IP_MF : 0)));
		memcpy(ip, &four, sizeof four);
	}
	body = ip + head;
	for (size_t i = 0; i < p->len; i++)
		body[i] = byte_at(p->id, p->at + i);
	return LINK_VNET + head + p->len;
}

static size_t join(bool v6, uint32_t id, size_t at, size_t len, bool more)
{
	struct part p = { v6, id, at, len, more };

	return fragments_join(payload, put(&p));
}

/* The whole: n bytes of body, as they were. */
static bool is_whole(size_t len, bool v6, uint32_t id, size_t n)
{
	const uint8_t *body = payload + LINK_VNET + (v6 ? sizeof(struct ip6_hdr) : 20);
	static const uint8_t no_vnet[LINK_VNET];
	struct packet p;
	size_t same = 0;

	/* No port, no length of UDP: what is in it is bytes. */
	payload[LINK_VNET + (v6 ? 6 : 9)] = 253;
	while (same < n && body[same] == byte_at(id, same))
		same++;
	return len == LINK_VNET + (v6 ? sizeof(struct ip6_hdr) : 20) + n && same == n &&
	       memcmp(payload, no_vnet, sizeof no_vnet) == 0 &&
	       packet_parse(slice_of(payload + LINK_VNET, len - LINK_VNET), &p) == RC_OK &&
	       memcmp(p.from, v6 ? far6 : far4, sizeof p.from) == 0 &&
	       memcmp(p.to, v6 ? tun_enclave6 : tun_enclave4, sizeof p.to) == 0;
}

static void check_joined(bool v6, size_t n)
{
	size_t at = 0, len;

	for (; n - at > PART; at += PART)
		CHECK(join(v6, 7, at, PART, true) == 0);
	len = join(v6, 7, at, n - at, false);
	CHECK(payload[LINK_VNET + (v6 ? 6 : 9)] == IPPROTO_UDP);
	CHECK(is_whole(len, v6, 7, n));
}

static void test_joined(void)
{
	static const size_t sizes[] = { PART + 1, 2 * PART, 8000, 60000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		check_joined(false, sizes[i]);
		check_joined(true, sizes[i]);
	}
	check_joined(false, LINK_PACKET_MAX - sizeof(struct iphdr));
	check_joined(true, LINK_PACKET_MAX - sizeof(struct ip6_hdr));
}

/* What is no fragment stays, with its device's header. */
static void test_whole(void)
{
	uint8_t before[LINK_PAYLOAD_MAX];
	size_t n = LINK_VNET +
	           packet_put_ip(payload + LINK_VNET, false, 253, 100, far4, tun_enclave4) + 100;

	memcpy(before, payload, n);
	for (size_t cut = LINK_VNET; cut <= n; cut++) {
		CHECK(fragments_join(payload, cut) == cut);
		CHECK(memcmp(before, payload, n) == 0);
	}
}

/* Headers that are cut, or whose lengths are not theirs. */
static void test_bad(void)
{
	struct part p = { false, 1, 0, 64, true };

	for (int v6 = 0; v6 < 2; v6++) {
		size_t n = put(&(struct part){ v6, 1, 0, 64, true });

		for (size_t cut = LINK_VNET; cut < n; cut++)
			CHECK(fragments_join(payload, cut) == cut);
	}
	/* IPv4 options. */
	CHECK(put(&p) > 0);
	payload[LINK_VNET] = 0x46;
	CHECK(fragments_join(payload, LINK_VNET + 84) == LINK_VNET + 84);
	/* Nothing of those waits. */
	CHECK(join(false, 1, 64, 8, false) == 0 && join(true, 1, 64, 8, false) == 0);
}

static void test_lost(void)
{
	/* A part is missing, comes twice, or is another's. */
	CHECK(join(false, 1, 0, 64, true) == 0 && join(false, 1, 128, 8, false) == 0);
	CHECK(join(false, 1, 64, 8, false) == 0);
	CHECK(join(false, 2, 0, 64, true) == 0 && join(false, 2, 64, 64, true) == 0);
	CHECK(join(false, 2, 64, 64, true) == 0 && join(false, 2, 128, 8, false) == 0);
	CHECK(join(false, 3, 0, 64, true) == 0 && join(false, 4, 64, 8, false) == 0);
	CHECK(join(true, 3, 64, 8, false) == 0);
	CHECK(is_whole(join(false, 3, 64, 8, false), false, 3, 72));
	/* Its first again begins it anew. */
	CHECK(join(true, 5, 0, 64, true) == 0 && join(true, 5, 64, 64, true) == 0);
	CHECK(join(true, 5, 0, 72, true) == 0);
	CHECK(is_whole(join(true, 5, 72, 8, false), true, 5, 80));
}

static void test_bounds(void)
{
	enum { MOST = LINK_PACKET_MAX - sizeof(struct iphdr) };
	size_t at = 0;

	/* One byte more than a packet has. */
	for (; MOST - at >= PART; at += PART)
		CHECK(join(false, 1, at, PART, true) == 0);
	CHECK(join(false, 1, at, MOST + 1 - at, false) == 0);
	/* One datagram more than may wait: the oldest is lost. */
	for (uint32_t id = 0; id <= FRAGMENTS_JOINED; id++)
		CHECK(join(false, id, 0, 64, true) == 0);
	CHECK(join(false, 0, 64, 8, false) == 0);
	for (uint32_t id = 1; id <= FRAGMENTS_JOINED; id++)
		CHECK(is_whole(join(false, id, 64, 8, false), false, id, 72));
}

int main(void)
{
	test_joined();
	test_whole();
	test_bad();
	test_lost();
	test_bounds();
	return test_end();
}
