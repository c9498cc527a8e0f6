/* A connection's slot, for stack.c, which owns it, and stack_connect.c. */
#ifndef NET_STACK_CONN_H
#define NET_STACK_CONN_H

#include <lwip/tcp.h>

#include "net/ring.h"
#include "net/stack.h"

struct stack_conn {
	bool used;
	struct tcp_pcb *pcb; /* NULL: lwIP has no more to do with it */
	struct ring rx, tx;
	size_t given; /* of tx, to lwIP */
	void *user;
	int64_t linger_ms; /* closed by the owner, kept until then; 0 not */
	bool established, over, peer_fin, fin_wanted, fin_sent;
};

/* A free slot for pcb, or that of a connection whose owner is done with it and
 * whose bytes have all arrived; NULL: there is none. */
struct stack_conn *stack_conn_take(struct tcp_pcb *pcb);
/* The handshake is done: tells the owner, sends what was written before. */
void stack_conn_begun(struct stack_conn *c);
/* NULL: no such link. Its gateway is the other end. */
struct netif *stack_conn_netif(int link);

#endif
