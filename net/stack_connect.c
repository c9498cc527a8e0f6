#include "net/stack_connect.h"

#include <lwip/priv/tcp_priv.h>

static netif_output_fn output; /* the stack's own */
static bool (*to_peer)(uint32_t peer, uint8_t *payload, size_t len);

static err_t on_output(struct netif *n, struct pbuf *p, const ip4_addr_t *to)
{
	uint32_t peer = lwip_ntohl(to->addr);
	size_t len = LINK_VNET + p->tot_len + (STACK_PEER_IS_V6(peer) ? STACK_GROW : 0u);
	uint8_t *out;

	if (peer < STACK_PEERS)
		return output(n, p, to);
	out = wire_room(stack_link(n->num), len);
	if (out == NULL)
		return ERR_MEM;
	pbuf_copy_partial(p, out + len - p->tot_len, p->tot_len, 0);
	if (to_peer(peer, out, len))
		wire_put(stack_link(n->num), LINK_APP, len);
	return ERR_OK;
}

void stack_peers(bool (*out)(uint32_t peer, uint8_t *payload, size_t len))
{
	to_peer = out;
	for (int i = 1; i <= STACK_LINKS_MAX; i++) {
		struct netif *n = netif_get_by_index((u8_t)i);

		output = output == NULL ? n->output : output;
		n->output = on_output;
	}
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)pcb;
	(void)err;
	stack_conn_begun(arg);
	return ERR_OK;
}

struct stack_conn *stack_connect(int link, uint32_t peer, uint16_t port)
{
	ip4_addr_t to = { lwip_htonl(peer) };
	struct tcp_pcb *pcb = stack_link_fd(link) >= 0 ? tcp_new() : NULL;
	struct stack_conn *c = pcb != NULL ? stack_conn_take(pcb) : NULL;

	if (c != NULL) {
		struct netif *n = netif_get_by_index((u8_t)(link + 1));

		tcp_bind_netif(pcb, n);
		if (tcp_connect(pcb, peer == 0 ? netif_ip_gw4(n) : &to, port, on_connected) ==
		    ERR_OK)
			return c;
		stack_abort(c);
	} else if (pcb != NULL) {
		tcp_abort(pcb);
	}
	return NULL;
}

uint16_t stack_port(const struct stack_conn *c)
{
	return c->pcb != NULL ? c->pcb->local_port : 0;
}

uint32_t stack_peer(const struct stack_conn *c)
{
	return c->pcb != NULL ? lwip_ntohl(ip_2_ip4(&c->pcb->remote_ip)->addr) : 0;
}

uint8_t *stack_space(const struct stack_conn *c, size_t *n)
{
	const struct ring *tx = &c->tx;
	size_t end = tx->at + tx->len, room = stack_room(c);
	size_t at = end < tx->max ? end : end - tx->max;

	*n = room < tx->max - at ? room : tx->max - at;
	return *n > 0 ? tx->p + at : NULL;
}

void stack_wrote(struct stack_conn *c, size_t n)
{
	c->tx.len += n;
	stack_conn_push(c);
}

void stack_acknowledge(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
		if ((pcb->flags & TF_ACK_DELAY) == 0)
			continue;
		tcp_ack_now(pcb);
		(void)tcp_output(pcb); /* without room it is still wanted */
	}
}

bool stack_established(const struct stack_conn *c)
{
	return c->established;
}

bool stack_drained(const struct stack_conn *c)
{
	return c->tx.len == 0;
}
