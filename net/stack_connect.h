/* What the gateway's end of the stack (stack.h) does and the enclave's does not:
 * it connects. */
#ifndef NET_STACK_CONNECT_H
#define NET_STACK_CONNECT_H

#include "net/stack.h"

/* Starts a connection to the other side; events tell how it went. NULL when
 * there is no room or no such link. */
struct stack_conn *stack_connect(int link, uint16_t port);
bool stack_established(const struct stack_conn *c);
bool stack_drained(const struct stack_conn *c); /* all written bytes acknowledged */

#endif
