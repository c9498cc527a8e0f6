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

static uint32_t identification;

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
