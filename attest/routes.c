#include "attest/routes.h"

#include <assert.h>
#include <time.h>

#include "appliance/base/manifest.h"
#include "attest/lcbor.h"
#include "attest/tojson.h"

static_assert((int)ROUTES_WORK >= (int)NSM_RESPONSE_MAX, "a document fits");

static void put_error(const struct reply *r, struct body *b)
{
	body_put(b, "{'error':'%s','detail':%q}\n", r->error, slice_str(r->detail));
}

static void put_text(const struct reply *r, struct body *b)
{
	body_bytes(b, r->text.p, r->text.len);
}

static void fail(struct reply *r, unsigned status, const char *error, const char *detail)
{
	r->put = put_error;
	r->type = "application/json";
	r->status = status;
	r->error = error;
	r->detail = detail;
	r->nonce_len = 0;
}

/* --- / /health /measurements /metrics: written at once into the buffer ------------- */

static void put_index(const struct reply *r, struct body *b)
{
	(void)r;
	body_put(b, "{'name':'casemate','routes':['/attestation?nonce=','/touch?from=',"
	            "'/measurements','/manifest','/health','/metrics']}\n");
}

static void start_health(struct reply *r, const struct http *q, struct body *b)
{
	const char *why;

	(void)q;
	body_put(b, "{'ready':true,'services':[");
	why = r->facts->services(b);
	body_put(b, "]}\n");
	if (!r->facts->ready || why)
		fail(r, 503, "not ready", why ? why : r->facts->why);
}

static void start_measurements(struct reply *r, const struct http *q, struct body *b)
{
	const struct nsm_description *m = &r->facts->module;
	const struct nsm_pcr *p = r->facts->pcr;

	(void)q;
	body_put(b, "{'module_id':%q,'version':'%u.%u.%u','digest':'SHA384','pcrs':{",
	         slice_str(m->id), (uint64_t)m->major, (uint64_t)m->minor, (uint64_t)m->patch);
	for (unsigned i = 0; i < m->pcrs; i++)
		body_put(b, "%s'%u':{'value':%x,'locked':%s}", i > 0 ? "," : "", (uint64_t)i,
		         slice_of(p[i].value, SHA384_LEN), p[i].locked ? "true" : "false");
	body_put(b, "}}\n");
}

static void start_metrics(struct reply *r, const struct http *q, struct body *b)
{
	const struct https_counters *c = https_counters();

	(void)q;
	r->type = "text/plain; version=0.0.4; charset=utf-8";
	body_metric(b, "handshakes_total", "TLS handshakes", c->handshakes);
	body_metric(b, "handshakes_resumed_total", "of them resumptions", c->resumed);
	body_metric(b, "tls_errors_total", "connections ended by an error of TLS", c->tls_errors);
	body_metric(b, "requests_total", "HTTP requests", c->requests);
	body_metric(b, "bad_requests_total", "requests refused as malformed", c->bad_requests);
	body_metric(b, "documents_total", "attestation documents served", c->documents);
	body_metric(b, "touches_total", "operations of peers since boot", r->facts->touches);
	r->facts->metrics(b);
}

/* --- /attestation --------------------------------------------------------------------- */

/* The keys of attest/claims.h and attest/touch.h. */
static const char *const claims_keys[TOJSON_KEYS] = { NULL,   "version", "purpose", "touches",
	                                              "head", "tree",    "digest" };
static const char *const touch_keys[TOJSON_KEYS] = { NULL,   "number", "time",   "operation",
	                                             "user", "digest", "summary" };

/* What is in the document, for people to read: nothing of it is checked. */
static void put_document(const struct reply *r, struct body *b)
{
	struct dcbor c = lcbor_of(r->text);
	struct lcbor_seq seq;
	struct slice payload;

	lcbor_open(&c, DCBOR_ARRAY, 4, &seq);
	lcbor_skip(&c);
	lcbor_skip(&c);
	payload = dcbor_bytes(&c, NSM_RESPONSE_MAX);
	body_put(b, "{'document':%b,'payload':", r->text);
	tojson_put(b, payload, NULL, false);
	body_put(b, ",'claims':");
	c = lcbor_of(payload);
	tojson_put(b, dcbor_bytes(lcbor_at(&c, payload, "user_data"), NSM_USER_DATA_MAX),
	           claims_keys, false);
	body_put(b, "}\n");
}

static bool parse_hex(const char *hex, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		int v = hex_value((uint8_t)hex[i]);

		if (v < 0)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | v);
	}
	return len % 2 == 0;
}

static void start_attestation(struct reply *r, const struct http *q, struct body *b)
{
	char hex[2 * HTTPS_NONCE_MAX];
	size_t len = 0;
	enum rc rc = http_query(q, "nonce", hex, sizeof hex, &len);

	(void)b;
	r->nonce_len = len / 2;
	if (!q->want_json) {
		r->put = put_text;
		r->type = "application/cose";
	}
	if (rc != RC_OK || r->nonce_len < HTTPS_NONCE_MIN || !parse_hex(hex, len, r->nonce))
		fail(r, 400, "bad request",
		     "nonce=HEX, 16 to 64 random bytes of yours, is required");
}

void routes_document(struct reply *r, enum rc rc, struct slice document)
{
	struct body b = { 0 };

	r->nonce_len = 0;
	r->text = document;
	if (rc == RC_LIMIT)
		fail(r, 503, "busy", "too many documents are asked for");
	else if (rc != RC_OK)
		fail(r, 500, "internal error", "the security module gave no document");
	r->put(r, &b);
	r->len = b.at;
}

/* --- /touch --------------------------------------------------------------------------- */

static void put_touch(const struct reply *r, struct body *b)
{
	uint8_t bytes[TOUCH_RECORD_MAX];
	struct slice s;
	uint64_t n = r->first;

	put_text(r, b);
	for (; n < r->end; n++) {
		s = slice_of(bytes, r->facts->touch_record(n, bytes));
		if (s.len == 0)
			break; /* dropped meanwhile */
		body_put(b, "%s{'record':%b,", n > r->first ? "," : "", s);
		tojson_put(b, s, touch_keys, true);
		body_put(b, "}");
	}
	body_put(b, n <= r->touches ? "],'next':%u}\n" : "],'next':null}\n", n);
}

/* from=K, at most the number of the touch that would be next. */
static bool touch_from(const struct http *q, uint64_t next, uint64_t *from)
{
	char number[16];
	size_t len = 0;
	enum rc rc = http_query(q, "from", number, sizeof number, &len);

	*from = 0;
	return rc == RC_ABSENT ||
	       (rc == RC_OK && slice_decimal(slice_of(number, len), next + 1, from) &&
	        *from <= next);
}

/* Records that are not kept any more are left out: the page begins later. */
static void start_touch(struct reply *r, const struct http *q, struct body *b)
{
	const struct https_facts *f = r->facts;
	uint8_t base[SHA384_LEN];

	if (!touch_from(q, f->touches + 1, &r->first)) {
		fail(r, 400, "bad request",
		     "from is the number of a touch, at most the next one's");
		return;
	}
	if (r->first < f->touch_first)
		r->first = f->touch_first;
	r->touches = f->touches;
	r->end = r->first + HTTPS_TOUCHES;
	if (r->end > r->touches)
		r->end = r->touches + 1;
	if (!f->touch_after(r->first - 1, base))
		fail(r, 503, "busy", "the log moved on meanwhile");
	body_put(b, "{'touches':%u,'head':%x,'first':%u,'base':%x,'records':[", r->touches,
	         slice_of(f->touch_head, SHA384_LEN), r->first, slice_of(base, SHA384_LEN));
}

/* --- /manifest ------------------------------------------------------------------------- */

/* The keys of a service. */
static const char *const service_keys[TOJSON_KEYS] = { NULL,          "name",      "command",
	                                               "environment", "directory", "ids",
	                                               "probe",       "writable",  "policy" };

static void put_manifest(const struct reply *r, struct body *b)
{
	struct slice bytes = r->facts->manifest;
	uint8_t digest[SHA384_LEN];
	struct manifest m;

	sha384_of(bytes.p, bytes.len, digest);
	body_put(b, "{'manifest':%b,'sha384':%x", bytes, slice_of(digest, SHA384_LEN));
	if (manifest_parse(bytes, &m) == RC_OK) {
		body_put(b,
		         ",'version':%u,'channel':'%s','operations':%u,'main':%u,'keep':%s,'"
		         "services':[",
		         (uint64_t)MANIFEST_VERSION, m.channel == CHANNEL_OPEN ? "open" : "off",
		         (uint64_t)m.operations, m.main, m.keep ? "true" : "false");
		for (size_t i = 0; i < m.services; i++) {
			body_put(b, i > 0 ? "," : "");
			tojson_put(b, m.service[i], service_keys, false);
		}
		body_put(b, "]");
	}
	body_put(b, "}\n");
}

/* --- all of them -------------------------------------------------------------------------- */

static const struct {
	const char *path;
	void (*put)(const struct reply *r, struct body *b);
	/* NULL, or decides on more of the answer and may write r->text to b. */
	void (*start)(struct reply *r, const struct http *q, struct body *b);
} routes[] = {
	{ "/", put_index, NULL },
	{ "/attestation", put_document, start_attestation },
	{ "/touch", put_touch, start_touch },
	{ "/measurements", put_text, start_measurements },
	{ "/manifest", put_manifest, NULL },
	{ "/health", put_text, start_health },
	{ "/metrics", put_text, start_metrics },
};

static void route(struct reply *r, const struct http *q, struct body *b)
{
	struct slice path = slice_of(q->path, q->path_len);
	size_t i = 0, count = sizeof routes / sizeof *routes;

	if (path.len > 1 && path.p[path.len - 1] == '/')
		path.len--;
	while (i < count && !slice_is(path, routes[i].path))
		i++;
	if (q->method == HTTP_OPTIONS && (i < count || slice_is(path, "*")))
		r->status = 204;
	else if (i == count)
		fail(r, 404, "not found", "see / for what there is");
	else if (q->method == HTTP_OTHER)
		fail(r, 405, "method not allowed", "GET, HEAD or OPTIONS");
	else {
		r->put = routes[i].put;
		if (routes[i].start)
			routes[i].start(r, q, b);
	}
}

void routes_start(struct reply *r, const struct http *q, const struct https_facts *f, uint8_t *work,
                  int64_t now_s)
{
	struct body b = { .w = wbuf_of(work, ROUTES_WORK) };

	*r = (struct reply){ .facts = f,
		             .put = put_text,
		             .type = "application/json",
		             .status = 200,
		             .now_s = now_s,
		             .close = q->state == HTTP_BAD || q->http10 || q->close,
		             .head = q->method == HTTP_HEAD };
	if (q->state == HTTP_BAD)
		fail(r, q->status, "bad request", q->why);
	else
		route(r, q, &b);
	r->text = wbuf_slice(&b.w);
	if (b.at > b.w.max)
		fail(r, 500, "internal error", "the answer is too long");
	b = (struct body){ 0 };
	r->put(r, &b);
	r->len = b.at;
}

void routes_put(const struct reply *r, struct body *b)
{
	char date[40] = "";
	time_t t = r->now_s;
	struct tm tm;

	/* IMF-fixdate (RFC 9110 §5.6.7); there is one locale */
	if (gmtime_r(&t, &tm))
		(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	body_put(b,
	         "HTTP/1.1 %u \r\nDate: %s\r\nCache-Control: no-store\r\n"
	         "Strict-Transport-Security: max-age=31536000\r\n",
	         (uint64_t)r->status, date);
	if (r->status != 204)
		body_put(b,
		         "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\nContent-Length: "
		         "%u\r\n",
		         r->type, r->len);
	if (r->status == 204 || r->status == 405)
		body_put(b, "Allow: GET, HEAD, OPTIONS\r\n");
	if (r->status == 503)
		body_put(b, "Retry-After: 1\r\n");
	if (r->close)
		body_put(b, "Connection: close\r\n");
	body_put(b, "\r\n");
	if (!r->head)
		r->put(r, b);
}
