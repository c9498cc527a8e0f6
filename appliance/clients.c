/* Theory of operation.
 *
 *   OPEN → LINGER → (free)
 *
 * OPEN moves bytes between the stack and the engine until the engine is done;
 * its deadline is the engine's, or that of the document it waits for. LINGER
 * has sent its FIN and drops what still comes, since closing with input unread
 * would reset the connection and lose the answer; it ends with the peer's FIN
 * or after CLIENTS_LINGER_MS.
 *
 * A request that wants a document has turn set, the order in which it came.
 * mark is set while PID 1 is asked for it, and for all that wait for the same
 * nonce by then; later ones wait for a document of their own, which is made
 * after they asked.
 */
#include "appliance/clients.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>

enum { PAGE = 4096 };

struct client {
	struct stack_conn *conn; /* NULL: free */
	struct https *https;
	bool linger, ended, more;
	uint32_t mark;
	uint64_t turn;   /* 0: wants none */
	int64_t wait_ms; /* until when */
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

static void set_deadline(struct client *k)
{
	if (!k->linger) {
		k->deadline_ms = https_deadline(k->https);
		if (k->turn > 0 && k->wait_ms < k->deadline_ms)
			k->deadline_ms = k->wait_ms;
	}
	if (k->more)
		next_ms = 0;
	else if (k->deadline_ms < next_ms)
		next_ms = k->deadline_ms;
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

static void linger(struct client *k)
{
	struct slice s;

	while ((s = stack_peek(k->conn)).len > 0)
		stack_consume(k->conn, s.len);
	if (stack_peer_done(k->conn))
		release(k, false);
}

static void finish(struct client *k, int64_t now_ms)
{
	wants_none(k);
	if (stack_finish(k->conn) != RC_OK) {
		release(k, true);
		return;
	}
	k->linger = true;
	k->deadline_ms = now_ms + CLIENTS_LINGER_MS;
	set_deadline(k);
	linger(k);
}

static void note_want(struct client *k, int64_t now_ms)
{
	struct slice nonce;

	if (k->turn > 0 || !https_wants(k->https, &nonce))
		return;
	k->turn = ++turns;
	k->wait_ms = now_ms + CLIENTS_WAIT_MS;
	counters.waiting++;
}

static void pump(struct client *k, int64_t now_ms)
{
	size_t moved = 1, all = 0;

	k->more = false;
	if (stack_over(k->conn)) {
		release(k, true);
	} else if (k->linger) {
		linger(k);
	} else {
		for (; moved > 0 && all < CLIENTS_BUDGET; all += moved)
			moved = push(k, now_ms) + pull(k, now_ms);
		k->more = moved > 0;
		if (https_done(k->https) && https_out(k->https).len == 0) {
			finish(k, now_ms);
			return;
		}
		note_want(k, now_ms);
		set_deadline(k);
	}
}

/* A free place, or that of the one that is of least use; NULL when all are at
 * work. */
static struct client *find_place(void)
{
	struct client *best = NULL;
	unsigned most = 0;

	for (struct client *k = clients; k < places; k++) {
		unsigned idle;

		if (!k->conn)
			return k;
		idle = k->linger ? UINT32_MAX : https_idleness(k->https);
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
	struct client *k = find_place();

	if (!k) {
		counters.refused++;
		stack_abort(c);
		return;
	}
	counters.accepted++;
	counters.open++;
	*k = (struct client){ .conn = c, .https = k->https };
	stack_set_user(c, k);
	https_open(k->https, now_ms);
	pump(k, now_ms);
}

void clients_event(struct stack_conn *c, int64_t now_ms)
{
	struct client *k = stack_user(c);

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

static void expire(struct client *k, int64_t now_ms)
{
	if (!k->linger && k->turn > 0 && k->wait_ms <= now_ms) {
		counters.waited_out++;
		answer(k, RC_LIMIT, slice_of(NULL, 0), now_ms);
	} else {
		release(k, true);
	}
}

void clients_tick(int64_t now_ms)
{
	if (next_ms > now_ms)
		return;
	next_ms = INT64_MAX;
	for (struct client *k = clients; k < places; k++) {
		if (!k->conn)
			continue;
		if (k->more)
			pump(k, now_ms);
		else if (k->deadline_ms <= now_ms)
			expire(k, now_ms);
		else
			set_deadline(k);
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

void clients_requeue(uint32_t mark)
{
	for (struct client *k = clients; k < places; k++)
		if (k->mark == mark)
			k->mark = 0;
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
