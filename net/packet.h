/* An IP packet of the link or of the app's kernel, read; packets are hostile.
 *
 * IPv4 (RFC 791) without options and IPv6 (RFC 8200) without extension headers,
 * whole: no fragments. Addresses are as policy.h has them. Pure.
 */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	PACKET_ADDRESS = 16,
	PACKET_V4 = 12, /* bytes before the four of an IPv4 address */
};

struct packet {
	struct slice ip; /* all of it */
	bool v6;
	uint8_t proto; /* as in the header */
	uint8_t from[PACKET_ADDRESS], to[PACKET_ADDRESS];
	/* Of TCP and UDP; of an ICMP echo both are its identifier; else 0. */
	uint16_t from_port, to_port;
	uint8_t type;      /* of ICMP, and of the version's own; else 0 */
	uint8_t flags;     /* of TCP */
	uint32_t seq, ack; /* of TCP */
	size_t head, body; /* where the IP header ends, and TCP's or UDP's */
};

/* RC_BAD: no such packet, or TCP's, UDP's or ICMP's header is not whole. */
RC_CHECK enum rc packet_parse(struct slice ip, struct packet *p);

/* Is it for the stack, and does it ask for a connection? TCP over IPv4 (RFC 9293)
 * without options but in a SYN, which carries nothing else: what follows the
 * handshake cannot change what was agreed in it. */
enum packet_way { PACKET_NOBODY, PACKET_STACK, PACKET_STACK_SYN };
enum packet_way packet_way(const struct packet *p, const uint8_t to[PACKET_ADDRESS]);

/* Is it ICMP's, of either version, and asks for nothing: all but an echo request? */
bool packet_tells(const struct packet *p);

/* The number of what follows a packet of TCP: its data, SYN and FIN count. */
uint32_t packet_end(const struct packet *p);

/* Of an ICMP error message (destination unreachable, packet too big, time exceeded,
 * parameter problem): the beginning of the packet that it is about, as far as
 * addresses, protocol and ports. RC_BAD: p is no such message, or does not go to who
 * has sent what it quotes. */
RC_CHECK enum rc packet_quoted(const struct packet *p, struct packet *quoted);

/* Are they the same address? Asked several times for a packet; musl's memcmp goes byte
 * by byte. */
static inline bool packet_same(const uint8_t a[PACKET_ADDRESS], const uint8_t b[PACKET_ADDRESS])
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	return x[0] == y[0] && x[1] == y[1];
}

/* An IPv4 address in the form that addresses have here, and whether it is one. */
void packet_v4(uint8_t out[PACKET_ADDRESS], const uint8_t four[4]);
bool packet_is_v4(const uint8_t address[PACKET_ADDRESS]);

#endif
