#include "attest/routes.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "appliance/base/manifest.h"
#include "attest/claims.h"
#include "attest/document.h"

static_assert((int)ROUTES_WORK >= (int)DOCUMENT_MAX, "a document fits");

static const char json_type[] = "application/json";

static void fail(struct reply *r, unsigned status, const char *error, const char *detail)
{
	r->route = ROUTE_ERROR;
	r->status = status;
	r->type = json_type;
	r->error = error;
	r->detail = detail;
	r->nonce_len = 0;
}

static void text(struct reply *r, const struct body *b, const char *type)
{
	r->route = ROUTE_TEXT;
	r->type = type;
	r->body = wbuf_slice(&b->w);
	if (b->w.len < b->at)
		fail(r, 500, "internal error", "the answer is too long");
}

/* --- what the routes start with: facts that may change are taken down ------------ */

static void start_index(struct reply *r, const struct http *q, const struct https_facts *f,
                        struct body *b)
{
	(void)q, (void)f;
	body_text(b, "{\"name\":\"casemate\",\"routes\":[\"/attestation?nonce=\",\"/touch?from=\","
	             "\"/measurements\",\"/manifest\",\"/health\",\"/metrics\"]}\n");
	text(r, b, json_type);
}

static int nibble(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) & 15 : -1;
}

static void start_attestation(struct reply *r, const struct http *q, const struct https_facts *f,
                              struct body *b)
{
	char hex[2 * HTTPS_NONCE_MAX];
	size_t len = 0;
	enum rc rc = http_query(q, "nonce", hex, sizeof hex, &len);
	bool ok = rc == RC_OK && len >= 2 * HTTPS_NONCE_MIN && len % 2 == 0;

	(void)f, (void)b;
	for (size_t i = 0; ok && i < len; i++) {
		ok = nibble(hex[i]) >= 0;
		r->nonce[i / 2] = (uint8_t)(r->nonce[i / 2] << 4 | nibble(hex[i]));
	}
	if (!ok) {
		fail(r, 400, "bad request",
		     "nonce=HEX, 16 to 64 bytes of your own randomness, is required");
		return;
	}
	r->route = ROUTE_DOCUMENT;
	r->json = q->want_json;
	r->type = r->json ? json_type : "application/cose";
	r->nonce_len = len / 2;
}

/* from=K, the first record wanted. Older ones than are kept: those kept. */
static bool touch_from(const struct http *q, const struct https_facts *f, uint64_t *from)
{
	char number[16];
	size_t len = 0;
	enum rc rc = http_query(q, "from", number, sizeof number, &len);

	*from = 0;
	for (size_t i = 0; rc == RC_OK && i < len; i++) {
		if (number[i] < '0' || number[i] > '9')
			return false;
		*from = *from * 10 + (uint64_t)(number[i] - '0');
	}
	if (*from < f->touch_first)
		*from = f->touch_first;
	return (rc == RC_ABSENT || (rc == RC_OK && len > 0)) && *from <= f->touches + 1;
}

static void start_touch(struct reply *r, const struct http *q, const struct https_facts *f,
                        struct body *b)
{
	uint8_t record[TOUCH_RECORD_MAX];
	size_t len = 1;

	(void)b;
	if (!touch_from(q, f, &r->first)) {
		fail(r, 400, "bad request",
		     "from is the number of a touch, at most the next one's");
		return;
	}
	memcpy(r->base, f->touch_base, SHA384_LEN);
	for (uint64_t n = f->touch_first; n < r->first && len > 0; n++) {
		len = f->touch_record(n, record);
		touch_chain(r->base, slice_of(record, len));
	}
	if (len == 0) {
		fail(r, 503, "busy", "the log moved on meanwhile");
		return;
	}
	r->route = ROUTE_TOUCH;
	r->type = json_type;
	r->touches = f->touches;
	memcpy(r->touch_head, f->touch_head, SHA384_LEN);
	r->next = f->touches >= r->first + HTTPS_TOUCHES ? r->first + HTTPS_TOUCHES : 0;
}

static void start_measurements(struct reply *r, const struct http *q, const struct https_facts *f,
                               struct body *b)
{
	(void)q;
	body_text(b, "{\"module_id\":");
	body_quote(b, slice_str(f->module_id));
	body_text(b, ",\"version\":\"%u.%u.%u\",\"digest\":\"SHA384\",\"pcrs\":{",
	          f->module_version[0], f->module_version[1], f->module_version[2]);
	for (unsigned i = 0; i < f->pcrs; i++) {
		body_text(b, "%s\"%u\":{\"value\":", i > 0 ? "," : "", i);
		body_hex(b, slice_of(f->pcr[i], SHA384_LEN));
		body_text(b, ",\"locked\":%s}", f->pcrs_locked >> i & 1 ? "true" : "false");
	}
	body_text(b, "}}\n");
	text(r, b, json_type);
}

static void start_manifest(struct reply *r, const struct http *q, const struct https_facts *f,
                           struct body *b)
{
	(void)q, (void)f, (void)b;
	r->route = ROUTE_MANIFEST;
	r->type = json_type;
}

static void start_health(struct reply *r, const struct http *q, const struct https_facts *f,
                         struct body *b)
{
	(void)q;
	if (!f->ready) {
		fail(r, 503, "not ready", f->why);
		return;
	}
	body_text(b, "{\"ready\":true}\n");
	text(r, b, json_type);
}

static void start_metrics(struct reply *r, const struct http *q, const struct https_facts *f,
                          struct body *b)
{
	const struct https_counters *c = https_counters();
	const struct {
		const char *name, *help;
		uint64_t value;
	} counters[] = {
		{ "handshakes", "TLS handshakes completed", c->handshakes },
		{ "resumed", "of those, sessions resumed", c->resumed },
		{ "tls_errors", "connections that TLS ended", c->tls_errors },
		{ "requests", "HTTP requests read", c->requests },
		{ "bad_requests", "requests that were malformed", c->bad_requests },
		{ "documents", "attestation documents served", c->documents },
		{ "touches", "privileged operations since boot", f->touches },
	};

	(void)q;
	for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
		body_text(b, "# HELP casemate_%s_total %s\n", counters[i].name, counters[i].help);
		body_text(b, "# TYPE casemate_%s_total counter\ncasemate_%s_total %" PRIu64 "\n",
		          counters[i].name, counters[i].name, counters[i].value);
	}
	if (f->metrics)
		f->metrics(&b->w);
	b->at = b->w.len + b->w.over;
	text(r, b, "text/plain; version=0.0.4; charset=utf-8");
}

static const struct {
	const char *path;
	void (*start)(struct reply *r, const struct http *q, const struct https_facts *f,
	              struct body *b);
} routes[] = {
	{ "/", start_index },
	{ "/attestation", start_attestation },
	{ "/touch", start_touch },
	{ "/measurements", start_measurements },
	{ "/manifest", start_manifest },
	{ "/health", start_health },
	{ "/metrics", start_metrics },
};

/* --- bodies --------------------------------------------------------------------------- */

static void put_hex_or_null(struct body *b, const char *name, struct slice s)
{
	body_text(b, ",\"%s\":", name);
	if (s.len > 0)
		body_hex(b, s);
	else
		body_text(b, "null");
}

static void put_claims(struct body *b, struct slice user_data)
{
	struct claims c;

	body_text(b, ",\"claims\":");
	if (claims_parse(user_data, &c) != RC_OK) {
		body_text(b, "null");
		return;
	}
	body_text(b, "{\"version\":%d,\"purpose\":\"%s\",\"touches\":%" PRIu64 ",\"head\":",
	          CLAIMS_VERSION, claims_purpose(c.purpose), c.touches);
	body_hex(b, slice_of(c.head, SHA384_LEN));
	put_hex_or_null(b, "tree", c.tree);
	put_hex_or_null(b, "digest", c.digest);
	body_text(b, "}");
}

static void put_document(struct body *b, struct slice document)
{
	struct document d;
	const char *comma = "";

	body_text(b, "{\"document\":");
	body_base64(b, document);
	if (document_parse(document, &d) != RC_OK) {
		body_text(b, ",\"payload\":null}\n");
		return;
	}
	body_text(b, ",\"payload\":{\"module_id\":");
	body_quote(b, d.module_id);
	body_text(b, ",\"digest\":\"SHA384\",\"timestamp\":%" PRIu64 ",\"pcrs\":{", d.timestamp_ms);
	for (unsigned i = 0; i < DOCUMENT_PCRS; i++) {
		if ((d.pcrs >> i & 1) == 0)
			continue;
		body_text(b, "%s\"%u\":", comma, i);
		body_hex(b, d.pcr[i]);
		comma = ",";
	}
	body_text(b, "},\"certificate\":");
	body_base64(b, d.certificate);
	for (size_t i = 0; i < d.certs; i++) {
		body_text(b, "%s", i > 0 ? "," : ",\"cabundle\":[");
		body_base64(b, d.cabundle[i]);
	}
	body_text(b, "]");
	put_hex_or_null(b, "public_key", d.public_key);
	put_hex_or_null(b, "user_data", d.user_data);
	put_hex_or_null(b, "nonce", d.nonce);
	put_claims(b, d.user_data);
	body_text(b, "}}\n");
}

static void put_record(struct body *b, struct slice record)
{
	struct touch_record t;

	if (touch_parse(record, &t) != RC_OK)
		return;
	body_text(b, "{\"number\":%" PRIu64 ",\"time\":%" PRIu64 ",\"operation\":", t.number,
	          t.time_s);
	body_quote(b, t.operation);
	body_text(b, ",\"user\":");
	body_quote(b, t.user);
	body_text(b, ",\"summary\":");
	body_quote(b, t.summary);
	body_text(b, ",\"digest\":");
	body_hex(b, t.digest);
	body_text(b, ",\"record\":");
	body_base64(b, record);
	body_text(b, "}");
}

static void put_touch(const struct reply *r, const struct https_facts *f, struct body *b)
{
	uint64_t end = r->next > 0 ? r->next : r->touches + 1;
	uint8_t record[TOUCH_RECORD_MAX];

	body_text(b, "{\"touches\":%" PRIu64 ",\"head\":", r->touches);
	body_hex(b, slice_of(r->touch_head, SHA384_LEN));
	body_text(b, ",\"first\":%" PRIu64 ",\"base\":", r->first);
	body_hex(b, slice_of(r->base, SHA384_LEN));
	body_text(b, ",\"records\":[");
	for (uint64_t n = r->first; n < end; n++) {
		body_text(b, "%s", n > r->first ? "," : "");
		put_record(b, slice_of(record, f->touch_record(n, record)));
	}
	if (r->next > 0)
		body_text(b, "],\"next\":%" PRIu64 "}\n", r->next);
	else
		body_text(b, "],\"next\":null}\n");
}

static void put_manifest(const struct https_facts *f, struct body *b)
{
	struct sha384 h;
	uint8_t digest[SHA384_LEN];
	struct manifest m;

	body_text(b, "{");
	if (manifest_parse(f->manifest, &m) == RC_OK) {
		body_text(b, "\"version\":%d,\"channel\":\"%s\",\"command\":[", MANIFEST_VERSION,
		          m.channel == CHANNEL_OPEN ? "open" : "off");
		for (size_t i = 0; i < m.argc; i++) {
			body_text(b, "%s", i > 0 ? "," : "");
			body_quote(b, m.argv[i]);
		}
		body_text(b, "],");
	}
	sha384_init(&h);
	sha384_update(&h, f->manifest.p, f->manifest.len);
	sha384_final(&h, digest);
	body_text(b, "\"sha384\":");
	body_hex(b, slice_of(digest, sizeof digest));
	body_text(b, ",\"manifest\":");
	body_base64(b, f->manifest);
	body_text(b, "}\n");
}

static void put_body(const struct reply *r, const struct https_facts *f, struct body *b)
{
	switch (r->route) {
	case ROUTE_EMPTY: break;
	case ROUTE_TEXT: body_bytes(b, r->body.p, r->body.len); break;
	case ROUTE_TOUCH: put_touch(r, f, b); break;
	case ROUTE_MANIFEST: put_manifest(f, b); break;
	case ROUTE_DOCUMENT:
		if (r->json)
			put_document(b, r->body);
		else
			body_bytes(b, r->body.p, r->body.len);
		break;
	case ROUTE_ERROR:
		body_text(b, "{\"error\":\"%s\",\"detail\":", r->error);
		body_quote(b, slice_str(r->detail));
		body_text(b, "}\n");
		break;
	}
}

/* --- the whole answer --------------------------------------------------------------------- */

static const char *phrase(unsigned status)
{
	switch (status) {
	case 200: return "OK";
	case 204: return "No Content";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 417: return "Expectation Failed";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "";
	}
}

/* IMF-fixdate (RFC 9110 §5.6.7) */
static void put_date(struct body *b, int64_t now_s)
{
	static const char days[] = "SunMonTueWedThuFriSat",
			  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = now_s;
	struct tm tm;

	if (gmtime_r(&t, &tm))
		body_text(b, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
		          days + (ptrdiff_t)3 * tm.tm_wday, tm.tm_mday,
		          months + (ptrdiff_t)3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
		          tm.tm_min, tm.tm_sec);
}

static void put_head(const struct reply *r, struct body *b)
{
	body_text(b, "HTTP/1.1 %u %s\r\n", r->status, phrase(r->status));
	put_date(b, r->now_s);
	if (r->route != ROUTE_EMPTY)
		body_text(b,
		          "Content-Type: %s\r\nContent-Length: %" PRIu64 "\r\n"
		          "X-Content-Type-Options: nosniff\r\n",
		          r->type, r->body_len);
	if (r->status == 204 || r->status == 405)
		body_text(b, "Allow: GET, HEAD, OPTIONS\r\n");
	if (r->retry)
		body_text(b, "Retry-After: 1\r\n");
	if (r->close || r->http10)
		body_text(b, "Connection: %s\r\n", r->close ? "close" : "keep-alive");
	body_text(b, "Cache-Control: no-store\r\n\r\n");
}

void routes_put(const struct reply *r, const struct https_facts *f, struct body *b)
{
	put_head(r, b);
	if (!r->head)
		put_body(r, f, b);
}

static void measure(struct reply *r, const struct https_facts *f)
{
	struct body b = { 0 };

	put_body(r, f, &b);
	r->body_len = b.at;
}

static void route(struct reply *r, const struct http *q, const struct https_facts *f, uint8_t *work)
{
	struct slice path = slice_of(q->path, q->path_len);
	struct body b = { .w = wbuf_of(work, ROUTES_WORK) };
	size_t i = 0, count = sizeof routes / sizeof *routes;

	if (path.len > 1 && path.p[path.len - 1] == '/')
		path.len--;
	while (i < count && !slice_is(path, routes[i].path))
		i++;
	if (i == count && !(q->method == HTTP_OPTIONS && slice_is(path, "*")))
		fail(r, 404, "not found", "see / for what there is");
	else if (q->method == HTTP_OPTIONS)
		r->status = 204;
	else if (q->method == HTTP_OTHER)
		fail(r, 405, "method not allowed", "GET, HEAD or OPTIONS");
	else
		routes[i].start(r, q, f, &b);
}

void routes_start(struct reply *r, const struct http *q, const struct https_facts *f, uint8_t *work,
                  int64_t now_s)
{
	memset(r, 0, sizeof *r);
	r->route = ROUTE_EMPTY;
	r->status = 200;
	r->now_s = now_s;
	r->http10 = q->http10;
	r->close = q->state == HTTP_BAD || !q->keep_alive;
	r->head = q->method == HTTP_HEAD;
	if (q->state == HTTP_BAD)
		fail(r, q->status, "bad request", q->why);
	else
		route(r, q, f, work);
	if (r->nonce_len == 0)
		measure(r, f);
}

void routes_document(struct reply *r, enum rc rc, struct slice document,
                     const struct https_facts *f)
{
	r->nonce_len = 0;
	r->body = document;
	r->retry = rc == RC_LIMIT;
	if (r->retry)
		fail(r, 503, "busy", "too many documents are asked for");
	else if (rc != RC_OK)
		fail(r, 500, "internal error", "the security module gave no document");
	measure(r, f);
}
