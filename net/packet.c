#include "net/packet.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

static enum packet_way tcp_way(const struct tcphdr *tcp, size_t len)
{
	size_t head = (size_t)tcp->th_off * 4;

	if ((tcp->th_flags & TH_SYN) == 0)
		return head == sizeof *tcp ? PACKET_STACK : PACKET_NOBODY;
	if ((tcp->th_flags & (TH_FIN | TH_RST)) != 0 || head < sizeof *tcp || head != len)
		return PACKET_NOBODY;
	return (tcp->th_flags & TH_ACK) == 0 ? PACKET_STACK_SYN : PACKET_STACK;
}

enum packet_way packet_way(struct slice packet, const uint8_t addresses[8])
{
	struct iphdr ip;
	struct tcphdr tcp;

	if (packet.len < sizeof ip + sizeof tcp)
		return PACKET_NOBODY;
	memcpy(&ip, packet.p, sizeof ip);
	memcpy(&tcp, packet.p + sizeof ip, sizeof tcp);
	/* Without options, and of its fragment nothing but "do not". */
	if (ip.version != 4 || ip.ihl * sizeof(uint32_t) != sizeof ip ||
	    ntohs(ip.tot_len) != packet.len || (ip.frag_off & htons(0xbfff)) != 0 ||
	    ip.protocol != IPPROTO_TCP || memcmp(&ip.saddr, addresses, 8) != 0)
		return PACKET_NOBODY;
	return tcp_way(&tcp, packet.len - sizeof ip);
}
