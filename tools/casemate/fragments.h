/* Datagrams that are longer than the world's packets. The link carries whole packets
 * alone (net/link.h), so that nobody in the enclave puts any together. Long ones of the
 * enclave are cut here, as its kernel would for a path of 1,280 bytes, the least that
 * IPv6 has (RFC 8200 §5), and what comes in parts is put together here.
 */
#ifndef TOOL_FRAGMENTS_H
#define TOOL_FRAGMENTS_H

#include "net/packet.h"

enum {
	FRAGMENTS_WHOLE = 1280, /* packets up to here are left as they are */
	FRAGMENTS_JOINED = 16,  /* datagrams that wait for a part; the oldest gives way */
};

/* A UDP packet that is longer, at ip, writable, with LINK_VNET bytes before it, towards
 * a device: of IPv4 made such that routers cut it, and false; of IPv6 sent in fragments
 * (RFC 8200 §4.5), and true. */
bool fragments_send(int device, struct packet *p, uint8_t *ip);

/* What a device gave, n bytes of LINK_VNET and a packet, with room for LINK_PAYLOAD_MAX:
 * its length now. That is n for what is no fragment (RFC 791 §3.2; RFC 8200 §4.5,
 * without other extension headers). Of fragments it is 0 until the last, whose place
 * the whole datagram takes, and nobody has looked at its checksum.
 *
 * A kernel that follows connections puts a datagram together and cuts it again, so
 * that its parts come in order and one after the other. What does not is lost, and
 * what lacks its end waits until its place is needed: there is no time to wait for. */
size_t fragments_join(uint8_t *payload, size_t n);

#endif
