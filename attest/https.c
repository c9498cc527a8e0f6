#include "attest/https.h"

#include <assert.h>
#include <time.h>

#include "appliance/base/io.h"
#include "attest/routes.h"
#include "attest/tls.h"

enum state {
	HANDSHAKE,
	IDLE,
	REQUEST,
	WAITING, /* for the owner's document */
	ANSWERING,
	OVER, /* but for what TLS has not sent yet */
};

struct https {
	enum state state;
	int64_t now_ms;                 /* of the last call */
	int64_t deadline_ms, answer_ms; /* answer_ms: when the answer is due */
	bool peer_ended;
	uint64_t said, total; /* bytes of the answer given to TLS, and of all of it */
	struct http http;
	struct reply reply;
	struct tls tls;
	uint8_t work[ROUTES_WORK]; /* the request's line, then the answer's */
};

static_assert((int)ROUTES_WORK >= (int)HTTP_HEAD_MAX, "work holds a head");

static struct https_facts *facts;
static struct https_counters counters;

void https_init(uint8_t seed[32], struct https_facts *f)
{
	tls_init(seed);
	facts = f;
}

size_t https_size(void)
{
	return sizeof(struct https);
}

static br_ssl_engine_context *engine(struct https *h)
{
	return &h->tls.br.eng;
}

static void enter(struct https *h, enum state state, int64_t deadline_ms)
{
	h->state = state;
	h->deadline_ms = deadline_ms;
}

static void await_request(struct https *h)
{
	http_begin(&h->http, h->work);
	enter(h, IDLE, h->now_ms + HTTPS_IDLE_MS);
}

void https_open(struct https *h, int64_t now_ms)
{
	h->now_ms = now_ms;
	tls_open(&h->tls);
	h->peer_ended = false;
	enter(h, HANDSHAKE, h->now_ms + HTTPS_HANDSHAKE_MS);
}

void https_close(struct https *h)
{
	wipe(h, sizeof *h);
	h->state = OVER;
}

/* --- one step of each state; true: there may be another at once -------------------- */

static bool step_handshake(struct https *h)
{
	if (tls_state(&h->tls) != TLS_OPEN)
		return false;
	counters.handshakes++;
	/* Without a key exchange of its own. */
	counters.resumed += br_ssl_engine_get_ecdhe_curve(engine(h)) == 0;
	await_request(h);
	return true;
}

static void begin_answer(struct https *h)
{
	struct body b = { 0 };

	routes_put(&h->reply, &b);
	h->total = b.at;
	h->said = 0;
	h->answer_ms = h->now_ms + HTTPS_ANSWER_MS;
	enter(h, ANSWERING, h->now_ms + HTTPS_STALL_MS);
}

static void request_done(struct https *h)
{
	counters.requests++;
	counters.bad_requests += h->http.state == HTTP_BAD;
	routes_start(&h->reply, &h->http, facts, h->work, time(NULL));
	if (h->reply.nonce_len > 0)
		enter(h, WAITING, h->now_ms + HTTPS_DOCUMENT_MS);
	else
		begin_answer(h);
}

/* A record of what was written to br_ssl_engine_sendapp_buf. */
static void wrote(struct https *h, size_t n)
{
	br_ssl_engine_sendapp_ack(engine(h), n);
	br_ssl_engine_flush(engine(h), 0);
}

static void go_on(struct https *h)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t room = 0;
	uint8_t *p = br_ssl_engine_sendapp_buf(engine(h), &room);

	if (!p || room < sizeof text - 1)
		return;
	memcpy(p, text, sizeof text - 1);
	wrote(h, sizeof text - 1);
}

static bool step_request(struct https *h)
{
	bool head = h->http.state <= HTTP_FIELDS;
	struct slice in = { NULL, 0 };

	in.p = br_ssl_engine_recvapp_buf(engine(h), &in.len);
	if (in.len == 0)
		return false;
	if (h->state == IDLE)
		enter(h, REQUEST, h->now_ms + HTTPS_REQUEST_MS);
	br_ssl_engine_recvapp_ack(engine(h), http_feed(&h->http, in));
	if (h->http.state >= HTTP_DONE)
		request_done(h);
	else if (head && h->http.state > HTTP_FIELDS && h->http.expect)
		go_on(h);
	return true;
}

/* No more is written: the goodbye. */
static void finish(struct https *h)
{
	br_ssl_engine_close(engine(h));
	enter(h, OVER, h->now_ms + HTTPS_STALL_MS);
}

static bool step_answer(struct https *h)
{
	struct body b = { .from = h->said };
	size_t room = 0;
	uint8_t *p = br_ssl_engine_sendapp_buf(engine(h), &room);

	if (!p)
		return false;
	if (h->said == h->total && h->reply.close) {
		finish(h);
	} else if (h->said == h->total) {
		await_request(h);
	} else {
		b.w = wbuf_of(p, room);
		routes_put(&h->reply, &b);
		wrote(h, b.w.len);
		h->said += b.w.len;
		/* Records dropped meanwhile: better cut off than wrong. */
		if (b.at != h->total)
			enter(h, OVER, h->now_ms + HTTPS_STALL_MS);
	}
	return true;
}

static bool step(struct https *h)
{
	switch (h->state) {
	case HANDSHAKE: return step_handshake(h);
	case IDLE:
	case REQUEST: return step_request(h);
	case ANSWERING: return step_answer(h);
	default: return false;
	}
}

static void run(struct https *h)
{
	enum tls_state tls;

	do {
		tls = tls_state(&h->tls);
		if (h->state == OVER)
			return;
		if (tls >= TLS_OVER) {
			counters.tls_errors += tls == TLS_FAILED;
			enter(h, OVER, h->now_ms + HTTPS_STALL_MS);
		}
	} while (step(h));
	if (h->peer_ended && h->state <= REQUEST)
		finish(h);
}

/* --- the owner's side ------------------------------------------------------------------ */

size_t https_in(struct https *h, struct slice s, int64_t now_ms)
{
	size_t n = 0, room;
	uint8_t *p;

	h->now_ms = now_ms;
	if (h->state == OVER)
		return s.len;
	while (n < s.len && (p = br_ssl_engine_recvrec_buf(engine(h), &room)) != NULL) {
		room = room < s.len - n ? room : s.len - n;
		memcpy(p, s.p + n, room);
		br_ssl_engine_recvrec_ack(engine(h), room);
		n += room;
		run(h);
	}
	return n;
}

void https_in_end(struct https *h)
{
	h->peer_ended = true;
	run(h);
}

struct slice https_out(struct https *h)
{
	struct slice s = { NULL, 0 };

	s.p = br_ssl_engine_sendrec_buf(engine(h), &s.len);
	return s;
}

void https_sent(struct https *h, size_t n, int64_t now_ms)
{
	int64_t stall_ms = now_ms + HTTPS_STALL_MS;

	h->now_ms = now_ms;
	br_ssl_engine_sendrec_ack(engine(h), n);
	if (h->state == ANSWERING && n > 0)
		h->deadline_ms = stall_ms < h->answer_ms ? stall_ms : h->answer_ms;
	run(h);
}

bool https_done(const struct https *h)
{
	return h->state == OVER;
}

int64_t https_deadline(const struct https *h)
{
	return h->deadline_ms;
}

bool https_wants(const struct https *h, struct slice *nonce)
{
	*nonce = slice_of(h->reply.nonce, h->reply.nonce_len);
	return h->state == WAITING;
}

void https_document(struct https *h, enum rc rc, struct slice document, int64_t now_ms)
{
	h->now_ms = now_ms;
	if (h->state != WAITING)
		return;
	if (rc == RC_OK && document.len > sizeof h->work)
		rc = RC_BAD;
	if (rc == RC_OK) {
		memcpy(h->work, document.p, document.len);
		counters.documents++;
	}
	routes_document(&h->reply, rc, slice_of(h->work, document.len));
	begin_answer(h);
	run(h);
}

unsigned https_idleness(const struct https *h)
{
	static const unsigned of[] = {
		[HANDSHAKE] = HTTPS_IN_HANDSHAKE, [IDLE] = 3, [REQUEST] = 1, [OVER] = 3
	};

	return of[h->state];
}

const struct https_counters *https_counters(void)
{
	return &counters;
}
