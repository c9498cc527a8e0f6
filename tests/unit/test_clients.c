/* appliance/clients.h between a stack and engines of the test's own: who is
 * evicted, who gets which document, what ends when.
 */
#include "appliance/clients.h"
#include "tests/unit/test.h"

enum { CONNS = CLIENTS_MAX + 8 };

/* --- the stack: what is to be read, what was done to it ------------------------------ */

static struct conn {
	struct stack_conn c;
	size_t in, room, out; /* bytes to read, room to write, written */
	bool peer_done, finished, closed, aborted;
} conns[CONNS];
static uint8_t bytes[1 << 17];

static struct conn *of(const struct stack_conn *c)
{
	return (struct conn *)(uintptr_t)c;
}

bool stack_peer_done(const struct stack_conn *c)
{
	return of(c)->peer_done && of(c)->in == 0;
}

struct slice stack_peek(const struct stack_conn *c)
{
	return slice_of(bytes, of(c)->in < 1000 ? of(c)->in : 1000);
}

void stack_consume(struct stack_conn *c, size_t n)
{
	CHECK(n <= of(c)->in);
	of(c)->in -= n;
}

size_t stack_room(const struct stack_conn *c)
{
	return of(c)->room;
}

enum rc stack_write(struct stack_conn *c, const void *p, size_t n)
{
	CHECK(n <= of(c)->room && p != NULL && !of(c)->finished);
	of(c)->room -= n;
	of(c)->out += n;
	return RC_OK;
}

enum rc stack_finish(struct stack_conn *c)
{
	CHECK(!of(c)->finished);
	of(c)->finished = true;
	return RC_OK;
}

void stack_close(struct stack_conn *c)
{
	CHECK(!of(c)->closed && !of(c)->aborted);
	of(c)->closed = true;
}

void stack_abort(struct stack_conn *c)
{
	CHECK(!of(c)->closed && !of(c)->aborted);
	of(c)->aborted = true;
}

/* --- the engines: each does what its fields say ---------------------------------------- */

struct https {
	bool deaf, done, ended, closed;
	size_t in, out;
	char nonce; /* wanted, 0: none */
	unsigned idle, documents;
	enum rc rc;
	int64_t deadline_ms;
};

static struct https *opened;   /* the last one */
static int64_t life_ms = 1000; /* a new one's deadline */

size_t https_size(void)
{
	return sizeof(struct https);
}

void https_open(struct https *h, int64_t now_ms)
{
	*h = (struct https){ .deadline_ms = now_ms + life_ms };
	opened = h;
}

void https_close(struct https *h)
{
	h->closed = true;
}

size_t https_in(struct https *h, struct slice s, int64_t now_ms)
{
	(void)now_ms;
	if (h->deaf)
		return 0;
	h->in += s.len;
	return s.len;
}

void https_in_end(struct https *h)
{
	CHECK(!h->ended);
	h->ended = true;
}

struct slice https_out(struct https *h)
{
	return slice_of(bytes, h->out < 1000 ? h->out : 1000);
}

void https_sent(struct https *h, size_t n, int64_t now_ms)
{
	(void)now_ms;
	CHECK(n <= h->out);
	h->out -= n;
}

bool https_done(const struct https *h)
{
	return h->done;
}

int64_t https_deadline(const struct https *h)
{
	return h->deadline_ms;
}

bool https_wants(const struct https *h, struct slice *nonce)
{
	*nonce = slice_of(&h->nonce, 1);
	return h->nonce != 0;
}

void https_document(struct https *h, enum rc rc, struct slice document, int64_t now_ms)
{
	(void)document;
	(void)now_ms;
	CHECK(h->nonce != 0);
	h->nonce = 0;
	h->rc = rc;
	h->documents++;
}

unsigned https_idleness(const struct https *h)
{
	return h->idle;
}

/* --- cases --------------------------------------------------------------------------------- */

static const struct slice document = { bytes, 1 };

static struct https *open_one(size_t i, int64_t now_ms)
{
	conns[i] = (struct conn){ 0 };
	opened = NULL;
	clients_accept(&conns[i].c, now_ms);
	return opened;
}

static void end_all(void)
{
	clients_end();
	CHECK(clients_counters()->open == 0 && clients_counters()->waiting == 0);
}

static void moves(void)
{
	struct https *h = open_one(0, 0);

	conns[0].in = 5000;
	conns[0].room = 700;
	h->out = 3000;
	clients_event(&conns[0].c, 1);
	CHECK(conns[0].in == 0 && h->in == 5000 && conns[0].out == 700 && h->out == 2300);
	conns[0].peer_done = true;
	conns[0].room = 10000;
	clients_event(&conns[0].c, 1);
	CHECK(h->ended && h->out == 0 && !conns[0].closed);
	clients_event(&conns[0].c, 1); /* the end is told once */
	end_all();
	CHECK(h->closed && conns[0].closed);
}

/* Input that is not taken is no progress. */
static void deaf(void)
{
	struct https *h = open_one(0, 0);

	h->deaf = true;
	conns[0].in = 10;
	clients_event(&conns[0].c, 1);
	CHECK(conns[0].in == 10 && clients_deadline() == 1000);
	end_all();
}

/* Done: our end is sent after the last byte, and the peer's is waited for. */
static void endings(void)
{
	struct https *h = open_one(0, 0);

	h->done = true;
	h->out = 10;
	clients_event(&conns[0].c, 5);
	CHECK(!conns[0].finished);
	conns[0].room = 10;
	conns[0].in = 100;
	clients_event(&conns[0].c, 5);
	CHECK(conns[0].finished && conns[0].in == 0 && !conns[0].closed);
	conns[0].peer_done = true;
	clients_event(&conns[0].c, 6);
	CHECK(conns[0].closed);
	/* A peer that does not end is cut off, though it goes on sending. */
	h = open_one(1, 0);
	h->done = true;
	clients_event(&conns[1].c, 5);
	conns[1].in = 100;
	clients_event(&conns[1].c, 5 + CLIENTS_LINGER_MS - 1);
	CHECK(conns[1].in == 0 && !conns[1].aborted);
	clients_tick(5 + CLIENTS_LINGER_MS);
	CHECK(conns[1].aborted);
	/* A reset, and the engine's deadline. */
	open_one(2, 0);
	conns[2].c.over = true;
	clients_event(&conns[2].c, 1);
	CHECK(conns[2].aborted);
	open_one(3, 0);
	clients_tick(999);
	CHECK(!conns[3].aborted);
	clients_tick(1000);
	CHECK(conns[3].aborted && clients_counters()->open == 0);
}

/* All places taken: the one that is of least use goes, and of equals the one
 * that would end first; nobody while all are at work. */
static void eviction(void)
{
	static struct https *h[CLIENTS_MAX];
	size_t n = 0;

	life_ms = HTTPS_STALL_MS; /* at work, and getting on with it */
	while (n < CLIENTS_MAX && (h[n] = open_one(n, 0)) != NULL && !conns[n].aborted)
		n++;
	CHECK(n == clients_counters()->open);
	CHECK(open_one(n, 0) == NULL && conns[n].aborted);
	h[3]->idle = 1;
	h[5]->idle = 3;
	h[7]->idle = 3;
	h[7]->deadline_ms = 500;
	clients_event(&conns[7].c, 0);
	CHECK(open_one(n, 0) == h[7] && conns[7].aborted && !conns[5].aborted);
	CHECK(open_one(n + 1, 0) == h[5] && conns[5].aborted && !conns[3].aborted);
	CHECK(open_one(n + 2, 0) == h[3] && conns[3].aborted);
	/* One that takes nothing of its answer is not at work. */
	h[9]->deadline_ms = HTTPS_STALL_MS - CLIENTS_STUCK_MS + 1;
	clients_event(&conns[9].c, 0);
	CHECK(open_one(n + 3, 0) == NULL && !conns[9].aborted);
	h[9]->deadline_ms--;
	clients_event(&conns[9].c, 0);
	CHECK(open_one(n + 4, 0) == h[9] && conns[9].aborted);
	CHECK(clients_counters()->evicted == 4 && clients_counters()->refused == 2);
	life_ms = 1000;
	end_all();
}

static void handshakes(void)
{
	struct https *h = open_one(0, 0);

	open_one(1, 0);
	h->idle = HTTPS_IN_HANDSHAKE;
	clients_reset_handshakes();
	CHECK(conns[0].aborted && h->closed && !conns[1].aborted);
	end_all();
}

static struct https *want(size_t i, char nonce)
{
	struct https *h = open_one(i, 0);

	h->nonce = nonce;
	clients_event(&conns[i].c, 0);
	return h;
}

static bool asks(uint32_t mark, char nonce)
{
	struct slice s;

	return clients_want(mark, &s) && s.len == 1 && s.p[0] == nonce;
}

/* The first who asked first; the same nonce once; who comes later gets a
 * document of its own, made after it asked. */
static void documents(void)
{
	struct https *a = want(0, 'a'), *b = want(1, 'b'), *c = want(2, 'a'), *d;
	struct slice s;

	CHECK(clients_counters()->waiting == 3);
	CHECK(asks(1, 'a') && asks(2, 'b') && !clients_want(3, &s));
	d = want(3, 'a');
	CHECK(asks(3, 'a') && !clients_want(4, &s));
	clients_document(1, RC_OK, document, 0);
	CHECK(a->documents == 1 && c->documents == 1 && d->documents == 0 && b->documents == 0);
	clients_document(4, RC_OK, document, 0); /* nobody's */
	CHECK(b->documents == 0);
	clients_document(2, RC_IO, document, 0);
	CHECK(b->documents == 1 && b->rc == RC_IO);
	clients_document(3, RC_OK, document, 0);
	CHECK(d->documents == 1 && clients_counters()->waiting == 0);
	/* The next request on the same connection is another one. */
	a->nonce = 'x';
	clients_event(&conns[0].c, 0);
	CHECK(asks(5, 'x'));
	end_all();
	clients_document(5, RC_OK, document, 0);
	CHECK(a->documents == 1);
}

/* What is waited for too long is refused; its document comes too late. */
static void lateness(void)
{
	struct https *a = want(0, 'a'), *b = want(1, 'b');

	CHECK(asks(1, 'a'));
	a->deadline_ms = b->deadline_ms = 2000;
	clients_tick(1000); /* looks again, since that was the deadline at first */
	CHECK(a->documents == 1 && a->rc == RC_LIMIT && b->documents == 1 && !conns[0].aborted);
	clients_document(1, RC_OK, document, 1000);
	CHECK(a->documents == 1 && clients_counters()->waiting == 0);
	end_all();
}

int main(void)
{
	if (!CHECK(clients_init() == RC_OK))
		return test_end();
	moves();
	deaf();
	endings();
	eviction();
	handshakes();
	documents();
	lateness();
	return test_end();
}
