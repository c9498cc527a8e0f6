/* What the gateway's end of the stack (stack.h) does and the enclave's does not:
 * it connects, writes without a copy, and speaks with a kernel's TCP. */
#ifndef NET_STACK_CONNECT_H
#define NET_STACK_CONNECT_H

#include "net/stack.h"

/* The stack of the gateway knows the app's end of a flow as a peer: an IPv4 address
 * out of a reserved block (240.0.0.0/4, RFC 1112 §4), whose last 24 bits are the
 * owner's to choose. 241.x.x.x is IPv6. */
#define STACK_PEERS            UINT32_C(0xf0000000)
#define STACK_PEER_V6          UINT32_C(0x01000000)
#define STACK_PEER_IS_V6(peer) (((peer)&STACK_PEER_V6) != 0)

enum { STACK_GROW = 20 /* bytes by which IPv6's header is longer than IPv4's */ };

/* After stack_init. out makes a LINK_APP of len bytes of a packet of the stack for one of
 * its peers: TCP's header stands where it belongs, and what is before it is to be written.
 * False: there is no such peer any more. */
void stack_peers(bool (*out)(uint32_t peer, uint8_t *payload, size_t len));

/* Starts a connection to a port of a peer (STACK_PEERS), 0: of the other side's
 * stack; events tell how it went. NULL when there is no room or no such link. */
struct stack_conn *stack_connect(int link, uint32_t peer, uint16_t port);
uint16_t stack_port(const struct stack_conn *c); /* our end's; not once it is over */
uint32_t stack_peer(const struct stack_conn *c); /* the other end's address */
/* Where *n bytes that are to be written may be put, instead of stack_write(): NULL
 * without room. stack_wrote() says how many it were; nothing in between. */
uint8_t *stack_space(const struct stack_conn *c, size_t *n);
void stack_wrote(struct stack_conn *c, size_t n);
/* Acknowledges at once what lwIP has put off, in the hope of something to send with it,
 * for up to TCP_FAST_INTERVAL. */
void stack_acknowledge(void);
bool stack_established(const struct stack_conn *c);
bool stack_drained(const struct stack_conn *c); /* all written bytes acknowledged */

#endif
