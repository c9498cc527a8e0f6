/* Every request of ../shared/vectors/http, as bytes of one connection, through
 * the parser and the routes: whether its INDEX.json verdict is kept. Where
 * suites disagree, with the RFC or each other, `overruled` below says what
 * holds here, and why. */
#include "tests/unit/test.h"

#include <jansson.h>

#include "attest/routes.h"

#define VECTORS "../shared/vectors/http"

#define LLHTTP "llhttp/"

enum { ANSWERS = 16 };

struct outcome {
	unsigned count, status[ANSWERS];
	bool closed;  /* by us */
	bool waiting; /* for the rest of a request */
};

/* verdict: in the words of holds(). */
static const struct {
	const char *file, *verdict, *why;
} overruled[] = {
	{ "http11probe/MAL-EMPTY-REQUEST.req", "nothing", "no byte was sent" },
	{ "http11probe/MAL-INCOMPLETE-REQUEST.req", "incomplete",
	  "cut in a field: the rest is awaited until the deadline" },
	{ "gunicorn/invalid-rfc9112_chunked_missing_final_crlf_01.req", "incomplete",
	  "cut before the last line: likewise" },
	{ LLHTTP "invalid-Invalid_HTTP_version-request.req", "incomplete",
	  "the request line has no end yet: likewise" },
	{ "http-garden/Server-32-_Content-Length_headers_are_interpreted_with_str.req",
	  "incomplete", "010 is ten (RFC 9110 §8.6), of which eight bytes are there" },
	{ "http11probe/COMP-CHUNKED-EMPTY.req", "405",
	  "read as it should be; nothing takes a POST" },
	{ "http11probe/COMP-RANGE-POST.req", "405", "likewise" },
	{ "http11probe/COMP-UNKNOWN-METHOD.req", "405", "one of the answers it asks for" },
	{ "http11probe/COMP-405-ALLOW.req", "405", "is what it asks for" },
	{ "gunicorn/invalid-011.req", "accept",
	  "that test's own settings bound the number of fields" },
	{ "gunicorn/invalid-012.req", "accept", "likewise their size" },
	{ "gunicorn/invalid-041.req", "accept", "two Content-Types of a body that nobody reads" },
	{ "gunicorn/invalid-chunked_07.req", "accept",
	  "Transfer_Encoding is another field (RFC 9110 §5.1); nothing here maps names" },
	{ "gunicorn/valid-005.req", "400", "a fragment is no part of a target (RFC 9112 §3.2)" },
	{ "llhttp/uri-Fragment_in_URI-request.req", "400", "likewise" },
	{ "gunicorn/valid-099.req", "incomplete", "its body is cut" },
	{ "gunicorn/valid-compat_obs_fold.req", "400", "the same bytes as invalid-obs_fold_01" },
	{ "gunicorn/valid-pp_04.req", "400", "the PROXY protocol is not spoken here" },
	{ LLHTTP "connection-No_restart_when_keep-alive_is_off_1.0_-request.req", "404",
	  "the first of two is answered, then it is closed: the second is never read" },
	{ LLHTTP "invalid-Spaces_before_headers_lenient_-request-lenient-headers.req", "400",
	  "a switch of that parser that violates RFC 9112 §5.2" },
	{ LLHTTP "lenient-headers-Header_value_lenient_-request-lenient-headers.req", "400",
	  "likewise RFC 9110 §5.5" },
	{ LLHTTP "lenient-version-Invalid_HTTP_version_lenient_-request-lenient-version.req", "505",
	  "likewise RFC 9110 §2.5" },
	{ LLHTTP "method-M-SEARCH_request-request.req", "400",
	  "* is for OPTIONS (RFC 9112 §3.2.4)" },
	{ LLHTTP "method-ANNOUNCE_request_with_RTSP-request.req", "400", "is not HTTP" },
	{ LLHTTP
	  "transfer-encoding-POST_with_chunked_before_other_transfer-coding_lenient_-request-"
	  "lenient-.req",
	  "reject", "the last coding must be chunked (RFC 9112 §6.3)" },
	{ LLHTTP
	  "transfer-encoding-POST_with_chunked_and_duplicate_transfer-encoding_lenient_-request-"
	  "lenie.req",
	  "reject", "likewise" },
	{ LLHTTP "transfer-encoding-POST_with_chunked_as_last_transfer-encoding-request.req",
	  "reject", "we decode no deflate (RFC 9112 §6.1: 501)" },
	{ LLHTTP "uri-_host_port_and_basic_auth-request.req", "400",
	  "a user name in a target is an error (RFC 9110 §4.2.4)" },
};

static void no_metrics(struct body *w)
{
	(void)w;
}

static bool no_head(uint64_t n, uint8_t head[SHA384_LEN])
{
	memset(head, 0, SHA384_LEN);
	return n == 0;
}

static struct https_facts facts = {
	.why = "", .ready = true, .metrics = no_metrics, .touch_after = no_head
};

static void serve(struct slice in, size_t step, struct outcome *o)
{
	static uint8_t work[ROUTES_WORK];
	struct http q;
	struct reply r;

	memset(o, 0, sizeof *o);
	http_begin(&q, work);
	while (in.len > 0 && !o->closed && o->count < ANSWERS) {
		size_t n = http_feed(&q, slice_of(in.p, in.len < step ? in.len : step));
		struct slice taken;

		(void)slice_take(&in, n, &taken);
		if (q.state < HTTP_DONE)
			continue;
		routes_start(&r, &q, &facts, work, 0);
		o->status[o->count++] = r.nonce_len > 0 ? 200 : r.status;
		o->closed = r.close;
		http_begin(&q, work);
	}
	o->waiting = !o->closed && (q.state != HTTP_START || q.line.len > 0 || q.begun);
}

static bool refused(const struct outcome *o)
{
	unsigned last = o->count > 0 ? o->status[o->count - 1] : 0;

	return o->closed && last >= 400 && last != 404 && last != 405;
}

/* What the connection came to, in the words of the verdicts. */
static bool holds(const char *verdict, const struct outcome *o)
{
	unsigned first = o->count > 0 ? o->status[0] : 0;

	if (strcmp(verdict, "reject") == 0)
		return refused(o);
	if (strcmp(verdict, "reject-or-safe") == 0)
		return refused(o) || o->count == 1;
	if (strcmp(verdict, "accept") == 0)
		return o->count > 0 && !refused(o) && !o->waiting;
	if (strcmp(verdict, "2xx") == 0)
		return first / 100 == 2 && !o->waiting;
	if (strcmp(verdict, "incomplete") == 0)
		return o->count == 0 && o->waiting;
	if (strcmp(verdict, "nothing") == 0)
		return o->count == 0 && !o->waiting && !o->closed;
	if (strcmp(verdict, "sequence") == 0) /* each file is one request of it */
		return o->count == 1 && !o->waiting;
	if (strcmp(verdict, "see-expected") == 0) /* all of these forbid an interim answer */
		return o->count == 1 && first >= 200;
	if (strcmp(verdict, "either") == 0)
		return o->count > 0 || o->waiting;
	return o->count == 1 && first == (unsigned)atoi(verdict) && (first != 400 || o->closed);
}

static const char *verdict_of(const json_t *e, const char *file)
{
	const char *status = json_string_value(json_object_get(e, "expected_status"));
	const char *text = json_string_value(json_object_get(e, "expected_text"));

	for (size_t i = 0; i < sizeof overruled / sizeof *overruled; i++)
		if (strcmp(overruled[i].file, file) == 0)
			return overruled[i].verdict;
	if (status && strcmp(status, "Exact(400)") == 0)
		return "400";
	if (text && strncmp(text, "2xx", 3) == 0 && !strstr(file, ".step"))
		return "2xx";
	return json_string_value(json_object_get(e, "expected"));
}

static void print(const char *file, const char *verdict, const struct outcome *o)
{
	printf("%s: %s expected, answered", file, verdict);
	for (unsigned i = 0; i < o->count; i++)
		printf(" %u", o->status[i]);
	printf("%s%s\n", o->closed ? ", closed" : "", o->waiting ? ", waiting" : "");
}

static struct slice load(const char *file)
{
	static uint8_t bytes[1 << 20];
	char path[512];
	FILE *f;
	size_t n = 0;

	(void)snprintf(path, sizeof path, VECTORS "/%s", file);
	f = fopen(path, "rb");
	if (CHECK(f)) {
		n = fread(bytes, 1, sizeof bytes, f);
		fclose(f);
	}
	return slice_of(bytes, n);
}

/* A Host for every request of HTTP/1.1 that has none. */
static struct slice with_host(struct slice in)
{
	static uint8_t bytes[1 << 20];
	static const char version[] = " HTTP/1.1\r\n", host[] = "Host: a\r\n";
	struct wbuf w = wbuf_of(bytes, sizeof bytes);

	for (size_t i = 0; i < in.len; i++) {
		wbuf_u8(&w, in.p[i]);
		if (w.len >= sizeof version - 1 &&
		    memcmp(w.p + w.len - sizeof version + 1, version, sizeof version - 1) == 0)
			wbuf_put(&w, host, sizeof host - 1);
	}
	return wbuf_slice(&w);
}

static bool has_host(struct slice in)
{
	for (size_t i = 0; i + 6 < in.len; i++)
		if (in.p[i] == '\n' && strncasecmp((const char *)in.p + i + 1, "host:", 5) == 0)
			return true;
	return false;
}

static void check_file(const char *file, const char *verdict)
{
	struct slice in = load(file);
	struct outcome whole, bytewise;

	/* Many parsers' suites leave Host out, which is refused (RFC 9112 §3.2,
	 * and Http11Probe's MISSING-HOST): once as it is, then with one. */
	if (!has_host(in) && strcmp(verdict, "accept") == 0 &&
	    memmem(in.p, in.len, "HTTP/1.1", 8)) {
		serve(in, SIZE_MAX, &whole);
		if (memmem(in.p, in.len, "HTTP/1.0", 8) == NULL)
			CHECK(refused(&whole) && whole.count == 1);
		in = with_host(in);
	} else if (!has_host(in) && strcmp(verdict, "incomplete") == 0) {
		in = with_host(in);
	}
	serve(in, SIZE_MAX, &whole);
	serve(in, 1, &bytewise);
	CHECK(memcmp(&whole, &bytewise, sizeof whole) == 0);
	if (!CHECK(holds(verdict, &whole)))
		print(file, verdict, &whole);
}

/* Two requests on one connection stay two, whatever the first one carried. */
static void check_pair(const char *first, const char *second)
{
	static uint8_t bytes[4096];
	struct wbuf w = wbuf_of(bytes, sizeof bytes);
	struct outcome o;
	struct slice s = load(first);

	wbuf_put(&w, s.p, s.len);
	s = load(second);
	wbuf_put(&w, s.p, s.len);
	serve(wbuf_slice(&w), SIZE_MAX, &o);
	if (!CHECK(o.count == 2 && !o.closed && !o.waiting))
		print(first, "two answers", &o);
}

#define PROBE "http11probe/SMUG-"

int main(void)
{
	json_error_t error;
	json_t *index = json_load_file(VECTORS "/INDEX.json", 0, &error), *e;
	size_t i;

	if (!index) {
		printf("skipped: no " VECTORS "\n");
		return test_end();
	}
	CHECK(json_array_size(index) > 0);
	json_array_foreach(index, i, e)
	{
		const char *file = json_string_value(json_object_get(e, "file"));

		check_file(file, verdict_of(e, file));
	}
	check_pair(PROBE "PIPELINE-SAFE.step1.req", PROBE "PIPELINE-SAFE.step1.req");
	check_pair(PROBE "GET-CL-BODY-DESYNC.step1.req", PROBE "GET-CL-BODY-DESYNC.step2.req");
	check_pair(PROBE "EXPECT-100-CL-DESYNC.step1.req", PROBE "EXPECT-100-CL-DESYNC.step2.req");
	check_pair(PROBE "OPTIONS-CL-BODY-DESYNC.step1.req",
	           PROBE "GET-CL-PREFIX-DESYNC.step2.req");
	json_decref(index);
	return test_end();
}
