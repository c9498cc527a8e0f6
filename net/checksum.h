/* The internet checksum (RFC 1071), for those who hand packets to a kernel or take
 * them from one: on a link there is none (link.h). Pure.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include "net/packet.h"

/* The sum of n bytes, at most 65,535, on top of one before them, which had an even
 * number; neither complemented nor in network order. */
uint16_t checksum(uint32_t before, const uint8_t *p, size_t n);

/* That of what TCP, UDP and ICMPv6 cover beside their n bytes: addresses, protocol
 * and length (RFC 9293 §3.1, RFC 8200 §8.1). */
uint16_t checksum_pseudo(bool v6, uint8_t proto, const uint8_t from[PACKET_ADDRESS],
                         const uint8_t to[PACKET_ADDRESS], size_t n);

/* Writes a sum as it is; of what is checked belongs its complement there. */
void checksum_put(uint8_t *at, uint16_t sum);

/* Makes the one at `at`, somewhere in the n bytes that it covers, right. */
void checksum_set(uint8_t *at, uint16_t before, const uint8_t *p, size_t n);

/* The host's half (checksum_host.c): is TCP's or UDP's of p right? Of UDP over IPv4,
 * none is good. And makes that of the UDP packet at ip, p's, right. */
bool checksum_good(const struct packet *p);
void checksum_udp(const struct packet *p, uint8_t *ip);

#endif
