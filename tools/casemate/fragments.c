#include "tools/casemate/fragments.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "net/checksum.h"
#include "net/link.h"

enum {
	HEADS = sizeof(struct ip6_hdr) + sizeof(struct ip6_frag),
	PART = (FRAGMENTS_WHOLE - HEADS) / 8 * 8, /* offsets count in eights */
};

struct part {
	/* What the parts of one datagram have in common. */
	struct {
		uint8_t from[PACKET_ADDRESS], to[PACKET_ADDRESS];
		uint32_t id, proto;
	} of;
	size_t head, at; /* of the datagram's header; where the body goes behind it */
	bool more;
	struct slice body;
};

static uint32_t identification;

static struct datagram {
	struct part last;
	size_t len;    /* 0: free */
	uint64_t turn; /* when it came */
	uint8_t ip[LINK_PACKET_MAX];
} joined[FRAGMENTS_JOINED];

/* --- to the world ------------------------------------------------------------------- */

/* The header of one fragment, behind the device's, and what it carries. */
static void send_part(int device, const struct ip6_hdr *ip, struct slice part, unsigned offset,
                      bool more)
{
	static uint8_t out[LINK_VNET + FRAGMENTS_WHOLE];
	struct ip6_hdr head = *ip;
	struct ip6_frag frag = { .ip6f_nxt = IPPROTO_UDP,
		                 .ip6f_offlg = htons((uint16_t)(offset | more)),
		                 .ip6f_ident = htonl(identification) };

	head.ip6_plen = htons((uint16_t)(sizeof frag + part.len));
	head.ip6_nxt = IPPROTO_FRAGMENT;
	memcpy(out + LINK_VNET, &head, sizeof head);
	memcpy(out + LINK_VNET + sizeof head, &frag, sizeof frag);
	memcpy(out + LINK_VNET + HEADS, part.p, part.len);
	if (write(device, out, LINK_VNET + HEADS + part.len) < 0)
		return; /* it is lost, as anywhere */
}

bool fragments_send(int device, struct packet *p, uint8_t *ip)
{
	struct slice left = slice_of(ip + p->head, p->ip.len - p->head), part;
	uint16_t id = htons((uint16_t)++identification), none = 0;
	struct ip6_hdr head;

	if (!p->v6) {
		memcpy(ip + offsetof(struct iphdr, id), &id, sizeof id);
		memcpy(ip + offsetof(struct iphdr, frag_off), &none, sizeof none);
		return false;
	}
	memcpy(&head, ip, sizeof head);
	checksum_udp(p, ip);
	while (slice_take(&left, left.len < PART ? left.len : PART, &part) && part.len > 0)
		send_part(device, &head, part,
		          (unsigned)(p->ip.len - p->head - left.len - part.len), left.len > 0);
	return true;
}

/* --- from the world ----------------------------------------------------------------- */

static bool part_v4(struct slice ip, struct part *p)
{
	struct iphdr head;
	unsigned at;

	if (ip.len < sizeof head)
		return false;
	memcpy(&head, ip.p, sizeof head);
	at = ntohs(head.frag_off);
	if (ip.p[0] != 0x45 || ntohs(head.tot_len) != ip.len || (at & (IP_MF | IP_OFFMASK)) == 0)
		return false;
	packet_v4(p->of.from, ip.p + offsetof(struct iphdr, saddr));
	packet_v4(p->of.to, ip.p + offsetof(struct iphdr, daddr));
	p->of.id = head.id;
	p->of.proto = head.protocol;
	p->head = sizeof head;
	p->at = (size_t)(at & IP_OFFMASK) * 8;
	p->more = (at & IP_MF) != 0;
	p->body = slice_of(ip.p + sizeof head, ip.len - sizeof head);
	return true;
}

static bool part_v6(struct slice ip, struct part *p)
{
	struct ip6_hdr head;
	struct ip6_frag frag;

	if (ip.len < HEADS)
		return false;
	memcpy(&head, ip.p, sizeof head);
	memcpy(&frag, ip.p + sizeof head, sizeof frag);
	if (ip.p[0] >> 4 != 6 || head.ip6_nxt != IPPROTO_FRAGMENT ||
	    ntohs(head.ip6_plen) + sizeof head != ip.len)
		return false;
	memcpy(p->of.from, &head.ip6_src, PACKET_ADDRESS);
	memcpy(p->of.to, &head.ip6_dst, PACKET_ADDRESS);
	p->of.id = frag.ip6f_ident;
	p->of.proto = frag.ip6f_nxt;
	p->head = sizeof head;
	p->at = ntohs(frag.ip6f_offlg & IP6F_OFF_MASK);
	p->more = (frag.ip6f_offlg & IP6F_MORE_FRAG) != 0;
	p->body = slice_of(ip.p + HEADS, ip.len - HEADS);
	return true;
}

/* The datagram that the part goes on with, or a place for the one it begins. */
static struct datagram *datagram_of(const struct part *p)
{
	struct datagram *oldest = joined;

	for (struct datagram *d = joined; d < joined + FRAGMENTS_JOINED; d++) {
		if (d->len > 0 && memcmp(&d->last.of, &p->of, sizeof p->of) == 0)
			return d;
		if (d->turn < oldest->turn)
			oldest = d;
	}
	return p->at == 0 ? oldest : NULL;
}

static void begin(struct datagram *d, const struct part *p, const uint8_t *ip)
{
	static uint64_t turn;

	d->turn = ++turn;
	d->len = p->head;
	memcpy(d->ip, ip, p->head);
}

/* The whole in the place of its last part. */
static size_t take(struct datagram *d, uint8_t *ip)
{
	size_t n = d->len, body = n - d->last.head;
	struct iphdr four;
	struct ip6_hdr six;

	memcpy(ip, d->ip, n);
	if (d->last.head == sizeof four) {
		memcpy(&four, ip, sizeof four);
		four.tot_len = htons((uint16_t)n);
		four.frag_off = 0;
		memcpy(ip, &four, sizeof four);
	} else {
		memcpy(&six, ip, sizeof six);
		six.ip6_plen = htons((uint16_t)body);
		six.ip6_nxt = (uint8_t)d->last.of.proto;
		memcpy(ip, &six, sizeof six);
	}
	d->len = d->turn = 0;
	return n;
}

size_t fragments_join(uint8_t *payload, size_t n)
{
	uint8_t *ip = payload + LINK_VNET;
	struct slice s = slice_of(ip, n - LINK_VNET);
	struct part p = { 0 };
	struct datagram *d;

	if (!part_v4(s, &p) && !part_v6(s, &p))
		return n;
	d = datagram_of(&p);
	if (d == NULL)
		return 0;
	if (p.at == 0)
		begin(d, &p, ip);
	if (d->len != p.head + p.at || p.body.len > LINK_PACKET_MAX - d->len) {
		d->len = d->turn = 0;
		return 0;
	}
	memcpy(d->ip + d->len, p.body.p, p.body.len);
	d->len += p.body.len;
	d->last = p;
	if (p.more)
		return 0;
	memset(payload, 0, LINK_VNET);
	return LINK_VNET + take(d, ip);
}
