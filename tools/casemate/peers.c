#include "tools/casemate/peers.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include "net/packet_put.h"
#include "net/stack_connect.h"
#include "net/tun.h"

enum {
	BUCKETS = PEERS_MAX,
	/* A number is an entry's, and how often that was used. */
	INDEX_BITS = 13,
	USES = 1 << (24 - INDEX_BITS),
};

struct entry {
	struct peer p;
	struct entry *next; /* in its bucket */
	uint32_t uses;
	bool linked;
};

static struct {
	struct entry entry[PEERS_MAX], *bucket[BUCKETS];
	size_t fresh; /* entries from here on were never used */
	/* Those that are over, in the order in which that happened. */
	struct entry *over[PEERS_MAX];
	size_t first, count;
} t;

static bool is_v6(const uint8_t *address)
{
	return memcmp(address, tun_enclave4, PACKET_V4) != 0;
}

static struct entry **bucket_of(const uint8_t *address, uint16_t port, uint16_t enclave_port)
{
	uint64_t h = (uint64_t)port << 16 | enclave_port;

	for (size_t i = 0; i < PACKET_ADDRESS; i++)
		h = (h ^ address[i]) * UINT64_C(0x100000001b3);
	return &t.bucket[(h >> 20) % BUCKETS];
}

static struct entry *find(const uint8_t *address, uint16_t port, uint16_t enclave_port)
{
	struct entry *e = *bucket_of(address, port, enclave_port);

	while (e != NULL && (memcmp(e->p.address, address, PACKET_ADDRESS) != 0 ||
	                     e->p.port != port || e->p.enclave_port != enclave_port))
		e = e->next;
	return e;
}

static void unlink_entry(struct entry *e)
{
	struct entry **at = bucket_of(e->p.address, e->p.port, e->p.enclave_port);

	if (!e->linked)
		return;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->linked = false;
}

struct peer *peers_find(const uint8_t address[PACKET_ADDRESS], uint16_t port, uint16_t enclave_port)
{
	struct entry *e = find(address, port, enclave_port);

	return e != NULL ? &e->p : NULL;
}

uint32_t peers_number(const struct peer *p)
{
	const struct entry *e = (const struct entry *)(const void *)p;

	return STACK_PEERS | (is_v6(p->address) ? STACK_PEER_V6 : 0) |
	       (e->uses % USES) << INDEX_BITS | (uint32_t)(e - t.entry);
}

struct peer *peers_get(uint32_t number)
{
	struct entry *e = &t.entry[number % PEERS_MAX];

	return e->linked && peers_number(&e->p) == number ? &e->p : NULL;
}

uint32_t peers_add(const struct peer *p)
{
	struct entry *e = find(p->address, p->port, p->enclave_port), **bucket;

	if (e != NULL)
		unlink_entry(e);
	if (t.fresh < PEERS_MAX) {
		e = &t.entry[t.fresh++];
	} else if (t.count > 0) {
		e = t.over[t.first];
		t.first = (t.first + 1) % PEERS_MAX;
		t.count--;
		unlink_entry(e);
	} else {
		return 0;
	}
	bucket = bucket_of(p->address, p->port, p->enclave_port);
	*e = (struct entry){ .p = *p, .next = *bucket, .uses = e->uses + 1, .linked = true };
	*bucket = e;
	return peers_number(&e->p);
}

void peers_end(uint32_t number)
{
	struct peer *p = peers_get(number);

	if (p == NULL || p->flow < 0)
		return;
	p->flow = -1;
	t.over[(t.first + t.count++) % PEERS_MAX] = &t.entry[number % PEERS_MAX];
}

uint8_t *peers_to_stack(const struct peer *p, struct packet *packet, uint8_t *ip)
{
	uint8_t from[PACKET_ADDRESS] = { 0 };
	uint32_t number = htonl(peers_number(p));
	uint16_t port = htons(p->stack_port);
	uint8_t *tcp = ip + packet->head, *at = tcp - sizeof(struct iphdr);
	size_t n = packet->ip.len - packet->head;

	memcpy(tcp + offsetof(struct tcphdr, th_dport), &port, sizeof port);
	memcpy(from + PACKET_V4, &number, sizeof number);
	packet_put_ip(at, false, IPPROTO_TCP, n, from, tun_gateway4);
	return packet_parse(slice_of(at, sizeof(struct iphdr) + n), packet) == RC_OK ? at : NULL;
}

bool peers_to_app(uint32_t number, uint8_t *payload, size_t len)
{
	const struct peer *p = peers_get(number);
	uint16_t port;
	bool v6;
	size_t head;

	if (p == NULL)
		return false;
	port = htons(p->port);
	v6 = is_v6(p->address);
	head = v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	memset(payload, 0, LINK_VNET);
	payload += LINK_VNET;
	packet_put_ip(payload, v6, IPPROTO_TCP, len - LINK_VNET - head, p->address,
	              v6 ? tun_enclave6 : tun_enclave4);
	memcpy(payload + head + offsetof(struct tcphdr, th_sport), &port, sizeof port);
	return true;
}
