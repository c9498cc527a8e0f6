/* The frames of a link: how packets share a byte stream between the enclave and
 * its host.
 *
 *   offset  size
 *   0       1     kind, enum link_kind; others are an error
 *   1       3     length of what follows, big-endian, 1 to LINK_PAYLOAD_MAX; of LINK_HELLO 1
 *   4       …     payload
 *
 * LINK_PACKET   an IPv4 packet between the two stacks (stack.h)
 * LINK_APP      a packet of the app: struct virtio_net_hdr (VIRTIO 1.2 §5.1.6,
 *               10 bytes, little-endian), of which the receiver believes the kind
 *               and the size of segments and nothing else, and an IP packet of at
 *               most LINK_PACKET_MAX bytes, either version
 * LINK_HELLO    one byte, LINK_VERSION, from the host's end alone: it carries
 *               the app's packets. Of several links the last to say so does;
 *               when that ends, one of the others.
 *
 * On a link no checksum of an IPv4 header, of TCP or of UDP means anything: who
 * hands a packet on to a kernel makes it right, or leaves it to a device. That of
 * ICMP is right.
 *
 * Any number of frames follow each other in a stream, in both directions, without
 * an end; they may be cut anywhere by the transport. A frame that is none ends the
 * link, since nothing after it can be found.
 *
 * Pure functions. Input is hostile.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum link_kind { LINK_PACKET = 1, LINK_APP = 2, LINK_HELLO = 3 };

enum {
	LINK_HEAD = 4,
	LINK_VERSION = 1,
	LINK_PACKET_MAX = 65535, /* an IPv4 packet is never longer */
	LINK_VNET = 10,          /* in front of an app's packet */
	LINK_PAYLOAD_MAX = LINK_VNET + LINK_PACKET_MAX,
	LINK_FRAME_MAX = LINK_HEAD + LINK_PAYLOAD_MAX,
};

/* Takes the frame at the front of in; payload points into it. RC_MORE: only the
 * beginning of one, or nothing; RC_BAD: not a frame. in stays as it was then. */
RC_CHECK enum rc link_next(struct slice *in, enum link_kind *kind, struct slice *payload);

/* The head of a frame with len bytes of payload, as above. */
void link_head(uint8_t out[LINK_HEAD], enum link_kind kind, size_t len);

#endif
