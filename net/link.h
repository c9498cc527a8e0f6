/* The frames of a link: how IP packets share a byte stream between the
 * enclave and its host.
 *
 *   offset  size
 *   0       1     kind: 1 LINK_PACKET, an IP packet for the stack (stack.h).
 *                 Others are not known yet and are an error.
 *   1       3     length of what follows, big-endian, 1 to LINK_PAYLOAD_MAX
 *   4       …     payload
 *
 * Any number of frames follow each other in a stream, in both directions,
 * without greeting or end; they may be cut anywhere by the transport. Three
 * bytes of length leave room for kinds whose payload puts something of its own
 * in front of a packet of full size. A frame that is none ends the link, since
 * nothing after it can be found.
 *
 * Pure functions. Input is hostile.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	LINK_HEAD = 4,
	LINK_PACKET = 1,
	LINK_PAYLOAD_MAX = 65535, /* an IPv4 packet is never longer */
	LINK_FRAME_MAX = LINK_HEAD + LINK_PAYLOAD_MAX,
};

/* Takes the frame at the front of in; packet points into it. RC_MORE: only the
 * beginning of one, or nothing; RC_BAD: not a frame. in stays as it was then. */
RC_CHECK enum rc link_next(struct slice *in, struct slice *packet);

/* The head of a frame with len bytes of packet, 1 to LINK_PAYLOAD_MAX. */
void link_head(uint8_t out[LINK_HEAD], size_t len);

#endif
