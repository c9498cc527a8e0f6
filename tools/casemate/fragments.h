/* Datagrams of the enclave that are too long for the world: the link carries whole
 * packets alone (net/link.h), so that nobody in the enclave puts any together. They
 * are cut here, as the enclave's kernel would for a path of 1,280 bytes, the least
 * that IPv6 has (RFC 8200 §5).
 */
#ifndef TOOL_FRAGMENTS_H
#define TOOL_FRAGMENTS_H

#include "net/packet.h"

enum { FRAGMENTS_WHOLE = 1280 }; /* packets up to here are left as they are */

/* A UDP packet that is longer, at ip, writable, with LINK_VNET bytes before it, towards
 * a device: of IPv4 made such that routers cut it, and false; of IPv6 sent in fragments
 * (RFC 8200 §4.5), and true. */
bool fragments_send(int device, struct packet *p, uint8_t *ip);

#endif
