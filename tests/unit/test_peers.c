/* The far ends of the app's flows: numbers that are not used again soon, and packets
 * that are rewritten on the way, both ways. */
#include "tools/casemate/peers.h"

#include <netinet/in.h>

#include "net/packet_put.h"
#include "net/stack_connect.h"
#include "net/tun.h"
#include "tests/unit/test.h"

enum { TCP_HEAD = 20, DATA = 100, HEADROOM = LINK_VNET };

static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };

static uint32_t add(const uint8_t *address, uint16_t port, int flow)
{
	struct peer p = { .port = port, .enclave_port = 40000, .stack_port = 1, .flow = flow };

	memcpy(p.address, address, sizeof p.address);
	return peers_add(&p);
}

static void test_find(void)
{
	uint32_t a = add(v4, 80, 1), b = add(v6, 80, 2), c;
	struct peer *p = peers_find(v4, 80, 40000);

	CHECK(a != 0 && b != 0 && p != NULL && peers_number(p) == a && p->flow == 1);
	CHECK((a & STACK_PEERS) == STACK_PEERS && !STACK_PEER_IS_V6(a) && STACK_PEER_IS_V6(b));
	CHECK(peers_get(a) == p && peers_get(b) == peers_find(v6, 80, 40000));
	CHECK(peers_find(v4, 81, 40000) == NULL && peers_find(v4, 80, 40001) == NULL);
	CHECK(peers_get(0) == NULL && peers_get(a + 1000) == NULL &&
	      peers_get(a ^ 1 << 24) == NULL);
	/* Over, it is still known, until there is another of the key. */
	peers_end(a);
	peers_end(a);
	CHECK(peers_get(a) == p && p->flow == -1 && peers_find(v4, 80, 40000) == p);
	c = add(v4, 80, 3);
	CHECK(c != a && peers_get(a) == NULL && peers_find(v4, 80, 40000) == peers_get(c));
	peers_end(b);
	peers_end(c);
}

/* Full of those that are not over; then of each that is over one more fits. */
static void test_full(void)
{
	static uint32_t n[PEERS_MAX];
	size_t many = 0;

	while (many < PEERS_MAX && (n[many] = add(v4, (uint16_t)(1000 + many), 5)) != 0)
		many++;
	CHECK(many == PEERS_MAX && add(v6, 1, 5) == 0);
	for (size_t i = 0; i < many; i++) {
		struct peer *p = peers_get(n[i]);

		CHECK(p != NULL && p->port == 1000 + i);
	}
	peers_end(n[17]);
	peers_end(n[5]);
	CHECK(peers_get(n[17]) != NULL && add(v6, 1, 6) != 0);
	CHECK(peers_get(n[17]) == NULL && peers_get(n[5]) != NULL);
	CHECK(add(v6, 2, 6) != 0 && peers_get(n[5]) == NULL && add(v6, 3, 6) == 0);
	peers_end(peers_number(peers_find(v6, 1, 40000)));
	peers_end(peers_number(peers_find(v6, 2, 40000)));
	for (size_t i = 0; i < many; i++)
		peers_end(n[i]);
}

/* A number comes back after as many uses of its entry as there are numbers. */
static void test_numbers(void)
{
	uint32_t first = 0, again = 0;
	size_t n = 0;

	for (; n < 3 * PEERS_MAX; n++) {
		uint32_t now = add(v4, (uint16_t)n, 7);

		first = n == 0 ? now : first;
		again += now == first;
		peers_end(now);
	}
	CHECK(again == 1);
}

/* An app's packet becomes one of the peer's for the stack, and the stack's one of who
 * the flow leads to. */
static void test_rewrite(const uint8_t *address, bool is6)
{
	uint8_t buf[HEADROOM + 40 + TCP_HEAD + DATA] = { 0 }, tcp[TCP_HEAD + DATA] = { 0 };
	uint32_t number = add(address, 443, 9), be = htonl(number);
	size_t head = is6 ? 40 : 20, len = LINK_VNET + head + sizeof tcp;
	struct packet p;
	uint8_t *at;

	tcp[0] = 40000 >> 8;
	tcp[1] = 40000 & 0xff;
	tcp[2] = 443 >> 8;
	tcp[3] = 443 & 0xff;
	tcp[12] = 5 << 4;
	for (size_t i = TCP_HEAD; i < sizeof tcp; i++)
		tcp[i] = (uint8_t)i;
	packet_put_ip(buf + HEADROOM, is6, IPPROTO_TCP, sizeof tcp,
	              is6 ? tun_enclave6 : tun_enclave4, address);
	memcpy(buf + HEADROOM + head, tcp, sizeof tcp);
	CHECK(packet_parse(slice_of(buf + HEADROOM, head + sizeof tcp), &p) == RC_OK);
	at = peers_to_stack(peers_get(number), &p, buf + HEADROOM);
	CHECK(at == buf + HEADROOM + head - 20 && p.ip.p == at && p.ip.len == 20 + sizeof tcp);
	CHECK(!p.v6 && p.from_port == 40000 && p.to_port == 1);
	CHECK(memcmp(p.from + 12, &be, 4) == 0 && memcmp(p.to, tun_gateway4, 16) == 0);
	CHECK(memcmp(at + 40, tcp + TCP_HEAD, DATA) == 0);

	memset(buf, 0xee, sizeof buf);
	memcpy(buf + LINK_VNET + head, tcp, sizeof tcp);
	CHECK(peers_to_app(number, buf, len));
	CHECK(packet_parse(slice_of(buf + LINK_VNET, head + sizeof tcp), &p) == RC_OK);
	CHECK(p.v6 == is6 && memcmp(p.from, address, 16) == 0 && p.from_port == 443);
	CHECK(memcmp(p.to, is6 ? tun_enclave6 : tun_enclave4, 16) == 0 && p.to_port == 443);
	for (size_t i = 0; i < LINK_VNET; i++)
		CHECK(buf[i] == 0);
	CHECK(!peers_to_app(number ^ 1 << 20, buf, len));
	peers_end(number);
	CHECK(peers_to_app(number, buf, len)); /* its last words */
}

int main(void)
{
	test_find();
	test_rewrite(v4, false);
	test_rewrite(v6, true);
	test_full();
	test_numbers();
	return test_end();
}
