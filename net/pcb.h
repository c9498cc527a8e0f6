/* lwIP's lists of protocol blocks (pcbs), as the stack asks about them. */
#ifndef NET_PCB_H
#define NET_PCB_H

#include <lwip/netif.h>
#include <stdbool.h>

enum { PCB_NETIFS = 16 }; /* indices of netifs are below it */

/* Has anything that came by n, but for what has ended on both sides? */
bool pcb_any(const struct netif *n);

/* Ends all that came by n, without a packet; its owner's tcp_err is told. */
void pcb_end_all(const struct netif *n);

/* Before each tcp_tmr(): lwIP insists that there is something to send while it waits for
 * a window to open, but goes on waiting when that was sent before and is acknowledged
 * now, with the window still shut. */
void pcb_stop_waiting(void);

/* When there are max (at least 1) half-open ones or more, ends the oldest of
 * those of the netif that has most, so that there is room for another: who
 * floods takes the places of its own. */
void pcb_limit_half_open(unsigned max);

#endif
