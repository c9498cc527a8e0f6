#include "net/refuse.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

enum { ICMP_HEAD = 8 };

static struct packet_ends ends(const struct packet *p, bool back)
{
	struct packet_ends forth = { p->from, p->to, p->from_port, p->to_port };

	return back ? (struct packet_ends){ p->to, p->from, p->to_port, p->from_port } : forth;
}

static size_t put_reset(uint8_t *out, struct packet_ends e, struct tcphdr tcp)
{
	size_t head = packet_put_ip(out, &e, IPPROTO_TCP, sizeof tcp);

	tcp.th_sport = htons(e.from_port);
	tcp.th_dport = htons(e.to_port);
	tcp.th_off = sizeof tcp / sizeof(uint32_t);
	memcpy(out + head, &tcp, sizeof tcp);
	return head + sizeof tcp;
}

static size_t reset(const struct packet *p, uint8_t *out)
{
	uint32_t after = p->seq + (uint32_t)(p->ip.len - p->body) + ((p->flags & TH_SYN) != 0) +
	                 ((p->flags & TH_FIN) != 0);
	struct tcphdr tcp = { .th_flags = TH_RST, .th_seq = htonl(p->ack) };

	if ((p->flags & TH_RST) != 0)
		return 0;
	if ((p->flags & TH_ACK) == 0)
		tcp = (struct tcphdr){ .th_flags = TH_RST | TH_ACK, .th_ack = htonl(after) };
	return put_reset(out, ends(p, true), tcp);
}

size_t refuse_forward(const struct packet *p, uint8_t out[REFUSE_MAX])
{
	struct tcphdr tcp = { .th_flags = TH_RST | TH_ACK,
		              .th_seq = htonl(p->seq),
		              .th_ack = htonl(p->ack) };

	return put_reset(out, ends(p, false), tcp);
}

/* RFC 1071, of the bytes and what is in s already. */
static uint16_t checksum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i < n; i++)
		s += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t) ~(s + (s >> 16)));
}

static size_t unreachable(const struct packet *p, enum refuse_why why, uint8_t *out)
{
	static const uint8_t codes[][2] = {
		[REFUSE_PROHIBITED] = { ICMP_PKT_FILTERED, ICMP6_DST_UNREACH_ADMIN },
		[REFUSE_NET] = { ICMP_NET_UNREACH, ICMP6_DST_UNREACH_NOROUTE },
		[REFUSE_HOST] = { ICMP_HOST_UNREACH, ICMP6_DST_UNREACH_ADDR },
		[REFUSE_PORT] = { ICMP_PORT_UNREACH, ICMP6_DST_UNREACH_NOPORT },
	};
	size_t quote = p->ip.len < REFUSE_QUOTE ? p->ip.len : REFUSE_QUOTE;
	struct packet_ends e = ends(p, true);
	size_t n = ICMP_HEAD + quote, head;
	uint32_t s = 0;
	uint16_t sum;

	head = packet_put_ip(out, &e, p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, n);
	memset(out + head, 0, ICMP_HEAD);
	out[head] = p->v6 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH;
	out[head + 1] = codes[why][p->v6];
	memcpy(out + head + ICMP_HEAD, p->ip.p, quote);
	/* IPv6's covers addresses, length and protocol as well (RFC 8200 §8.1). */
	for (size_t i = 0; p->v6 && i < PACKET_ADDRESS; i++)
		s += (uint32_t)(p->from[i] + p->to[i]) << (i % 2 == 0 ? 8 : 0);
	s += p->v6 ? (uint32_t)n + IPPROTO_ICMPV6 : 0;
	sum = checksum(out + head, n, s);
	memcpy(out + head + offsetof(struct icmphdr, checksum), &sum, sizeof sum);
	return head + n;
}

size_t refuse(const struct packet *p, enum refuse_why why, uint8_t out[REFUSE_MAX])
{
	uint8_t echo = p->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;

	if (p->proto == IPPROTO_TCP)
		return reset(p, out);
	if ((p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) && p->ip.p[p->head] != echo)
		return 0;
	return unreachable(p, why, out);
}
