#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include "net/packet.h"

enum { TTL = 64 };

size_t packet_put_ip(uint8_t *out, const struct packet_ends *e, uint8_t proto, size_t n)
{
	bool v6 = !packet_is_v4(e->from);
	struct ip6_hdr six = { .ip6_flow = htonl(6u << 28),
		               .ip6_plen = htons((uint16_t)n),
		               .ip6_nxt = proto,
		               .ip6_hlim = TTL };
	struct iphdr four = { .version = 4,
		              .ihl = sizeof four / sizeof(uint32_t),
		              .tot_len = htons((uint16_t)(sizeof four + n)),
		              .ttl = TTL,
		              .protocol = proto };

	memcpy(&six.ip6_src, e->from, PACKET_ADDRESS);
	memcpy(&six.ip6_dst, e->to, PACKET_ADDRESS);
	memcpy(&four.saddr, e->from + PACKET_V4, 4);
	memcpy(&four.daddr, e->to + PACKET_V4, 4);
	if (v6)
		memcpy(out, &six, sizeof six);
	else
		memcpy(out, &four, sizeof four);
	return v6 ? sizeof six : sizeof four;
}

size_t packet_put_udp(uint8_t *out, const struct packet_ends *e, size_t n)
{
	struct udphdr udp = { .uh_sport = htons(e->from_port),
		              .uh_dport = htons(e->to_port),
		              .uh_ulen = htons((uint16_t)(sizeof udp + n)) };
	size_t head = packet_put_ip(out, e, IPPROTO_UDP, sizeof udp + n);

	memcpy(out + head, &udp, sizeof udp);
	return head + sizeof udp + n;
}
