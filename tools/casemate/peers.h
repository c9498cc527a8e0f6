/* The far ends of the app's TCP flows, as the stack knows them.
 *
 * The stack speaks with the app's kernel about connections to anywhere, of both
 * versions, though it has one address and IPv4 alone: what passes between the two
 * is rewritten. To the stack the app's end of a flow is a peer (net/stack.h), a
 * number; to the app the stack is whoever the flow leads to.
 *
 *            the app's kernel             the stack
 *   address  the enclave's                STACK_PEERS | number
 *   port     the enclave's                the same
 *   address  of who the flow leads to     10.7.0.1
 *   port     that one's                   the listener's, or any
 *
 * A number is not used again for a long time after its flow is over, since late
 * packets of both sides may still name it. One instance a process. Packets are
 * hostile.
 */
#ifndef TOOL_PEERS_H
#define TOOL_PEERS_H

#include "net/packet.h"

enum { PEERS_MAX = 8192 }; /* flows, and those that ended last */

struct peer {
	uint8_t address[PACKET_ADDRESS]; /* of who the flow leads to */
	uint16_t port;
	uint16_t enclave_port;
	uint16_t stack_port; /* the stack's end */
	int flow;            /* the owner's, -1: it is over */
};

/* The peer of that key, over or not; NULL: none. */
struct peer *peers_find(const uint8_t address[PACKET_ADDRESS], uint16_t port,
                        uint16_t enclave_port);
/* Makes one, of a key that none has but one that is over, which is forgotten. Its
 * number, the stack's address of it. 0: there is no room. */
uint32_t peers_add(const struct peer *p);
/* NULL: there is none any more. */
struct peer *peers_get(uint32_t number);
/* The flow is over. */
void peers_end(uint32_t number);
/* Of one that peers_find gave. */
uint32_t peers_number(const struct peer *p);

/* Turns a packet of the app for p, at ip, into one for the stack, in the same
 * memory: where that begins, and *packet is its parse. */
uint8_t *peers_to_stack(const struct peer *p, struct packet *packet, uint8_t *ip);
/* As struct stack_app's out. */
bool peers_to_app(uint32_t number, uint8_t *payload, size_t len);

#endif
