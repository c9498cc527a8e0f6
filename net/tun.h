/* The TUN device: how the app's kernel, in the enclave, or the host's hands over
 * packets.
 *
 * Each read and write is one packet with a virtio-net header before it
 * (net/link.h's LINK_APP has the same form), of up to 65,535 bytes: neither side
 * computes checksums of TCP and UDP, or cuts large segments, for a hop that loses
 * nothing.
 */
#ifndef NET_TUN_H
#define NET_TUN_H

#include "net/packet.h"

/* One address of each end of the link and both versions: 10.7.0.1, 10.7.0.2 and
 * fd07:ca5e:3a7e::1, ::2 (a unique local prefix, RFC 4193). */
extern const uint8_t tun_gateway4[PACKET_ADDRESS], tun_enclave4[PACKET_ADDRESS];
extern const uint8_t tun_gateway6[PACKET_ADDRESS], tun_enclave6[PACKET_ADDRESS];

enum { TUN_PREFIX4 = 24, TUN_PREFIX6 = 64 };

enum tun_end { TUN_ENCLAVE, TUN_GATEWAY };

/* Makes the device called name with the addresses of that end, up; the enclave's
 * is also the way to everywhere. Into *fd, non-blocking; the device is gone when
 * that is closed. RC_IO with errno. */
RC_CHECK enum rc tun_open(const char *name, enum tun_end end, int *fd);

/* Makes a packet of a link fit to be written: p->ip.p is writable here and
 * LINK_VNET bytes stand before it, of which the kind and size of segments are
 * believed as far as they can be. */
void tun_prepare(struct packet *p, uint8_t *payload);

#endif
