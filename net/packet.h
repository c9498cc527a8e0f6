/* Where a packet of a link goes. Pure; packets are hostile.
 *
 * Here it will be decided what is the app's. For the stack is TCP (RFC 9293) over
 * IPv4 (RFC 791) between the link's two addresses, whole, without options but in
 * a SYN, which carries nothing else: what follows the handshake cannot change
 * what was agreed in it. The rest is nobody's yet.
 */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include "appliance/base/slice.h"

enum packet_way { PACKET_NOBODY, PACKET_STACK, PACKET_STACK_SYN };

/* addresses: of the other end and of ours, as they stand in a packet.
 * PACKET_STACK_SYN: it asks for a connection. */
enum packet_way packet_way(struct slice packet, const uint8_t addresses[8]);

#endif
