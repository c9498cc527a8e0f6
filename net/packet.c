#include "net/packet.h"

enum {
	/* In an IPv4 header without options. */
	IP_VERSION = 0,
	IP_TOTAL = 2,
	IP_FRAGMENT = 6, /* 0x4000: do not fragment */
	IP_PROTOCOL = 9,
	IP_FROM = 12,
	IP_HEAD = 20,
	VERSION_4 = 0x45,
	PROTOCOL_TCP = 6,
	ADDRESSES = 8,

	/* In a TCP header. */
	TCP_OFFSET = 12, /* in the upper four bits, words of the header */
	TCP_FLAGS = 13,
	TCP_HEAD = 20,
	FLAG_FIN = 1,
	FLAG_SYN = 2,
	FLAG_RST = 4,
	FLAG_ACK = 16,
};

static enum packet_way tcp_way(const uint8_t *tcp, size_t len)
{
	size_t head = (size_t)(tcp[TCP_OFFSET] >> 4) * 4;
	uint8_t flags = tcp[TCP_FLAGS];

	if ((flags & FLAG_SYN) == 0)
		return head == TCP_HEAD ? PACKET_STACK : PACKET_NOBODY;
	if ((flags & (FLAG_FIN | FLAG_RST)) != 0 || head < TCP_HEAD || head != len)
		return PACKET_NOBODY;
	return (flags & FLAG_ACK) == 0 ? PACKET_STACK_SYN : PACKET_STACK;
}

enum packet_way packet_way(struct slice ip, const uint8_t addresses[ADDRESSES])
{
	if (ip.len < IP_HEAD + TCP_HEAD || ip.p[IP_VERSION] != VERSION_4 ||
	    (size_t)(ip.p[IP_TOTAL] << 8 | ip.p[IP_TOTAL + 1]) != ip.len ||
	    (ip.p[IP_FRAGMENT] & 0xbf) != 0 || ip.p[IP_FRAGMENT + 1] != 0 ||
	    ip.p[IP_PROTOCOL] != PROTOCOL_TCP || memcmp(ip.p + IP_FROM, addresses, ADDRESSES) != 0)
		return PACKET_NOBODY;
	return tcp_way(ip.p + IP_HEAD, ip.len - IP_HEAD);
}
