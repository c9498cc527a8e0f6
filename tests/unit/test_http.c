#include "tests/unit/test.h"

#include "attest/http.h"

/* What became of a request: all that its reader can see. */
struct seen {
	enum http_state state;
	unsigned status;
	size_t used;
	enum http_method method;
	bool close, expect, want_json;
	char path[HTTP_PATH_MAX + 1], query[HTTP_QUERY_MAX + 1];
};

static struct slice line; /* HTTP_HEAD_MAX bytes in front of a guard page */

static size_t feed(struct http *p, struct slice s)
{
	struct slice in = test_guard(s);
	size_t used = 0, n;

	do {
		n = http_feed(p, slice_of(in.p + used, in.len - used));
		used += n;
	} while (n > 0 && p->state < HTTP_DONE);
	test_unguard(in);
	return used;
}

static struct seen look(const struct http *p, size_t used)
{
	struct seen s = { .state = p->state, .status = p->status, .used = used };

	if (p->state != HTTP_DONE)
		return s;
	s.method = p->method;
	s.close = p->close;
	s.expect = p->expect;
	s.want_json = p->want_json;
	memcpy(s.path, p->path, p->path_len);
	memcpy(s.query, p->query, p->query_len);
	return s;
}

static struct seen whole(struct slice s)
{
	struct http p;
	size_t used;

	http_begin(&p, (uint8_t *)(uintptr_t)line.p);
	used = feed(&p, s);
	return look(&p, used);
}

static struct seen text(const char *s)
{
	return whole(slice_str(s));
}

/* Every prefix, every split in two, and byte by byte: the same outcome. */
static void test_portions(void)
{
	static const char *requests[] = {
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nGET /touch/?from=3&x=%41 HTTP/1.0\r\nConnection: keep-alive\r\nAccept: a/b, "
		"application/json;q=1\r\n\r\n",
		"POST http://a:1/b HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 12\r\nExpect: "
		"100-continue\r\n\r\nhello, world",
		"PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\\\" e\" "
		"\t; "
		"f\r\nhello\r\n00B\r\n01234567890\r\n0\r\nX: y\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		struct slice s = slice_str(requests[i]);
		struct seen all = whole(s), two;
		struct http p;

		CHECK(all.state == HTTP_DONE && all.used == s.len);
		for (size_t n = 0; n < s.len; n++) {
			http_begin(&p, (uint8_t *)(uintptr_t)line.p);
			CHECK(feed(&p, slice_of(s.p, n)) == n && p.state < HTTP_DONE);
			two = look(&p, n + feed(&p, slice_of(s.p + n, s.len - n)));
			CHECK(memcmp(&two, &all, sizeof all) == 0);
		}
		http_begin(&p, (uint8_t *)(uintptr_t)line.p);
		for (size_t n = 0; n < s.len; n++)
			CHECK(feed(&p, slice_of(s.p + n, 1)) == 1);
		two = look(&p, s.len);
		CHECK(memcmp(&two, &all, sizeof all) == 0);
	}
}

/* Each byte of a request replaced by each other one: never a read outside,
 * never more taken than there is; with a control byte it is never taken. */
static void test_bytes(void)
{
	char s[] = "GET /a?b=%41 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
	size_t head = sizeof s - 1 - 3;

	for (size_t i = 0; i < sizeof s - 1; i++) {
		char was = s[i];

		for (unsigned c = 0; c < 256; c++) {
			struct seen seen;

			s[i] = (char)c;
			seen = whole(slice_of(s, sizeof s - 1));
			CHECK(seen.used <= sizeof s - 1);
			if (c < ' ' && c != '\r' && c != '\n' && c != '\t' && i < head)
				CHECK(seen.state != HTTP_DONE);
		}
		s[i] = was;
	}
}

#define HOST "Host: a\r\n"

static void test_refused(void)
{
	static const struct {
		unsigned status;
		const char *text;
	} cases[] = {
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\n" HOST "\n" },
		{ 400, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET  / HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET / HTTP/1.1 \r\n" HOST "\r\n" },
		{ 400, "GET / HTTP/1.10\r\n" HOST "\r\n" },
		{ 400, "GET / http/1.1\r\n" HOST "\r\n" },
		{ 505, "GET / HTTP/2.0\r\n" HOST "\r\n" },
		{ 505, "GET / HTTP/0.9\r\n" HOST "\r\n" },
		{ 400, "GET a HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET * HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET http:// HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET http://:80/ HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET /% HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET /%4 HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET /%00 HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET /?%0g HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET /a\\b HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST " a: b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST "a : b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST "a: b\x7f\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n" },
		{ 413, "GET / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n" },
		{ 413, "GET / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST
		       "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST
		       "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 501, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n" },
		{ 400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST
		       "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n" },
		{ 501, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n" },
		{ 417, "GET / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct seen s = text(cases[i].text);

		if (!CHECK(s.state == HTTP_BAD && s.status == cases[i].status))
			printf("  %s: state %d, status %u\n", cases[i].text, s.state, s.status);
	}
}

static void test_chunks(void)
{
	static const struct {
		unsigned status;
		const char *body;
	} cases[] = {
		{ 0, "0\r\n\r\n" },
		{ 0, "1\r\na\r\n0\r\n\r\n" },
		{ 0, "000000000000000000001\r\na\r\n0\r\nA: b\r\n\r\n" },
		{ 0, "1 ;a\r\na\r\n0\r\n\r\n" },
		{ 0, "0\r\nContent-Length: x\r\nHost: y\r\nExpect: z\r\n\r\n" }, /* ignored there */
		{ 400, "\r\n" },
		{ 400, "g\r\n" },
		{ 400, " 1\r\n" },
		{ 400, "1 \r\n" },
		{ 400, "0x1\r\n" },
		{ 400, "1;a=\"b\r\n" },
		{ 400, "1;a=\"b\\\r\n" },
		{ 400, "1\na\r\n" },
		{ 400, "1\r\nab\r\n" },
		{ 400, "1\r\na0\r\n\r\n" },
		{ 400, "10000000000000000\r\n" },
		{ 413, "fffffffffffffff\r\n" },
		{ 413, "10001\r\n" },
		{ 400, "0\r\na b\r\n\r\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char all[256];
		struct seen s;

		(void)snprintf(all, sizeof all,
		               "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n%s",
		               cases[i].body);
		s = text(all);
		if (!CHECK(s.status == cases[i].status &&
		           s.state == (s.status ? HTTP_BAD : HTTP_DONE)))
			printf("  %s: state %d, status %u\n", cases[i].body, s.state, s.status);
	}
}

static struct seen filled(const char *before, size_t n, const char *after)
{
	static char all[3 * HTTP_BODY_MAX];
	size_t len = strlen(before);

	memcpy(all, before, len);
	memset(all + len, 'a', n);
	memcpy(all + len + n, after, strlen(after));
	return whole(slice_of(all, len + n + strlen(after)));
}

static void test_bounds(void)
{
	static const char start[] = "GET / HTTP/1.1\r\n" HOST "x:", end[] = "\r\n\r\n";
	static const char many[] = "GET / HTTP/1.1\r\n" HOST;
	size_t room = HTTP_HEAD_MAX - strlen(start) - strlen(end);
	char all[2048];
	size_t n;

	CHECK(filled(start, room, end).state == HTTP_DONE);
	CHECK(filled(start, room + 1, end).status == 431);
	CHECK(filled("GET /?", HTTP_QUERY_MAX, " HTTP/1.1\r\n" HOST "\r\n").state == HTTP_DONE);
	CHECK(filled("GET /?", HTTP_QUERY_MAX + 1, " HTTP/1.1\r\n" HOST "\r\n").status == 414);
	CHECK(filled("GET /", HTTP_HEAD_MAX, "").status == 414);
	CHECK(filled("", HTTP_HEAD_MAX, "").status == 0);
	CHECK(filled("", HTTP_HEAD_MAX + 1, "").status == 414);
	CHECK(filled("GET /", HTTP_PATH_MAX - 1, " HTTP/1.1\r\n" HOST "\r\n").path[1] == 'a');
	CHECK(filled("GET /", HTTP_PATH_MAX, " HTTP/1.1\r\n" HOST "\r\n").path[0] == '\0');
	CHECK(filled("PUT / HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n", HTTP_BODY_MAX, "")
	              .state == HTTP_DONE);
	CHECK(filled("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfff0\r\n", 0xfff0,
	             "\r\n0\r\n\r\n")
	              .state == HTTP_DONE);
	CHECK(filled("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfff0\r\n", 0xfff0,
	             "\r\n0\r\na:b\r\nc:d\r\n\r\n")
	              .status == 413);
	for (unsigned fields = HTTP_FIELDS_MAX; fields <= HTTP_FIELDS_MAX + 1; fields++) {
		n = (size_t)snprintf(all, sizeof all, "%s", many);
		for (unsigned i = 1; i < fields; i++)
			n += (size_t)snprintf(all + n, sizeof all - n, "a%u:b\r\n", i);
		(void)snprintf(all + n, sizeof all - n, "\r\n");
		CHECK(text(all).status == (fields > HTTP_FIELDS_MAX ? 431 : 0));
	}
}

static void test_meaning(void)
{
	struct seen s =
		text("HEAD /%74ouch?a=%2f HTTP/1.1\r\nHOST: a:1\r\nconnection: x, CLOSE\r\n\r\n");

	CHECK(s.method == HTTP_HEAD && s.close && strcmp(s.path, "/touch") == 0);
	CHECK(strcmp(s.query, "a=%2f") == 0 && !s.want_json);
	s = text("OPTIONS * HTTP/1.0\r\nAccept: application/json\r\n\r\n");
	CHECK(s.method == HTTP_OPTIONS && strcmp(s.path, "*") == 0 && s.want_json);
	s = text("get https://[::1]:8443?x HTTP/1.9\r\n" HOST "\r\n");
	CHECK(s.method == HTTP_OTHER && strcmp(s.path, "/") == 0 && !s.close);
	/* What comes behind a request is left. */
	CHECK(text("GET / HTTP/1.1\r\n" HOST "\r\nGET /").used ==
	      strlen("GET / HTTP/1.1\r\n" HOST "\r\n"));
	CHECK(!text("GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n").expect);
	CHECK(!text("PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na").expect);
	CHECK(text("PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\na")
	              .expect);
}

static void test_query(void)
{
	struct http p;
	char out[4];
	size_t len = 9;

	http_begin(&p, (uint8_t *)(uintptr_t)line.p);
	(void)feed(&p, slice_str("GET /?a=1&b=%41%3d2&c&a=2&d=12345&e=%31234 HTTP/1.1\r\n" HOST
	                         "\r\n"));
	CHECK(http_query(&p, "a", out, sizeof out, &len) == RC_BAD);
	CHECK(http_query(&p, "b", out, sizeof out, &len) == RC_OK && len == 3);
	CHECK(memcmp(out, "A=2", 3) == 0);
	CHECK(http_query(&p, "c", out, sizeof out, &len) == RC_OK && len == 0);
	CHECK(http_query(&p, "d", out, sizeof out, &len) == RC_LIMIT);
	CHECK(http_query(&p, "e", out, sizeof out, &len) == RC_OK && len == 4);
	CHECK(http_query(&p, "f", out, sizeof out, &len) == RC_ABSENT);
	CHECK(http_query(&p, "", out, sizeof out, &len) == RC_ABSENT);
}

int main(void)
{
	static const uint8_t zero[HTTP_HEAD_MAX];

	line = test_guard(slice_of(zero, sizeof zero));
	test_portions();
	test_bytes();
	test_refused();
	test_chunks();
	test_bounds();
	test_meaning();
	test_query();
	test_unguard(line);
	return test_end();
}
