/* Theory of operation.
 *
 * Packets. What was read from a link is taken apart in place: each packet that
 * packet_way() lets through is handed to lwIP by reference. lwIP keeps none of it,
 * since it queues nothing out of order, the one receive callback copies and never
 * refuses, and fragments are not taken; that it gave the reference back is checked
 * every time. So reading a link needs no memory that could run out, and a link is
 * always read: two ends that stopped reading while their own output was full would
 * wait for each other for good. What lwIP sends is copied into the link's output;
 * when there is no room lwIP keeps it, and is asked again once that has drained.
 *
 * Connections. A slot (struct stack_conn) has two rings: what arrived and the
 * owner has not consumed, and what was written and is not acknowledged. lwIP gets
 * the latter by reference, too, a segment at a time and only when it has sent the
 * one before: no size that the peer names later can be wrong for what waits. The
 * receive window is the first ring's size and opens as the owner consumes; a peer
 * that never reads fills the second, and then stack_room() is 0. Nothing else
 * grows with what peers do: slots, protocol blocks (pcb) and segments each have a
 * count (lwipopts.h) that has every slot's full share in it.
 *
 *   free ─connect→ owned ─────────────stack_close→ lingering → free
 *     └─accept→ waiting ─stack_accept→ owned           │
 *                  └──── reset, link over → free ←─────┘ after LINGER_MS, or
 *                                                        when slots are short
 *
 * A slot lets go of its pcb as soon as both directions have ended: from then on
 * lwIP frees it when it likes. Before that lwIP tells on_err.
 *
 * Half-open connections are at most HALF_OPEN_MAX: a SYN beyond them ends the
 * oldest of the link that has most, so that a flood ends its own.
 *
 * Links share their addresses. A pcb carries its link's number, lwIP compares it,
 * and the listener takes the number of the link that is being read. When a link
 * ends, its pcbs end without a packet.
 */
#include "net/stack.h"

#include <assert.h>
#include <errno.h>
#include <lwip/init.h>
#include <lwip/ip4.h>
#include <lwip/priv/tcp_priv.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "appliance/base/io.h"
#include "net/packet.h"
#include "net/pcb.h"
#include "net/tun.h"

enum {
	SLOTS = STACK_CONNS_MAX + STACK_SPARE,
	HALF_OPEN_MAX = STACK_CONNS_MAX, /* an app may begin all of its own at once */
	LINGER_MS = 5000,
	/* At least as many make up a full ring: only every second segment is
	 * acknowledged at once. */
	RING_SEGMENTS = 4,

	/* Rings. The enclave is small: 512 clients that stall both ways take
	 * 16 MiB. It answers more than it is told. The host has memory, and a
	 * larger window is fewer acknowledgements, which cost the enclave as much
	 * as data. A window is at most 65,535 << TCP_RCV_SCALE. */
	ENCLAVE_RX = 8192,
	ENCLAVE_TX = 24576,
	GATEWAY_RX = 524280,
	GATEWAY_TX = 262144,
};
static_assert(MEMP_NUM_TCP_PCB >= SLOTS + HALF_OPEN_MAX &&
                      MEMP_NUM_TCP_SEG >= SLOTS * TCP_SND_QUEUELEN / 2 + HALF_OPEN_MAX,
              "every slot and every half-open connection has its share");
static_assert(GATEWAY_RX <= UINT16_MAX << TCP_RCV_SCALE, "what a header can say");
static_assert((int)STACK_LINKS_MAX < (int)PCB_NETIFS, "lwIP counts netifs from 1");

struct link {
	struct netif netif;
	struct wire wire;
	uint64_t heard; /* when something came last, by st.turn; 0: free */
};

/* What is to be looked at by stack_accept, by stack_event, by stack_flush; slots
 * that nobody has. */
enum set { WAITING, READY, PUSH, FREE, SETS };

unsigned stack_window, stack_sndbuf;

static struct {
	const struct stack_app *app;
	const uint8_t *self; /* our address */
	struct tcp_pcb *listener;
	uint8_t *rings;
	struct link links[STACK_LINKS_MAX];
	struct stack_conn conns[SLOTS];
	bool sets[SETS][SLOTS]; /* conns[n] is in the set */
	size_t top;             /* no slot from here on was ever used */
	int64_t tick_ms;        /* the last one */
	uint64_t turn;
	unsigned long dropped;
	struct pbuf_custom packet; /* the one lwIP has right now */
} st;

static bool *in(enum set set, const struct stack_conn *c)
{
	return &st.sets[set][c - st.conns];
}

/* One of the set, which leaves it; NULL when it is empty. */
static struct stack_conn *take(enum set set)
{
	bool *first = memchr(st.sets[set], 1, set == FREE ? SLOTS : st.top);

	if (first == NULL)
		return NULL;
	*first = false;
	return &st.conns[first - st.sets[set]];
}

/* Memory may have been short for any of them. */
static void push_all(void)
{
	memset(st.sets[PUSH], true, st.top);
}

/* --- slots ------------------------------------------------------------------- */

static void slot_free(struct stack_conn *c)
{
	c->linger_ms = 0;
	for (int set = 0; set < SETS; set++)
		*in((enum set)set, c) = set == FREE;
}

/* From here on lwIP does not know the slot. */
static void detach(struct stack_conn *c)
{
	tcp_arg(c->pcb, NULL);
	tcp_recv(c->pcb, NULL);
	tcp_sent(c->pcb, NULL);
	tcp_err(c->pcb, NULL);
	c->pcb = NULL;
}

void stack_abort(struct stack_conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	if (pcb != NULL) {
		detach(c);
		tcp_abort(pcb);
	}
	slot_free(c);
}

/* Something changed. Both directions have ended: in TIME-WAIT lwIP frees a pcb
 * without a word; it gets there only with what makes this true, or tells of it
 * in the same turn. A slot that nobody owns any more is free when all is done,
 * one that nobody owns yet when it is cut; stack_accept() tells of the rest. */
static void changed(struct stack_conn *c)
{
	if (c->pcb != NULL && c->peer_fin && c->fin_sent && c->tx.len == 0)
		detach(c);
	if (c->pcb == NULL && (c->linger_ms != 0 || (*in(WAITING, c) && c->over)))
		slot_free(c);
	else
		*in(READY, c) = c->linger_ms == 0 && !*in(WAITING, c);
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct stack_conn *c = arg;

	(void)err;
	if (p == NULL)
		c->peer_fin = true;
	else if (c->linger_ms != 0)
		tcp_recved(pcb, p->tot_len);
	else if (p->next != NULL || p->len > c->rx.max - c->rx.len)
		platform_broken("window", p->len);
	else
		ring_put(&c->rx, p->payload, p->len);
	if (p != NULL)
		pbuf_free(p);
	changed(c);
	return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct stack_conn *c = arg;

	(void)pcb;
	if (len > c->given)
		platform_broken("acknowledged", len);
	ring_drop(&c->tx, len);
	c->given -= len;
	*in(PUSH, c) = true;
	changed(c);
	return ERR_OK;
}

/* The pcb is gone. ERR_CLSD: after an end in both directions. */
static void on_err(void *arg, err_t err)
{
	struct stack_conn *c = arg;

	c->pcb = NULL;
	c->over = err != ERR_CLSD;
	changed(c);
}

void stack_conn_begun(struct stack_conn *c)
{
	c->established = true;
	*in(PUSH, c) = true;
	changed(c);
}

struct stack_conn *stack_conn_take(struct tcp_pcb *pcb)
{
	struct stack_conn *c = take(FREE);

	if (c == NULL) {
		for (c = st.conns; c < st.conns + SLOTS && (c->linger_ms == 0 || c->tx.len > 0);)
			c++;
		if (c == st.conns + SLOTS)
			return NULL;
		stack_abort(c);
		*in(FREE, c) = false;
	}
	if ((size_t)(c - st.conns) >= st.top)
		st.top = (size_t)(c - st.conns) + 1;
	*c = (struct stack_conn){ .pcb = pcb };
	c->rx = (struct ring){ .max = stack_window };
	c->rx.p = st.rings + (size_t)(c - st.conns) * (stack_window + stack_sndbuf);
	c->tx = (struct ring){ .p = c->rx.p + stack_window, .max = stack_sndbuf };
	tcp_arg(pcb, c);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_err);
	tcp_nagle_disable(pcb);
	return c;
}

/* Another answer than ERR_OK resets the connection. */
static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct stack_conn *c = err == ERR_OK ? stack_conn_take(pcb) : NULL;

	(void)arg;
	if (c == NULL)
		return ERR_MEM;
	*in(WAITING, c) = true;
	stack_conn_begun(c);
	return ERR_OK;
}

static err_t on_output(struct netif *n, struct pbuf *p, const ip4_addr_t *to)
{
	struct link *l = n->state;
	uint8_t *out = wire_room(&l->wire, p->tot_len);

	(void)to;
	if (out == NULL)
		return ERR_MEM;
	pbuf_copy_partial(p, out, p->tot_len, 0);
	wire_put(&l->wire, LINK_PACKET, p->tot_len);
	return ERR_OK;
}

/* Hands written bytes to lwIP as far as it may have them. The last of them is pushed:
 * a kernel acknowledges what is as soon as it is read. */
static void give(struct stack_conn *c)
{
	struct tcp_pcb *pcb = c->pcb;
	u8_t more;

	while (pcb->unsent == NULL && c->given < c->tx.len) {
		struct slice s = ring_part(&c->tx, c->given);
		size_t max = TCPWND_MIN16(pcb->snd_wnd_max / 2);

		max = max == 0 || max > pcb->mss ? pcb->mss : max;
		max = max < c->tx.max / RING_SEGMENTS ? max : c->tx.max / RING_SEGMENTS;
		max = max < s.len ? max : s.len;
		more = c->given + max < c->tx.len ? TCP_WRITE_FLAG_MORE : 0;
		if (tcp_write(pcb, s.p, (u16_t)max, more) != ERR_OK)
			return;
		c->given += max;
		(void)tcp_output(pcb); /* what it could not send it keeps */
	}
}

static void push(struct stack_conn *c)
{
	if (c->pcb == NULL)
		return;
	(void)tcp_output(c->pcb);
	if (!c->established)
		return;
	give(c);
	/* A FIN that waited for the peer's window would wait under a deadline of
	 * lwIP's. Without memory for one it takes a note. */
	if (c->fin_wanted && !c->fin_sent && c->given == c->tx.len && c->pcb->unsent == NULL) {
		c->fin_sent = tcp_shutdown(c->pcb, 0, 1) == ERR_OK;
		changed(c);
	}
}

/* --- links -------------------------------------------------------------------------- */

int stack_link_fd(int link)
{
	return link >= 0 && link < STACK_LINKS_MAX ? st.links[link].wire.fd : -1;
}

struct wire *stack_link(int link)
{
	return &st.links[link].wire;
}

static void link_end(struct link *l)
{
	if (l->wire.fd >= 0 && st.app != NULL)
		st.app->over((int)(l - st.links));
	io_close(&l->wire.fd);
	pcb_end_all(&l->netif);
	l->heard = 0;
}

/* A link without connections is ended for a new one: it is free, or who made it
 * may be gone without our having been told. */
int stack_link_add(int fd)
{
	struct link *best = NULL;

	for (struct link *l = st.links; l < st.links + STACK_LINKS_MAX; l++) {
		if (!pcb_any(&l->netif) && (best == NULL || l->heard < best->heard))
			best = l;
	}
	if (best == NULL)
		return -1;
	link_end(best);
	wire_open(&best->wire, fd);
	best->heard = ++st.turn;
	return (int)(best - st.links);
}

/* lwIP has let go of st.packet; its count of references says so. */
static void on_returned(struct pbuf *p)
{
	(void)p;
}

void stack_input(int link, const struct packet *packet, uint8_t *ip)
{
	enum packet_way way = packet_way(packet, st.self);
	struct netif *n = &st.links[link].netif;
	u16_t len = (u16_t)packet->ip.len;
	struct pbuf *p;

	if (way == PACKET_NOBODY) {
		st.dropped++;
		return;
	}
	if (way == PACKET_STACK_SYN)
		pcb_limit_half_open(HALF_OPEN_MAX);
	if (st.listener != NULL)
		st.listener->netif_idx = netif_get_index(n);
	/* lwIP turns the header's byte order in place: the buffer is ours. */
	p = pbuf_alloced_custom(PBUF_RAW, len, PBUF_REF, &st.packet, ip, len);
	if (p == NULL || ip4_input(p, n) != ERR_OK || st.packet.pbuf.ref != 0)
		platform_broken("packet kept", __LINE__);
}

static void take_frame(struct link *l, enum link_kind kind, uint8_t *payload, size_t len)
{
	int link = (int)(l - st.links);
	struct packet p;

	if (kind == LINK_PACKET && packet_parse(slice_of(payload, len), &p) == RC_OK)
		stack_input(link, &p, payload);
	else if (kind == LINK_APP && st.app != NULL && len > LINK_VNET)
		st.app->packet(link, payload, len);
	else if (kind == LINK_HELLO && st.app != NULL && payload[0] == LINK_VERSION)
		st.app->hello(link);
	else
		st.dropped++;
}

static bool link_read(struct link *l)
{
	enum link_kind kind;
	uint8_t *payload;
	enum rc rc;
	size_t len;

	if (!wire_read(&l->wire))
		return false;
	l->heard = ++st.turn;
	while ((rc = wire_next(&l->wire, &kind, &payload, &len)) == RC_OK)
		take_frame(l, kind, payload, len);
	return rc == RC_MORE;
}

bool stack_link_io(int link, uint32_t epoll_events)
{
	struct link *l = &st.links[link];

	if ((epoll_events & EPOLLOUT) != 0)
		l->wire.full = false;
	if ((epoll_events & ~(uint32_t)EPOLLOUT) == 0 || link_read(l))
		return true;
	link_end(l);
	return false;
}

/* What found no room before is asked for again when half of it is free: true. */
static bool link_write(struct link *l)
{
	(void)wire_write(&l->wire);
	if (!wire_relieved(&l->wire))
		return false;
	push_all();
	return true;
}

void stack_flush(void)
{
	struct stack_conn *c;
	bool again;

	do {
		while ((c = take(PUSH)) != NULL)
			push(c);
		again = false;
		for (int i = 0; i < STACK_LINKS_MAX; i++)
			again = link_write(&st.links[i]) || again;
	} while (again);
}

/* --- start, time -------------------------------------------------------------------- */

static err_t on_netif(struct netif *n)
{
	n->output = on_output;
	n->mtu = LINK_PACKET_MAX;
	return ERR_OK;
}

void stack_init(enum stack_side side, const struct stack_app *app)
{
	bool enclave = side == STACK_ENCLAVE;
	ip4_addr_t ours, theirs;

	stack_window = enclave ? ENCLAVE_RX : GATEWAY_RX;
	stack_sndbuf = enclave ? ENCLAVE_TX : GATEWAY_TX;
	st.rings = mmap(NULL, SLOTS * (size_t)(stack_window + stack_sndbuf), PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (st.rings == MAP_FAILED)
		platform_broken("no memory", errno);
	memset(st.sets[FREE], true, SLOTS);
	st.packet.custom_free_function = on_returned;
	st.app = app;
	st.self = enclave ? tun_enclave4 : tun_gateway4;
	memcpy(&ours.addr, st.self + PACKET_V4, sizeof ours.addr);
	memcpy(&theirs.addr, (enclave ? tun_gateway4 : tun_enclave4) + PACKET_V4,
	       sizeof theirs.addr);
	lwip_init();
	for (struct link *l = st.links; l < st.links + STACK_LINKS_MAX; l++) {
		l->wire.fd = -1;
		netif_add(&l->netif, &ours, NULL, &theirs, l, on_netif, ip4_input);
		netif_set_up(&l->netif);
	}
}

enum rc stack_listen(uint16_t port)
{
	struct tcp_pcb *pcb = tcp_new();

	if (pcb != NULL && tcp_bind(pcb, IP4_ADDR_ANY, port) == ERR_OK)
		st.listener = tcp_listen(pcb);
	if (st.listener == NULL)
		return RC_LIMIT;
	tcp_accept(st.listener, on_accept);
	return RC_OK;
}

/* lwIP's wish for a timer: stack_deadline() looks at what it has. */
void tcp_timer_needed(void)
{
}

int64_t stack_deadline(void)
{
	return tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL ? st.tick_ms + TCP_TMR_INTERVAL
	                                                      : INT64_MAX;
}

void stack_tick(void)
{
	int64_t now = clock_mono_ms();

	if (now < stack_deadline())
		return;
	st.tick_ms = now;
	pcb_stop_waiting();
	tcp_tmr();
	for (struct stack_conn *c = st.conns; c < st.conns + st.top; c++) {
		if (c->linger_ms != 0 && now >= c->linger_ms)
			stack_abort(c);
	}
	push_all();
}

/* --- connections ---------------------------------------------------------------------- */

struct stack_conn *stack_accept(void)
{
	struct stack_conn *c = take(WAITING);

	if (c != NULL)
		*in(READY, c) = true;
	return c;
}

struct stack_conn *stack_event(void)
{
	return take(READY);
}

bool stack_peer_done(const struct stack_conn *c)
{
	return c->peer_fin && c->rx.len == 0;
}

struct slice stack_peek(const struct stack_conn *c)
{
	return ring_part(&c->rx, 0);
}

void stack_consume(struct stack_conn *c, size_t n)
{
	ring_drop(&c->rx, n);
	for (; c->pcb != NULL && !c->peer_fin && n > 0; n -= n < UINT16_MAX ? n : UINT16_MAX)
		tcp_recved(c->pcb, n < UINT16_MAX ? (u16_t)n : UINT16_MAX);
}

size_t stack_room(const struct stack_conn *c)
{
	return c->over || c->fin_wanted ? 0 : c->tx.max - c->tx.len;
}

void stack_conn_push(struct stack_conn *c)
{
	*in(PUSH, c) = true;
}

enum rc stack_write(struct stack_conn *c, const void *p, size_t n)
{
	if (n > stack_room(c))
		return c->over || c->fin_wanted ? RC_EOF : RC_LIMIT;
	ring_put(&c->tx, p, n);
	*in(PUSH, c) = true;
	return RC_OK;
}

enum rc stack_finish(struct stack_conn *c)
{
	c->fin_wanted = true;
	*in(PUSH, c) = true;
	return c->over ? RC_EOF : RC_OK;
}

void stack_close(struct stack_conn *c)
{
	if (c->over || !c->established || c->rx.len > 0) {
		stack_abort(c);
		return;
	}
	c->linger_ms = clock_mono_ms() + LINGER_MS;
	c->fin_wanted = true;
	*in(PUSH, c) = true;
	changed(c); /* its owner is not to hear of it again */
}

void stack_usage(struct stack_usage *u)
{
	*u = (struct stack_usage){ .dropped = st.dropped, .heap = lwip_stats.mem.used };
	for (struct stack_conn *c = st.conns; c < st.conns + SLOTS; c++)
		u->conns += !*in(FREE, c);
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next)
		u->pcbs++;
	u->pbufs = memp_pools[MEMP_PBUF]->stats->used + memp_pools[MEMP_TCP_SEG]->stats->used;
}
