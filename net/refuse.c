#include "net/refuse.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include "net/packet_put.h"

enum { ICMP_HEAD = 8 };

/* To p's sender, or as from it to p's receiver. */
static size_t put_reset(uint8_t *out, const struct packet *p, bool back, struct tcphdr tcp)
{
	size_t head = packet_put_ip(out, p->v6, IPPROTO_TCP, sizeof tcp, back ? p->to : p->from,
	                            back ? p->from : p->to);

	tcp.th_flags |= TH_RST;
	tcp.th_sport = htons(back ? p->to_port : p->from_port);
	tcp.th_dport = htons(back ? p->from_port : p->to_port);
	tcp.th_off = sizeof tcp / sizeof(uint32_t);
	memcpy(out + head, &tcp, sizeof tcp);
	return head + sizeof tcp;
}

static size_t reset(const struct packet *p, uint8_t *out)
{
	struct tcphdr tcp = { .th_seq = htonl(p->ack) };

	if ((p->flags & TH_ACK) == 0)
		tcp = (struct tcphdr){ .th_flags = TH_ACK, .th_ack = htonl(packet_end(p)) };
	return (p->flags & TH_RST) != 0 ? 0 : put_reset(out, p, true, tcp);
}

size_t refuse_forward(const struct packet *p, uint8_t out[REFUSE_MAX])
{
	struct tcphdr tcp = { .th_flags = TH_ACK,
		              .th_seq = htonl(p->seq),
		              .th_ack = htonl(p->ack) };

	return put_reset(out, p, false, tcp);
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
	struct packet_ends ends = { .v6 = p->v6, .from = p->to, .to = p->from };
	size_t n = ICMP_HEAD + quote, head;

	head = packet_put_ip(out, p->v6, p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, n, p->to, p->from);
	memset(out + head, 0, ICMP_HEAD);
	out[head] = p->v6 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH;
	out[head + 1] = codes[why][p->v6];
	memcpy(out + head + ICMP_HEAD, p->ip.p, quote);
	packet_put_icmp_sum(out + head, n, &ends);
	return head + n;
}

/* A program that connects is told that there is no way, and not that nobody listens. */
static bool wants_icmp(const struct packet *p, enum refuse_why why)
{
	return (p->flags & (TH_SYN | TH_ACK)) == TH_SYN && p->ip.len > 0 &&
	       (why == REFUSE_NET || why == REFUSE_HOST);
}

size_t refuse(const struct packet *p, enum refuse_why why, uint8_t out[REFUSE_MAX])
{
	if (p->proto == IPPROTO_TCP && !wants_icmp(p, why))
		return reset(p, out);
	return packet_tells(p) ? 0 : unreachable(p, why, out);
}
