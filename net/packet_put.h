/* Headers of packets for the link, of which no checksum means anything (link.h), and
 * the checksum of ICMP, which does. Pure.
 */
#ifndef NET_PACKET_PUT_H
#define NET_PACKET_PUT_H

#include "net/packet.h"

enum {
	PACKET_PUT_MAX = 40 + 8, /* the largest headers */
	PACKET_HOPS = 64,
};

/* An IP header in front of n bytes of proto, from and to of the same version; its
 * length. */
size_t packet_put_ip(uint8_t *out, bool v6, uint8_t proto, size_t n,
                     const uint8_t from[PACKET_ADDRESS], const uint8_t to[PACKET_ADDRESS]);

/* IP's and UDP's in front of n bytes; the length of both. */
struct packet_ends {
	bool v6;
	const uint8_t *from, *to; /* PACKET_ADDRESS bytes */
	uint16_t from_port, to_port;
};
size_t packet_put_udp(uint8_t *out, const struct packet_ends *e, size_t n);

/* Makes an ICMP message of n bytes, at least 8, right. */
void packet_put_icmp_sum(uint8_t *icmp, size_t n, const struct packet_ends *e);

#endif
