#include "net/packet.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

static const uint8_t mapped[PACKET_V4] = { [10] = 0xff, [11] = 0xff };

void packet_v4(uint8_t out[PACKET_ADDRESS], const uint8_t four[4])
{
	memcpy(out, mapped, PACKET_V4);
	memcpy(out + PACKET_V4, four, 4);
}

bool packet_is_v4(const uint8_t address[PACKET_ADDRESS])
{
	return memcmp(address, mapped, PACKET_V4) == 0;
}

static enum rc parse_v4(struct packet *p, bool whole)
{
	struct iphdr ip;

	if (p->ip.len < sizeof ip)
		return RC_BAD;
	memcpy(&ip, p->ip.p, sizeof ip);
	/* Of a fragment's field nothing but "do not". */
	if (ip.ihl * sizeof(uint32_t) != sizeof ip || (whole && ntohs(ip.tot_len) != p->ip.len) ||
	    (ip.frag_off & htons(0xbfff)) != 0)
		return RC_BAD;
	packet_v4(p->from, p->ip.p + offsetof(struct iphdr, saddr));
	packet_v4(p->to, p->ip.p + offsetof(struct iphdr, daddr));
	p->proto = ip.protocol;
	p->head = sizeof ip;
	return RC_OK;
}

static enum rc parse_v6(struct packet *p, bool whole)
{
	struct ip6_hdr ip;

	if (p->ip.len < sizeof ip)
		return RC_BAD;
	memcpy(&ip, p->ip.p, sizeof ip);
	/* An IPv4 address is not to come in this form. */
	if ((whole && ntohs(ip.ip6_plen) + sizeof ip != p->ip.len) ||
	    packet_is_v4(ip.ip6_src.s6_addr) || packet_is_v4(ip.ip6_dst.s6_addr))
		return RC_BAD;
	memcpy(p->from, &ip.ip6_src, PACKET_ADDRESS);
	memcpy(p->to, &ip.ip6_dst, PACKET_ADDRESS);
	p->v6 = true;
	p->proto = ip.ip6_nxt;
	p->head = sizeof ip;
	return RC_OK;
}

static enum rc parse_tcp(struct packet *p)
{
	struct tcphdr tcp;

	if (p->ip.len - p->head < sizeof tcp)
		return RC_BAD;
	memcpy(&tcp, p->ip.p + p->head, sizeof tcp);
	p->from_port = ntohs(tcp.th_sport);
	p->to_port = ntohs(tcp.th_dport);
	p->flags = tcp.th_flags;
	p->seq = ntohl(tcp.th_seq);
	p->ack = ntohl(tcp.th_ack);
	p->body = p->head + tcp.th_off * sizeof(uint32_t);
	return tcp.th_off * sizeof(uint32_t) < sizeof tcp || p->body > p->ip.len ? RC_BAD : RC_OK;
}

static enum rc parse_udp(struct packet *p)
{
	struct udphdr udp;

	if (p->ip.len - p->head < sizeof udp)
		return RC_BAD;
	memcpy(&udp, p->ip.p + p->head, sizeof udp);
	p->from_port = ntohs(udp.uh_sport);
	p->to_port = ntohs(udp.uh_dport);
	p->body = p->head + sizeof udp;
	return ntohs(udp.uh_ulen) + p->head != p->ip.len ? RC_BAD : RC_OK;
}

static uint16_t u16_at(struct slice s, size_t at)
{
	return (uint16_t)(s.p[at] << 8 | s.p[at + 1]);
}

static enum rc parse_icmp(struct packet *p)
{
	if (p->ip.len - p->head < ICMP_MINLEN)
		return RC_BAD;
	p->type = p->ip.p[p->head];
	if (p->v6 ? p->type == ICMP6_ECHO_REQUEST || p->type == ICMP6_ECHO_REPLY
	          : p->type == ICMP_ECHO || p->type == ICMP_ECHOREPLY)
		p->from_port = p->to_port =
			u16_at(p->ip, p->head + offsetof(struct icmphdr, un.echo.id));
	return RC_OK;
}

static bool is_icmp(const struct packet *p)
{
	return p->proto == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* The IP header; the packet may be longer than what there is of it. */
static enum rc parse_ip(struct slice ip, struct packet *p, bool whole)
{
	unsigned version = ip.len > 0 ? ip.p[0] >> 4 : 0;
	enum rc rc;

	*p = (struct packet){ .ip = ip };
	rc = version == 4 ? parse_v4(p, whole) : version == 6 ? parse_v6(p, whole) : RC_BAD;
	p->body = p->head;
	return rc;
}

enum rc packet_parse(struct slice ip, struct packet *p)
{
	if (parse_ip(ip, p, true) != RC_OK)
		return RC_BAD;
	if (p->proto == IPPROTO_TCP)
		return parse_tcp(p);
	if (p->proto == IPPROTO_UDP)
		return parse_udp(p);
	return is_icmp(p) ? parse_icmp(p) : RC_OK;
}

enum rc packet_quoted(const struct packet *p, struct packet *quoted)
{
	size_t at = p->head + ICMP_MINLEN;

	if (!is_icmp(p) || p->ip.len < at ||
	    (p->v6 ? p->type < ICMP6_DST_UNREACH || p->type > ICMP6_PARAM_PROB
	           : p->type != ICMP_DEST_UNREACH && p->type != ICMP_TIME_EXCEEDED &&
	                     p->type != ICMP_PARAMETERPROB) ||
	    parse_ip(slice_of(p->ip.p + at, p->ip.len - at), quoted, false) != RC_OK ||
	    quoted->ip.len - quoted->head < ICMP_MINLEN || !packet_same(quoted->from, p->to))
		return RC_BAD;
	if (is_icmp(quoted))
		return parse_icmp(quoted);
	/* TCP and UDP begin alike. */
	quoted->from_port = u16_at(quoted->ip, quoted->head);
	quoted->to_port = u16_at(quoted->ip, quoted->head + 2);
	return quoted->proto == IPPROTO_TCP || quoted->proto == IPPROTO_UDP ? RC_OK : RC_BAD;
}

bool packet_tells(const struct packet *p)
{
	uint8_t echo = p->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;

	return (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) && p->type != echo;
}

uint32_t packet_end(const struct packet *p)
{
	return p->seq + (uint32_t)(p->ip.len - p->body) + ((p->flags & TH_SYN) != 0) +
	       ((p->flags & TH_FIN) != 0);
}

enum packet_way packet_way(const struct packet *p, const uint8_t to[PACKET_ADDRESS])
{
	size_t options = p->body - p->head - sizeof(struct tcphdr);

	if (p->v6 || p->proto != IPPROTO_TCP || !packet_same(p->to, to))
		return PACKET_NOBODY;
	if ((p->flags & TH_SYN) == 0)
		return options == 0 ? PACKET_STACK : PACKET_NOBODY;
	if ((p->flags & (TH_FIN | TH_RST)) != 0 || p->body != p->ip.len)
		return PACKET_NOBODY;
	return (p->flags & TH_ACK) == 0 ? PACKET_STACK_SYN : PACKET_STACK;
}
