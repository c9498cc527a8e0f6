/* Answers to a packet that is not let through, so that its sender knows at once:
 * a reset to TCP (RFC 9293 §3.5.2), but for a SYN that has nowhere to go; else an ICMP
 * message that carries the packet's beginning (RFC 792, RFC 4443 §3.1). Pure.
 */
#ifndef NET_REFUSE_H
#define NET_REFUSE_H

#include "net/packet.h"

enum refuse_why {
	REFUSE_PROHIBITED, /* by a policy (RFC 1812 §5.2.7.1) */
	REFUSE_NET,        /* there is no way to there */
	REFUSE_HOST,       /* nobody answers there */
	REFUSE_PORT,       /* nobody has that port */
};

enum {
	REFUSE_QUOTE = 576, /* of the packet, at most */
	REFUSE_MAX = 40 + 8 + REFUSE_QUOTE,
};

/* An IP packet to p's sender; to a SYN of which there are no bytes to quote (p->ip is
 * empty) a reset, too. 0: what it is gets no answer, as a reset and an ICMP message
 * but for an echo request. Checksums of IPv4 headers and of TCP are 0. */
size_t refuse(const struct packet *p, enum refuse_why why, uint8_t out[REFUSE_MAX]);

/* The reset that tells p's receiver that its sender is gone. */
size_t refuse_forward(const struct packet *p, uint8_t out[REFUSE_MAX]);

#endif
