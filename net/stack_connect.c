#include "net/stack_connect.h"

#include <lwip/tcp.h>

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)pcb;
	(void)err;
	stack_conn_begun(arg);
	return ERR_OK;
}

struct stack_conn *stack_connect(int link, uint16_t port)
{
	struct netif *n = stack_conn_netif(link);
	struct tcp_pcb *pcb = n != NULL ? tcp_new() : NULL;
	struct stack_conn *c = pcb != NULL ? stack_conn_take(pcb) : NULL;

	if (c != NULL) {
		tcp_bind_netif(pcb, n);
		if (tcp_connect(pcb, netif_ip_gw4(n), port, on_connected) == ERR_OK)
			return c;
		stack_abort(c);
	} else if (pcb != NULL) {
		tcp_abort(pcb);
	}
	return NULL;
}

bool stack_established(const struct stack_conn *c)
{
	return c->established;
}

bool stack_drained(const struct stack_conn *c)
{
	return c->tx.len == 0;
}
