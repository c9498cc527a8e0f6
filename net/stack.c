/* Theory of operation.
 *
 * Packets. A link has two buffers. What was read from its descriptor is taken
 * apart in place: each packet that takes_packet() lets through is handed to lwIP
 * by reference. lwIP keeps none of it when its input function returns, since it
 * queues nothing out of order, the one receive callback copies and never
 * refuses, and fragments are not taken; that it gave the reference back is
 * checked every time. So reading a link needs no memory that could run out, and
 * a link is always read: two ends that stopped reading while their own output
 * was full would wait for each other for good.
 *
 * What lwIP sends is copied as a frame into the link's other buffer. When there
 * is no room lwIP is told so and keeps the segment; it is pushed again once the
 * buffer has drained (`refused`). The last part of the buffer is for packets
 * without data, so that acknowledgements and resets still pass.
 *
 * Connections. A slot (struct stack_conn) has two rings: what arrived and the
 * owner has not consumed, and what was written and is not acknowledged. lwIP
 * gets the latter by reference, too, a segment at a time and only when it has
 * sent the one before: what the peer says later about sizes cannot fit badly to
 * what waits. The receive window is the first ring's
 * size and opens as the owner consumes; a peer that never reads fills the
 * second ring, and then stack_room() is 0. Nothing else grows with what peers
 * do: slots, protocol blocks, segments and headers each have a count, and every
 * slot has its full share of them.
 *
 *   free ─connect→ owned ─────────────stack_close→ lingering → free
 *     └─accept→ waiting ─stack_accept→ owned           │
 *                  └──── reset, link over → free ←─────┘ after LINGER_MS, or
 *                                                         when slots are short
 *
 * A slot lets go of its protocol block (pcb) as soon as both directions have
 * ended: from then on lwIP frees it when it likes. Before that lwIP tells on_err.
 *
 * Half-open connections are at most HALF_OPEN_MAX: a SYN beyond them ends the
 * oldest, which a peer that answers within the time of as many SYNs survives.
 *
 * Links share their addresses. A pcb carries its link's number, lwIP compares
 * it, and the listener takes the number of the link that is being read. When a
 * link ends, its pcbs end without a packet.
 */
#include "net/stack.h"

#include <assert.h>
#include <errno.h>
#include <lwip/init.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "net/link.h"
#include "net/pool.h"

enum {
	MTU = LINK_PAYLOAD_MAX,
	SLOTS = STACK_CONNS_MAX + STACK_SPARE,
	HALF_OPEN_MAX = STACK_CONNS_MAX,
	LINGER_MS = 5000,
	TICK_MS = TCP_TMR_INTERVAL,
	/* At least as many make up a full ring: only every second segment is
	 * acknowledged at once. */
	RING_SEGMENTS = 4,

	/* A link's buffers: some packets of full size and what comes while they
	 * are dealt with; small packets fit where none with data does. */
	IN_MAX = 4 * LINK_FRAME_MAX,
	OUT_MAX = 4 * LINK_FRAME_MAX,
	OUT_RESERVE = 16384,
	OUT_SMALL = 128,

	/* The enclave is small: 512 clients that stall both ways take 16 MiB.
	 * It answers more than it is told. The host has memory. */
	ENCLAVE_RX = 8192,
	ENCLAVE_TX = 24576,
	GATEWAY_RX = 131072,
	GATEWAY_TX = 131072,

	/* Headers and references of what a slot can have in lwIP, and a few
	 * packets that carry nothing. */
	SEGMENTS = SLOTS * TCP_SND_QUEUELEN / 2 + HALF_OPEN_MAX,
	PCBS = SLOTS + HALF_OPEN_MAX + 256,
	P_SMALL = 0,
	P_HEADER,
	P_PCB,
	P_SPLIT,
	P_COUNT,
};

/* Segment and reference; pbuf with headers; pcb; a segment cut in two. */
static const struct pool_size sizes[P_COUNT] = {
	{ 64, 2 * SEGMENTS },
	{ 128, SEGMENTS + 64 },
	{ 384, PCBS },
	{ (MTU + 256) / 16 * 16, 8 },
};
static_assert(sizeof(struct tcp_seg) <= 64 && sizeof(struct tcp_pcb) <= 384 &&
                      sizeof(struct tcp_pcb) > 128,
              "lwIP's structs fit the pool's sizes");

struct ring {
	uint8_t *p;
	size_t at, len; /* the first byte and how many; at is 0 when there are none */
};

struct stack_conn {
	struct tcp_pcb *pcb; /* NULL: lwIP has no more to do with it */
	struct ring rx, tx;
	size_t given; /* of tx, to lwIP */
	void *user;
	int64_t linger_ms; /* closed by the owner, kept until then; 0 not */
	int link;
	bool established, over, peer_fin;
	bool fin_wanted, fin_sent;
};

struct link {
	struct netif netif;
	int fd; /* -1: none */
	uint8_t *in, *out;
	size_t in_len, out_at, out_len;
	bool refused; /* a packet did not fit */
	bool bad;
};

/* A set of slots. */
enum { BITS_WORDS = (SLOTS + 63) / 64 };
struct bits {
	uint64_t word[BITS_WORDS];
	unsigned next; /* bits_take starts here, so that all get their turn */
};

unsigned stack_window, stack_sndbuf;

static struct {
	enum stack_side side;
	ip4_addr_t here, there;
	struct tcp_pcb *listener;
	size_t rx_max, tx_max;
	uint8_t *rings;
	size_t base[P_COUNT]; /* blocks in use without any connection */
	struct link links[STACK_LINKS_MAX];
	struct stack_conn conns[SLOTS];
	struct bits used, waiting, ready, push;
	int64_t tick_ms; /* next */
	unsigned long dropped;
	/* The packet lwIP has right now. */
	struct pbuf_custom packet;
	bool returned;
} st;

void stack_broken(const char *file, int line)
{
	log_line("lwIP: broken invariant at %s:%d", file, line);
	abort();
}

uint32_t stack_random(void)
{
	uint32_t v;

	if (getrandom(&v, sizeof v, 0) != sizeof v)
		stack_broken("getrandom", errno);
	return v;
}

/* lwIP asks for its timer when the first pcb appears; stack_deadline() looks. */
void tcp_timer_needed(void)
{
	if (st.tick_ms == 0)
		st.tick_ms = clock_mono_ms() + TICK_MS;
}

/* --- sets and rings --------------------------------------------------------- */

static void bit_set(struct bits *b, unsigned i, bool on)
{
	uint64_t mask = (uint64_t)1 << i % 64;

	b->word[i / 64] = on ? b->word[i / 64] | mask : b->word[i / 64] & ~mask;
}

static bool bit_is(const struct bits *b, unsigned i)
{
	return (b->word[i / 64] >> i % 64 & 1) != 0;
}

static unsigned bits_count(const struct bits *b)
{
	unsigned n = 0;

	for (unsigned w = 0; w < BITS_WORDS; w++)
		n += (unsigned)__builtin_popcountll(b->word[w]);
	return n;
}

/* The next slot of the set, which leaves it; NULL when it is empty. */
static struct stack_conn *bits_take(struct bits *b)
{
	for (unsigned n = 0; n <= BITS_WORDS; n++) {
		unsigned w = b->next / 64;
		uint64_t left = b->word[w] >> b->next % 64 << b->next % 64;

		if (left != 0) {
			unsigned i = w * 64 + (unsigned)__builtin_ctzll(left);

			bit_set(b, i, false);
			b->next = (i + 1) % (BITS_WORDS * 64);
			return &st.conns[i];
		}
		b->next = (w + 1) % BITS_WORDS * 64;
	}
	return NULL;
}

static unsigned slot_of(const struct stack_conn *c)
{
	return (unsigned)(c - st.conns);
}

/* Contiguous bytes from offset on. */
static struct slice ring_part(const struct ring *r, size_t max, size_t offset)
{
	size_t at = (r->at + offset) % max, n = r->len - offset;

	return slice_of(r->p + at, n < max - at ? n : max - at);
}

static void ring_put(struct ring *r, size_t max, const uint8_t *p, size_t n)
{
	size_t at = (r->at + r->len) % max, first = n < max - at ? n : max - at;

	memcpy(r->p + at, p, first);
	memcpy(r->p, p + first, n - first);
	r->len += n;
}

/* An empty ring starts over, so that a slot uses few pages. */
static void ring_drop(struct ring *r, size_t max, size_t n)
{
	r->len -= n;
	r->at = r->len == 0 ? 0 : (r->at + n) % max;
}

/* --- slots ------------------------------------------------------------------- */

static void slot_free(struct stack_conn *c)
{
	unsigned i = slot_of(c);

	bit_set(&st.used, i, false);
	bit_set(&st.waiting, i, false);
	bit_set(&st.ready, i, false);
	bit_set(&st.push, i, false);
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

static void abort_slot(struct stack_conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	if (pcb != NULL) {
		detach(c);
		tcp_abort(pcb);
	}
	slot_free(c);
}

/* Something changed. A slot that nobody owns any more is free when all is done,
 * one that nobody owns yet when it is cut; stack_accept() tells of the rest. */
static void changed(struct stack_conn *c)
{
	bool waiting = bit_is(&st.waiting, slot_of(c));

	if (c->pcb == NULL && (c->linger_ms != 0 || (waiting && c->over)))
		slot_free(c);
	else if (c->linger_ms == 0 && !waiting)
		bit_set(&st.ready, slot_of(c), true);
}

/* Both directions have ended. In TIME-WAIT lwIP frees a pcb without a word; it
 * gets there only with what makes this true, or tells of it in the same turn. */
static void detach_if_done(struct stack_conn *c)
{
	if (c->peer_fin && c->fin_sent && c->tx.len == 0)
		detach(c);
}

/* A lingering slot whose owner's bytes have all arrived may go. */
static void make_room(void)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct stack_conn *c = &st.conns[i];

		if (bit_is(&st.used, i) && c->linger_ms != 0 && c->tx.len == 0) {
			abort_slot(c);
			return;
		}
	}
}

static struct stack_conn *slot_find(void)
{
	unsigned i = 0;

	while (i < SLOTS && bit_is(&st.used, i))
		i++;
	return i < SLOTS ? &st.conns[i] : NULL;
}

static struct stack_conn *slot_take(int link)
{
	struct stack_conn *c = slot_find();

	if (c == NULL) {
		make_room();
		c = slot_find();
	}
	if (c != NULL) {
		*c = (struct stack_conn){ .link = link };
		c->rx.p = st.rings + slot_of(c) * (st.rx_max + st.tx_max);
		c->tx.p = c->rx.p + st.rx_max;
		bit_set(&st.used, slot_of(c), true);
	}
	return c;
}

/* --- what lwIP tells ------------------------------------------------------------ */

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct stack_conn *c = arg;

	(void)err;
	if (p == NULL)
		c->peer_fin = true;
	else if (c->linger_ms != 0)
		tcp_recved(pcb, p->tot_len);
	for (struct pbuf *q = p; q != NULL && c->linger_ms == 0; q = q->next) {
		if (q->len > st.rx_max - c->rx.len)
			stack_broken("window", q->len);
		ring_put(&c->rx, st.rx_max, q->payload, q->len);
	}
	if (p != NULL)
		pbuf_free(p);
	detach_if_done(c);
	changed(c);
	return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct stack_conn *c = arg;

	(void)pcb;
	if (len > c->given)
		stack_broken("acknowledged", len);
	ring_drop(&c->tx, st.tx_max, len);
	c->given -= len;
	bit_set(&st.push, slot_of(c), true);
	detach_if_done(c);
	changed(c);
	return ERR_OK;
}

/* The pcb is gone. ERR_CLSD: after an end in both directions. */
static void on_err(void *arg, err_t err)
{
	struct stack_conn *c = arg;

	if (c == NULL)
		return;
	c->pcb = NULL;
	c->over = err != ERR_CLSD;
	changed(c);
}

static void attach(struct stack_conn *c, struct tcp_pcb *pcb)
{
	c->pcb = pcb;
	tcp_arg(pcb, c);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_err);
	tcp_nagle_disable(pcb);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct stack_conn *c = arg;

	(void)pcb;
	(void)err;
	c->established = true;
	bit_set(&st.push, slot_of(c), true);
	changed(c);
	return ERR_OK;
}

/* Another answer than ERR_OK resets the connection. */
static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct stack_conn *c = NULL;

	(void)arg;
	if (err == ERR_OK)
		c = slot_take(pcb->netif_idx - 1);
	if (c == NULL)
		return ERR_MEM;
	attach(c, pcb);
	c->established = true;
	bit_set(&st.waiting, slot_of(c), true);
	return ERR_OK;
}

/* --- packets out ------------------------------------------------------------------ */

static err_t on_output(struct netif *n, struct pbuf *p, const ip4_addr_t *to)
{
	struct link *l = n->state;
	size_t all = LINK_HEAD + p->tot_len;
	size_t max = all <= OUT_SMALL ? OUT_MAX : OUT_MAX - OUT_RESERVE;

	(void)to;
	if (l->fd < 0 || l->out_len + all > max) {
		l->refused = true;
		return ERR_MEM;
	}
	if (l->out_at + l->out_len + all > OUT_MAX) {
		memmove(l->out, l->out + l->out_at, l->out_len);
		l->out_at = 0;
	}
	link_head(l->out + l->out_at + l->out_len, p->tot_len);
	pbuf_copy_partial(p, l->out + l->out_at + l->out_len + LINK_HEAD, p->tot_len, 0);
	l->out_len += all;
	return ERR_OK;
}

/* Hands written bytes to lwIP as far as it may have them. */
static void give(struct stack_conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	while (pcb->unsent == NULL && c->given < c->tx.len) {
		struct slice s = ring_part(&c->tx, st.tx_max, c->given);
		size_t max = TCPWND_MIN16(pcb->snd_wnd_max / 2);

		max = max == 0 || max > pcb->mss ? pcb->mss : max;
		max = max < st.tx_max / RING_SEGMENTS ? max : st.tx_max / RING_SEGMENTS;
		max = max < s.len ? max : s.len;
		if (tcp_write(pcb, s.p, (u16_t)max, 0) != ERR_OK)
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
		detach_if_done(c);
		changed(c);
	}
}

/* --- links -------------------------------------------------------------------------- */

static err_t on_netif(struct netif *n)
{
	n->output = on_output;
	n->mtu = MTU;
	return ERR_OK;
}

static bool link_known(int link)
{
	return link >= 0 && link < STACK_LINKS_MAX && st.links[link].fd >= 0;
}

int stack_link_add(int fd)
{
	int i = 0;

	while (i < STACK_LINKS_MAX && st.links[i].fd >= 0)
		i++;
	if (i == STACK_LINKS_MAX)
		return -1;
	st.links[i].fd = fd;
	st.links[i].in_len = st.links[i].out_at = st.links[i].out_len = 0;
	st.links[i].refused = st.links[i].bad = false;
	return i;
}

int stack_link_fd(int link)
{
	return link_known(link) ? st.links[link].fd : -1;
}

bool stack_link_writing(int link)
{
	return link_known(link) && st.links[link].out_len > 0;
}

/* First match of a list whose pcbs have come by a link. */
static struct tcp_pcb *pcb_of(struct tcp_pcb *list, const struct link *l)
{
	while (list != NULL && list->netif_idx != netif_get_index(&l->netif))
		list = list->next;
	return list;
}

static void link_end(struct link *l)
{
	struct tcp_pcb *pcb;

	io_close(&l->fd);
	while ((pcb = pcb_of(tcp_active_pcbs, l)) != NULL || (pcb = pcb_of(tcp_tw_pcbs, l)) != NULL)
		tcp_abandon(pcb, 0);
}

static void end_half_open(void)
{
	struct tcp_pcb *oldest = NULL;
	unsigned n = 0;

	/* New ones come to the front of the list. */
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
		if (pcb->state == SYN_RCVD) {
			oldest = pcb;
			n++;
		}
	}
	if (n >= HALF_OPEN_MAX)
		tcp_abandon(oldest, 0);
}

/* Where a packet goes: here it will be decided what is the app's. For lwIP is
 * TCP between the link's two addresses, whole, without options but in a SYN,
 * which carries nothing else: what follows the handshake cannot change what was
 * agreed in it. The rest is nobody's yet. */
static bool for_stack(struct slice ip)
{
	uint32_t from, to;
	size_t tcp_head;
	uint8_t flags;

	if (ip.len < IP_HLEN + TCP_HLEN || ip.p[0] != 0x45 || ip.p[9] != IP_PROTO_TCP ||
	    (size_t)(ip.p[2] << 8 | ip.p[3]) != ip.len || ((ip.p[6] & 0x3f) | ip.p[7]) != 0)
		return false;
	memcpy(&from, ip.p + 12, 4);
	memcpy(&to, ip.p + 16, 4);
	tcp_head = (size_t)(ip.p[IP_HLEN + 12] >> 4) * 4;
	flags = ip.p[IP_HLEN + 13];
	if (from != st.there.addr || to != st.here.addr)
		return false;
	if (flags & TCP_SYN)
		return (flags & (TCP_FIN | TCP_RST)) == 0 && tcp_head == ip.len - IP_HLEN;
	return tcp_head == TCP_HLEN;
}

static void on_returned(struct pbuf *p)
{
	(void)p;
	st.returned = true;
}

static void take_packet(struct link *l, struct slice ip)
{
	struct pbuf *p;

	if (!for_stack(ip)) {
		st.dropped++;
		return;
	}
	if ((ip.p[IP_HLEN + 13] & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		end_half_open();
	if (st.listener != NULL)
		st.listener->netif_idx = netif_get_index(&l->netif);
	st.packet.custom_free_function = on_returned;
	st.returned = false;
	/* lwIP turns the header's byte order in place: the buffer is ours. */
	p = pbuf_alloced_custom(PBUF_RAW, (u16_t)ip.len, PBUF_REF, &st.packet,
	                        (void *)(uintptr_t)ip.p, (u16_t)ip.len);
	if (p == NULL || ip4_input(p, &l->netif) != ERR_OK || !st.returned)
		stack_broken("packet kept", __LINE__);
}

static void take_frames(struct link *l)
{
	struct slice left = slice_of(l->in, l->in_len), packet;
	enum rc rc;

	while ((rc = link_next(&left, &packet)) == RC_OK)
		take_packet(l, packet);
	l->bad = rc == RC_BAD;
	memmove(l->in, left.p, left.len);
	l->in_len = left.len;
}

/* False at the end of the stream. */
static bool link_read(struct link *l)
{
	ssize_t n = recv(l->fd, l->in + l->in_len, IN_MAX - l->in_len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS;
	l->in_len += (size_t)n;
	take_frames(l);
	return n > 0 && !l->bad;
}

bool stack_link_io(int link, uint32_t epoll_events)
{
	struct link *l;

	if (!link_known(link))
		return false;
	l = &st.links[link];
	if ((epoll_events & ~(uint32_t)EPOLLOUT) != 0 && !link_read(l)) {
		link_end(l);
		return false;
	}
	return true;
}

/* Sends what can be sent and asks again those lwIP pcbs that found no room. An
 * error shows when the link is read. */
static void link_write(struct link *l)
{
	while (l->fd >= 0 && l->out_len > 0) {
		ssize_t n =
			send(l->fd, l->out + l->out_at, l->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n <= 0)
			return;
		l->out_len -= (size_t)n;
		l->out_at = l->out_len == 0 ? 0 : l->out_at + (size_t)n;
		if (l->refused && l->out_len < OUT_MAX / 2) {
			l->refused = false;
			for (unsigned i = 0; i < SLOTS; i++) {
				if (bit_is(&st.used, i) && &st.links[st.conns[i].link] == l)
					push(&st.conns[i]);
			}
		}
	}
}

void stack_flush(void)
{
	struct stack_conn *c;

	while ((c = bits_take(&st.push)) != NULL)
		push(c);
	for (int i = 0; i < STACK_LINKS_MAX; i++)
		link_write(&st.links[i]);
}

/* --- start, time -------------------------------------------------------------------- */

static uint8_t *reserve(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	               -1, 0);

	if (p == MAP_FAILED)
		stack_broken("no memory", errno);
	return p;
}

void stack_init(enum stack_side side)
{
	bool enclave = side == STACK_ENCLAVE;
	ip4_addr_t mask;

	st.rx_max = stack_window = enclave ? ENCLAVE_RX : GATEWAY_RX;
	st.tx_max = stack_sndbuf = enclave ? ENCLAVE_TX : GATEWAY_TX;
	st.rings = reserve(SLOTS * (st.rx_max + st.tx_max));
	pool_init(reserve(pool_bytes(sizes, P_COUNT)), sizes, P_COUNT);
	ip4addr_aton(enclave ? STACK_ENCLAVE_IP4 : STACK_GATEWAY_IP4, &st.here);
	ip4addr_aton(enclave ? STACK_GATEWAY_IP4 : STACK_ENCLAVE_IP4, &st.there);
	IP4_ADDR(&mask, 255, 255, 255, 252);
	lwip_init();
	for (int i = 0; i < STACK_LINKS_MAX; i++) {
		struct link *l = &st.links[i];

		l->fd = -1;
		l->in = reserve(IN_MAX + OUT_MAX);
		l->out = l->in + IN_MAX;
		netif_add(&l->netif, &st.here, &mask, &st.there, l, on_netif, ip4_input);
		netif_set_up(&l->netif);
		netif_set_link_up(&l->netif);
	}
}

enum rc stack_listen(uint16_t port)
{
	struct tcp_pcb *pcb = tcp_new();

	if (pcb == NULL || st.listener != NULL || tcp_bind(pcb, IP4_ADDR_ANY, port) != ERR_OK)
		return RC_LIMIT;
	st.listener = tcp_listen(pcb);
	if (st.listener == NULL)
		return RC_LIMIT;
	tcp_accept(st.listener, on_accept);
	for (size_t i = 0; i < P_COUNT; i++)
		st.base[i] = pool_used(i);
	return RC_OK;
}

int64_t stack_deadline(void)
{
	return tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL ? st.tick_ms : INT64_MAX;
}

void stack_tick(void)
{
	int64_t now = clock_mono_ms();

	if (st.tick_ms == 0 || now < st.tick_ms)
		return;
	tcp_tmr();
	for (unsigned i = 0; i < SLOTS; i++) {
		struct stack_conn *c = &st.conns[i];

		if (!bit_is(&st.used, i))
			continue;
		if (c->linger_ms != 0 && now >= c->linger_ms)
			abort_slot(c);
		else if (c->given < c->tx.len || c->fin_wanted)
			push(c); /* memory was short, or lwIP has retried */
	}
	st.tick_ms = tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL ? now + TICK_MS : 0;
}

/* --- connections ---------------------------------------------------------------------- */

struct stack_conn *stack_accept(void)
{
	struct stack_conn *c = bits_take(&st.waiting);

	if (c != NULL)
		changed(c);
	return c;
}

struct stack_conn *stack_connect(int link, uint16_t port)
{
	struct stack_conn *c = link_known(link) ? slot_take(link) : NULL;
	struct tcp_pcb *pcb = c != NULL ? tcp_new() : NULL;

	if (pcb == NULL)
		goto none;
	tcp_bind_netif(pcb, &st.links[link].netif);
	attach(c, pcb);
	if (tcp_connect(pcb, &st.there, port, on_connected) == ERR_OK)
		return c;
none:
	if (c != NULL)
		abort_slot(c);
	return NULL;
}

void stack_set_user(struct stack_conn *c, void *user)
{
	c->user = user;
}

void *stack_user(const struct stack_conn *c)
{
	return c->user;
}

struct stack_conn *stack_event(void)
{
	return bits_take(&st.ready);
}

bool stack_established(const struct stack_conn *c)
{
	return c->established;
}

bool stack_over(const struct stack_conn *c)
{
	return c->over;
}

bool stack_peer_done(const struct stack_conn *c)
{
	return c->peer_fin && c->rx.len == 0;
}

struct slice stack_peek(const struct stack_conn *c)
{
	return ring_part(&c->rx, st.rx_max, 0);
}

void stack_consume(struct stack_conn *c, size_t n)
{
	ring_drop(&c->rx, st.rx_max, n);
	for (; c->pcb != NULL && !c->peer_fin && n > 0; n -= n < UINT16_MAX ? n : UINT16_MAX)
		tcp_recved(c->pcb, n < UINT16_MAX ? (u16_t)n : UINT16_MAX);
}

size_t stack_room(const struct stack_conn *c)
{
	return c->over || c->fin_wanted ? 0 : st.tx_max - c->tx.len;
}

enum rc stack_write(struct stack_conn *c, const void *p, size_t n)
{
	if (c->over || c->fin_wanted)
		return RC_EOF;
	if (n > stack_room(c))
		return RC_LIMIT;
	ring_put(&c->tx, st.tx_max, p, n);
	bit_set(&st.push, slot_of(c), true);
	return RC_OK;
}

bool stack_drained(const struct stack_conn *c)
{
	return c->tx.len == 0;
}

enum rc stack_finish(struct stack_conn *c)
{
	if (c->over)
		return RC_EOF;
	c->fin_wanted = true;
	bit_set(&st.push, slot_of(c), true);
	return RC_OK;
}

void stack_close(struct stack_conn *c)
{
	if (c->over || !c->established || c->rx.len > 0) {
		abort_slot(c);
		return;
	}
	c->fin_wanted = true;
	c->linger_ms = clock_mono_ms() + LINGER_MS;
	bit_set(&st.ready, slot_of(c), false);
	bit_set(&st.push, slot_of(c), true);
	changed(c);
}

void stack_abort(struct stack_conn *c)
{
	abort_slot(c);
}

void stack_usage(struct stack_usage *u)
{
	size_t used[P_COUNT], fading = 0;

	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next)
		fading++;
	for (size_t i = 0; i < P_COUNT; i++)
		used[i] = pool_used(i) - st.base[i] - (i == P_PCB ? fading : 0);
	*u = (struct stack_usage){ .conns = bits_count(&st.used), .pcbs = (unsigned)used[P_PCB] };
	u->pbufs = (unsigned)(used[P_SMALL] + used[P_HEADER] + used[P_SPLIT]);
	for (size_t i = 0; i < P_COUNT; i++)
		u->heap += used[i] * sizes[i].bytes;
	u->dropped = st.dropped;
}
