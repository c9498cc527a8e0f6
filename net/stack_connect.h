/* What the gateway's end of the stack (stack.h) does and the enclave's does not:
 * it connects, writes without a copy, and speaks with a kernel's TCP. */
#ifndef NET_STACK_CONNECT_H
#define NET_STACK_CONNECT_H

#include "net/stack.h"

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
