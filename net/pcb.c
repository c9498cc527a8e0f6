#include "net/pcb.h"

#include <lwip/priv/tcp_priv.h>

static struct tcp_pcb *first_of(struct tcp_pcb *list, const struct netif *n)
{
	while (list != NULL && list->netif_idx != netif_get_index(n))
		list = list->next;
	return list;
}

bool pcb_any(const struct netif *n)
{
	return first_of(tcp_active_pcbs, n) != NULL;
}

void pcb_end_all(const struct netif *n)
{
	struct tcp_pcb *pcb;

	while ((pcb = first_of(tcp_active_pcbs, n)) != NULL ||
	       (pcb = first_of(tcp_tw_pcbs, n)) != NULL)
		tcp_abandon(pcb, 0);
}

void pcb_stop_waiting(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
		if (pcb->unsent == NULL)
			pcb->persist_backoff = 0;
	}
}

void pcb_limit_half_open(unsigned max)
{
	struct tcp_pcb *oldest[PCB_NETIFS] = { 0 };
	unsigned n[PCB_NETIFS] = { 0 }, all = 0, most = 0;

	/* New ones come to the front of the list. */
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
		unsigned i = pcb->netif_idx;

		if (pcb->state != SYN_RCVD || i >= PCB_NETIFS)
			continue;
		oldest[i] = pcb;
		all++;
		if (++n[i] > n[most])
			most = i;
	}
	if (all >= max)
		tcp_abandon(oldest[most], 0);
}
