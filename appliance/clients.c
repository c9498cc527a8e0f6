/* Theory of operation.
 *
 * Bytes move between the stack and the engine until the engine is done and has
 * nothing more to send. Then our FIN goes out and what still comes is dropped,
 * by the engine, since closing with input unread would reset the connection and
 * lose the answer; the peer's FIN or CLIENTS_LINGER_MS ends that.
 *
 * Nothing is sent or received meanwhile: what moves in one wakeup is at most
 * what the stack holds for a connection, and what it has room for.
 *
 * A request that wants a document has turn set, the order in which it came.
 * mark is set while PID 1 is asked for it, and for all that wait for the same
 * nonce by then; later ones wait for a document of their own, which is made
 * after they asked.
 */
#include "appliance/clients.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "appliance/base/io.h"

enum { PAGE = 4096 };

struct client {
	struct stack_conn *conn; /* NULL: free */
	struct https *https;
	bool ended;    /* the engine knows of the peer's end */
	bool finished; /* our FIN was sent */
	uint32_t mark;
	uint64_t turn; /* 0: wants no document */
	int64_t deadline_ms;
};

static struct client clients[CLIENTS_MAX];
static struct clients_counters counters;
static const struct client *places; /* their end */
static size_t stride;               /* bytes of one engine, whole pages */
static uint64_t turns;
/* No deadline is earlier; one may be later. */
static int64_t next_ms = INT64_MAX;

enum rc clients_init(void)
{
	struct sysinfo info;
	uint8_t *p;
	size_t n;

	if (sysinfo(&info) != 0)
		return RC_IO;
	stride = (https_size() + PAGE - 1) / PAGE * PAGE;
	p = mmap(NULL, stride * CLIENTS_MAX, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return RC_IO;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		clients[i].https = (struct https *)(void *)(p + i * stride);
	n = info.totalram * info.mem_unit / CLIENTS_SHARE / stride;
	places = clients + (n < CLIENTS_MAX ? n : CLIENTS_MAX);
	return RC_OK;
}

static void wants_none(struct client *k)
{
	if (k->turn > 0)
		counters.waiting--;
	k->turn = 0;
	k->mark = 0;
}

static void release(struct client *k, bool abort)
{
	if (abort)
		stack_abort(k->conn);
	else
		stack_close(k->conn);
	wants_none(k);
	k->conn = NULL;
	counters.open--;
	https_close(k->https);
	if (k - clients >= CLIENTS_WARM)
		madvise(k->https, stride, MADV_DONTNEED);
}

static size_t pull(struct client *k, int64_t now_ms)
{
	struct slice s = stack_peek(k->conn);
	size_t n;

	if (s.len == 0 && !k->ended && stack_peer_done(k->conn)) {
		k->ended = true;
		https_in_end(k->https);
		return 1;
	}
	if (s.len == 0)
		return 0;
	n = https_in(k->https, s, now_ms);
	stack_consume(k->conn, n);
	return n;
}

static size_t push(struct client *k, int64_t now_ms)
{
	struct slice s = https_out(k->https);
	size_t n = stack_room(k->conn);

	if (s.len < n)
		n = s.len;
	if (n == 0 || stack_write(k->conn, s.p, n) != RC_OK)
		return 0;
	https_sent(k->https, n, now_ms);
	return n;
}

/* All was said, unless the connection has been finished before. */
static void finish(struct client *k, int64_t now_ms)
{
	k->finished = true;
	k->deadline_ms = now_ms + CLIENTS_LINGER_MS;
	if (stack_finish(k->conn) != RC_OK)
		k->deadline_ms = now_ms;
}

static void pump(struct client *k, int64_t now_ms)
{
	struct slice nonce;

	while (push(k, now_ms) + pull(k, now_ms) > 0)
		;
	if (k->conn->over || (k->finished && stack_peer_done(k->conn))) {
		release(k, k->conn->over);
		return;
	}
	if (!k->finished)
		k->deadline_ms = https_deadline(k->https);
	if (!k->finished && https_done(k->https) && https_out(k->https).len == 0)
		finish(k, now_ms);
	if (k->turn == 0 && https_wants(k->https, &nonce)) {
		k->turn = ++turns;
		counters.waiting++;
	}
	next_ms = earlier(next_ms, k->deadline_ms);
}

/* A free place, or that of the one that is of least use; NULL when all are at
 * work. */
static struct client *find_place(int64_t now_ms)
{
	const int64_t stuck_ms = now_ms + HTTPS_STALL_MS - CLIENTS_STUCK_MS;
	struct client *best = NULL;
	unsigned most = 0;

	for (struct client *k = clients; k < places; k++) {
		unsigned idle;

		if (!k->conn)
			return k;
		idle = https_idleness(k->https);
		if (idle == 0 && k->turn == 0 && k->deadline_ms <= stuck_ms)
			idle = 1;
		if (idle > most || (idle > 0 && idle == most && k->deadline_ms < best->deadline_ms))
			best = k, most = idle;
	}
	if (best) {
		counters.evicted++;
		release(best, true);
	}
	return best;
}

void clients_accept(struct stack_conn *c, int64_t now_ms)
{
	struct client *k = find_place(now_ms);

	if (!k) {
		counters.refused++;
		stack_abort(c);
		return;
	}
	counters.accepted++;
	counters.open++;
	*k = (struct client){ .conn = c, .https = k->https };
	c->user = k;
	https_open(k->https, now_ms);
	pump(k, now_ms);
}

void clients_reset_handshakes(void)
{
	for (struct client *k = clients; k < places; k++)
		if (k->conn && https_idleness(k->https) == HTTPS_IN_HANDSHAKE)
			release(k, true);
}

void clients_event(struct stack_conn *c, int64_t now_ms)
{
	struct client *k = c->user;

	if (k)
		pump(k, now_ms);
}

int64_t clients_deadline(void)
{
	return next_ms;
}

static void answer(struct client *k, enum rc rc, struct slice document, int64_t now_ms)
{
	wants_none(k);
	https_document(k->https, rc, document, now_ms);
	pump(k, now_ms);
}

void clients_tick(int64_t now_ms)
{
	if (next_ms > now_ms)
		return;
	next_ms = INT64_MAX;
	for (struct client *k = clients; k < places; k++) {
		if (!k->conn)
			continue;
		if (k->deadline_ms > now_ms)
			next_ms = earlier(next_ms, k->deadline_ms);
		else if (k->turn > 0)
			answer(k, RC_LIMIT, slice_of(NULL, 0), now_ms);
		else
			release(k, true);
	}
}

bool clients_want(uint32_t mark, struct slice *nonce)
{
	struct client *first = NULL;
	struct slice other;

	if (counters.waiting == 0)
		return false;
	for (struct client *k = clients; k < places; k++)
		if (k->turn > 0 && k->mark == 0 && (!first || k->turn < first->turn))
			first = k;
	if (!first || !https_wants(first->https, nonce))
		return false;
	for (struct client *k = clients; k < places; k++)
		if (k->turn > 0 && k->mark == 0 && https_wants(k->https, &other) &&
		    slice_eq(*nonce, other))
			k->mark = mark;
	return true;
}

void clients_document(uint32_t mark, enum rc rc, struct slice document, int64_t now_ms)
{
	for (struct client *k = clients; k < places; k++)
		if (k->conn && k->mark == mark)
			answer(k, rc, document, now_ms);
}

void clients_end(void)
{
	for (struct client *k = clients; k < places; k++)
		if (k->conn)
			release(k, false);
}

const struct clients_counters *clients_counters(void)
{
	return &counters;
}
