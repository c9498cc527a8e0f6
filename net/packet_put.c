#include "net/packet_put.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

#include "net/checksum.h"

size_t packet_put_ip(uint8_t *out, bool v6, uint8_t proto, size_t n,
                     const uint8_t from[PACKET_ADDRESS], const uint8_t to[PACKET_ADDRESS])
{
	struct ip6_hdr six = { .ip6_flow = htonl(6u << 28),
		               .ip6_plen = htons((uint16_t)n),
		               .ip6_nxt = proto,
		               .ip6_hlim = PACKET_HOPS };
	struct iphdr four = { .version = 4,
		              .ihl = sizeof four / sizeof(uint32_t),
		              .tot_len = htons((uint16_t)(sizeof four + n)),
		              .frag_off = htons(IP_DF),
		              .ttl = PACKET_HOPS,
		              .protocol = proto };

	if (v6) {
		memcpy(&six.ip6_src, from, PACKET_ADDRESS);
		memcpy(&six.ip6_dst, to, PACKET_ADDRESS);
		memcpy(out, &six, sizeof six);
		return sizeof six;
	}
	memcpy(&four.saddr, from + PACKET_V4, 4);
	memcpy(&four.daddr, to + PACKET_V4, 4);
	memcpy(out, &four, sizeof four);
	return sizeof four;
}

size_t packet_put_udp(uint8_t *out, const struct packet_ends *e, size_t n)
{
	struct udphdr udp = { .uh_sport = htons(e->from_port),
		              .uh_dport = htons(e->to_port),
		              .uh_ulen = htons((uint16_t)(sizeof udp + n)) };
	size_t head = packet_put_ip(out, e->v6, IPPROTO_UDP, sizeof udp + n, e->from, e->to);

	memcpy(out + head, &udp, sizeof udp);
	return head + sizeof udp;
}

void packet_put_icmp_sum(uint8_t *icmp, size_t n, const struct packet_ends *e)
{
	uint16_t before = e->v6 ? checksum_pseudo(true, IPPROTO_ICMPV6, e->from, e->to, n) : 0;

	checksum_set(icmp + offsetof(struct icmphdr, checksum), before, icmp, n);
}
