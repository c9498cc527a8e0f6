/* TCP connections over the link: lwIP, wrapped.
 *
 * The enclave's gate listens and the host's gateway connects (stack_connect.h);
 * both ends run this code. A link is a connected stream socket (vsock, or a Unix
 * socket in front of one) that carries IP packets as frames (net/link.h). Each
 * link has an lwIP netif of its own with the same two addresses, and a connection
 * belongs to the link it came by: gateways do not disturb each other, and when
 * a link ends its connections end.
 *
 * One instance a process, one thread. Nothing here blocks or allocates after
 * stack_init, which reserves address space whose pages are used as they are
 * needed; all pools have fixed counts. System calls after it: recv, send, close,
 * getrandom, clock_gettime, and writing a line of log when it ends the process
 * because an invariant is broken. What the peer sends is hostile. Results of calls
 * by the owner: RC_OK, RC_LIMIT (no room in a pool), RC_EOF (the connection is
 * over).
 */
#ifndef NET_STACK_H
#define NET_STACK_H

#include <stdbool.h>

#include "appliance/base/rc.h"
#include "appliance/base/ring.h"
#include "net/packet.h"
#include "net/wire.h"

/* The host's tool is built with more (tools/build/Makefile). */
#ifndef STACK_CONNS
#define STACK_CONNS 512
#endif

enum {
	STACK_LINKS_MAX = 8,
	STACK_CONNS_MAX = STACK_CONNS,
	/* Beside them: closed and not done yet, or to be accepted when the owner
	 * has made room. */
	STACK_SPARE = 64,
	STACK_PORT_LINK = 7001, /* vsock port of the link's listener */
};

/* On every link the enclave's end is 10.7.0.2, the gateway's 10.7.0.1. */
enum stack_side { STACK_ENCLAVE, STACK_GATEWAY };

/* Who deals with the app's packets, which are not the stack's. Called while a link
 * is read. */
struct stack_app {
	/* A frame of LINK_APP, to be written to until it returns. */
	void (*packet)(int link, uint8_t *payload, size_t len);
	void (*hello)(int link);
	void (*over)(int link); /* it has ended */
};

/* A connection, from accept or connect until stack_close or stack_abort. */
struct stack_conn {
	void *user; /* the owner's, NULL at first */
	bool over;  /* reset, or its link is gone */
	/* What follows is for stack.c and stack_connect.c. */
	bool established, peer_fin, fin_wanted, fin_sent;
	struct tcp_pcb *pcb; /* NULL: lwIP has no more to do with it */
	struct ring rx, tx;
	size_t given;      /* of tx, to lwIP */
	int64_t linger_ms; /* closed by the owner, kept until then; 0 not */
};

void stack_init(enum stack_side side, const struct stack_app *app);

/* Connections to port are accepted from here on, on every link, as long as there
 * is room; more are reset. Once. */
RC_CHECK enum rc stack_listen(uint16_t port);

/* Takes over fd, connected and non-blocking. The link's number, 0 to
 * STACK_LINKS_MAX-1. When all are taken, the one without connections that has
 * been silent longest is ended for it; -1 when all have some (fd stays the
 * caller's). */
int stack_link_add(int fd);
int stack_link_fd(int link); /* -1: none */
/* Reads once, as much as the link's buffer holds. False when the link is over:
 * its connections have ended and fd is closed. */
bool stack_link_io(int link, uint32_t epoll_events);
/* Its wire, whose descriptor is -1 when there is none: to put frames on. Watched for EPOLLIN
 * always, since what arrives needs no memory that could run out, and for EPOLLOUT while
 * out_len is not 0; while it has refused, what would need room is not worth reading. */
struct wire *stack_link(int link);
/* A packet that is the stack's, its parse and where it lies, writable. */
void stack_input(int link, const struct packet *p, uint8_t *ip);
/* Frames written by calls below wait in the link's buffer; this sends them.
 * Once a wakeup, after the last of them. */
void stack_flush(void);

/* lwIP's timers. */
int64_t stack_deadline(void); /* clock_mono_ms() of the next, INT64_MAX none */
void stack_tick(void);

/* The next connection that was accepted, NULL for none. */
struct stack_conn *stack_accept(void);

/* The next connection about which something has changed since it was last
 * returned (established, bytes or an end to read, room to write, over), NULL
 * for none. Ask with the functions below. Frees happen only in stack_close and
 * stack_abort. */
struct stack_conn *stack_event(void);

bool stack_peer_done(const struct stack_conn *c); /* FIN seen and all read */
/* What has arrived and was not consumed, the first contiguous part of it. */
struct slice stack_peek(const struct stack_conn *c);
void stack_consume(struct stack_conn *c, size_t n);
/* Bytes that stack_write takes now. It copies. */
size_t stack_room(const struct stack_conn *c);
/* All or nothing. */
RC_CHECK enum rc stack_write(struct stack_conn *c, const void *p, size_t n);
RC_CHECK enum rc stack_finish(struct stack_conn *c); /* FIN after what was written */
/* Ends it and frees c: with a FIN when all was read and nothing went wrong,
 * else with a reset; what was written is still delivered in the first case, if
 * that takes no longer than some seconds. */
void stack_close(struct stack_conn *c);
void stack_abort(struct stack_conn *c); /* reset now, frees c */

/* For stack_connect.c. A free slot for pcb, or that of a connection whose owner is
 * done with it and whose bytes have all arrived; NULL: there is none. */
struct stack_conn *stack_conn_take(struct tcp_pcb *pcb);
/* The handshake is done: tells the owner, sends what was written before. */
void stack_conn_begun(struct stack_conn *c);
/* Something was written. */
void stack_conn_push(struct stack_conn *c);
/* lwIP's netifs are one for each link, there now or not: numbered as these, and from 1 on by
 * index. Their gateway is the other end. */

/* For tests and /metrics. All but the last are zero once everything was closed
 * and its last bytes are acknowledged; TIME-WAIT does not count. */
struct stack_usage {
	unsigned conns, pcbs, pbufs;
	size_t heap;           /* bytes */
	unsigned long dropped; /* packets that were for nobody, ever */
};
void stack_usage(struct stack_usage *u);

#endif
