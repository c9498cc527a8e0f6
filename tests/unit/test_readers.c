/* The strict readers of what `casemate attest` fetches and people hand it:
 * base64, hex, PEM, JSON, measurements, pages of the touch log, HTTP responses,
 * URLs. */
#include "attest/touch.h"
#include "tests/unit/test.h"
#include "tools/casemate/base64.h"
#include "tools/casemate/http_reply.h"
#include "tools/casemate/jsonread.h"
#include "tools/casemate/measurements.h"
#include "tools/casemate/pem.h"
#include "tools/casemate/touchpage.h"
#include "tools/casemate/url.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Calls read on s against a guard page. */
static enum rc decode(const char *s, enum rc (*read)(struct slice, struct wbuf *), char *out)
{
	struct slice in = test_guard(slice_str(s));
	struct wbuf w = wbuf_of(out, 8);
	enum rc rc = read(in, &w);

	test_unguard(in);
	out[w.len] = '\0';
	return rc;
}

static void encodings(void)
{
	static const char *const good[][2] = {
		{ "", "" },
		{ "Zg==", "f" },
		{ "Zm8=", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9vYg==", "foob" },
		{ "Zm9vYmE=", "fooba" },
		{ "Zm9vYmFy", "foobar" },
		{ "+/+/", "\xfb\xff\xbf" },
	};
	static const char *const bad[] = { "Z",    "Zg",   "Zg=",      "Zh==",     "Zm9=",
		                           "====", "Z===", "Zm9v\n",   "Zm 9",     "Zm-_",
		                           "=Zg=", "Zg=a", "Zg==Zg==", "Zm9vZg=a", "Zm9\xff" };
	char out[16];

	for (size_t i = 0; i < COUNT(good); i++)
		CHECK(decode(good[i][0], base64_read, out) == RC_OK &&
		      strcmp(out, good[i][1]) == 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!CHECK(decode(bad[i], base64_read, out) == RC_BAD))
			printf("  %s\n", bad[i]);
	CHECK(decode("Zm9vYmFyZm9v", base64_read, out) == RC_LIMIT);
	CHECK(decode("6a6B", hex_read, out) == RC_OK && strcmp(out, "jk") == 0);
	CHECK(decode("6", hex_read, out) == RC_BAD);
	CHECK(decode("6g", hex_read, out) == RC_BAD);
	CHECK(decode("0x", hex_read, out) == RC_BAD);
	CHECK(decode("000000000000000000", hex_read, out) == RC_LIMIT);
}

static enum rc pem(const char *text, char *out)
{
	struct slice in = test_guard(slice_str(text));
	struct wbuf w = wbuf_of(out, 8);
	enum rc rc = pem_read(in, "KEY", &w);

	test_unguard(in);
	out[w.len] = '\0';
	return rc;
}

static void pems(void)
{
	char out[16];

	CHECK(pem("-----BEGIN KEY-----\nZm9v\r\nYmFy\n-----END KEY-----\n", out) == RC_OK);
	CHECK(strcmp(out, "foobar") == 0);
	CHECK(pem("text\n-----BEGIN X-----\nZg==\n-----END X-----\n"
	          "-----BEGIN KEY-----\nZg==\n-----END KEY-----",
	          out) == RC_OK);
	CHECK(strcmp(out, "f") == 0);
	CHECK(pem("", out) == RC_ABSENT);
	CHECK(pem("-----BEGIN KEYS-----\nZg==\n-----END KEYS-----\n", out) == RC_ABSENT);
	CHECK(pem(" -----BEGIN KEY-----\nZg==\n-----END KEY-----\n", out) == RC_ABSENT);
	CHECK(pem("-----BEGIN KEY-----\nZg==\n", out) == RC_BAD);
	CHECK(pem("-----BEGIN KEY-----\nZ:g==\n-----END KEY-----\n", out) == RC_BAD);
	CHECK(pem("-----BEGIN KEY-----\nZm9vYmFyZm9v\n-----END KEY-----\n", out) == RC_LIMIT);
}

/* --- JSON ---------------------------------------------------------------------------- */

static enum rc skip(const char *text, size_t n)
{
	struct slice in = test_guard(slice_of(text, n));
	struct jsonread j = jsonread_of(in);
	enum rc rc;

	jsonread_skip(&j);
	rc = jsonread_end(&j);
	test_unguard(in);
	return rc;
}

static void jsonread_values(void)
{
	static const char *const good[] = {
		"null",
		"true",
		"false",
		"0",
		"-0",
		"12",
		"-1.5e+3",
		"1E9",
		"0.0",
		"\"\"",
		"\"\\u00e9\\n\\\"\"",
		"[]",
		"{}",
		"[1,[2],{\"a\":[]}]",
		" { \"a\" : 1 , \"b\":2 } ",
		"\"\xc3\xa9\"",
	};
	static const char *const bad[] = {
		"nul",     "True",     "01",     "-",           "1.",    ".5",     "1e",
		"+1",      "\"\\x\"",  "\"\n\"", "\"\\u12g4\"", "[1 2]", "[1,]",   "[,1]",
		"{\"a\"}", "{a:1}",    "{,}",    "{\"a\":1,}",  "1 2",   "[1}",    "{\"a\":1]",
		"]",       "{\"a\":}", "\"a\"b", "'a'",         "1e+",   "[1,,2]", "{\"a\" 1}",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		if (!CHECK(skip(good[i], strlen(good[i])) == RC_OK))
			printf("  %s\n", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!CHECK(skip(bad[i], strlen(bad[i])) != RC_OK))
			printf("  %s\n", bad[i]);
	for (size_t k = 0; k + 1 < strlen(good[13]); k++)
		CHECK(skip(good[13], k) == RC_EOF);
	CHECK(skip("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", 33) == RC_OK);
	CHECK(skip("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 35) == RC_LIMIT);
	CHECK(skip("1\0", 2) == RC_BAD);
	CHECK(skip("\0", 1) == RC_BAD);
}

static enum rc number(const char *text, uint64_t max, uint64_t *v)
{
	struct slice in = test_guard(slice_str(text));
	struct jsonread j = jsonread_of(in);
	enum rc rc;

	*v = jsonread_uint(&j, max);
	rc = jsonread_end(&j);
	test_unguard(in);
	return rc;
}

static void jsonread_numbers(void)
{
	static const char *const bad[] = { "-1", "1.0", "1e2", "01", "\"1\"", "null" };
	uint64_t v;

	CHECK(number("0", 0, &v) == RC_OK && v == 0);
	CHECK(number("18446744073709551615", UINT64_MAX, &v) == RC_OK && v == UINT64_MAX);
	CHECK(number("18446744073709551616", UINT64_MAX, &v) == RC_LIMIT);
	CHECK(number("99999999999999999999999", UINT64_MAX, &v) == RC_LIMIT);
	CHECK(number("100", 100, &v) == RC_OK && v == 100);
	CHECK(number("101", 100, &v) == RC_LIMIT && v == 0);
	CHECK(number("5", 4, &v) == RC_LIMIT);
	CHECK(number("", 4, &v) == RC_EOF);
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(number(bad[i], 100, &v) == RC_BAD);
}

/* --- measurements -------------------------------------------------------------------- */

#define PCR(n, digit) "\"PCR" n "\":\"" digit "\""
#define HEX16(d)      d d d d d d d d d d d d d d d d
#define HEX96(d)      HEX16(d) HEX16(d) HEX16(d) HEX16(d) HEX16(d) HEX16(d)
#define THREE         PCR("0", HEX96("1")) "," PCR("1", HEX96("2")) "," PCR("2", HEX96("a"))

static enum rc measure(const char *text, struct measurements *m)
{
	struct slice in = test_guard(slice_str(text));
	enum rc rc = measurements_parse(in, m);

	test_unguard(in);
	return rc;
}

static void measured(void)
{
	static const char *const bad[] = {
		"{\"Measurements\":{" THREE "," PCR("0", HEX96("1")) "}}",
		"{\"Measurements\":{" PCR("0", HEX96("1") "1") "," THREE "}}",
		"{\"Measurements\":{" PCR("3", HEX96("g")) "," THREE "}}",
		"{\"Measurements\":{" PCR("3", "") "," THREE "}}",
		"{\"Measurements\":{\"PCR3\":1," THREE "}}",
		"{\"Measurements\":{" THREE "},\"Measurements\":{" THREE "}}",
		"{\"Measurements\":{" THREE "}} x",
		"[]",
	};
	struct measurements m;

	CHECK(measure("{\"EifVersion\":4,\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... "
	              "}\"," THREE "},\"x\":[]}\n",
	              &m) == RC_OK);
	CHECK(m.pcrs == 7 && m.pcr[0][47] == 0x11 && m.pcr[1][0] == 0x22 && m.pcr[2][5] == 0xaa);
	CHECK(measure("{\"Measurements\":{" THREE "," PCR("8", HEX96("0")) "}}", &m) == RC_OK);
	CHECK(m.pcrs == 0x107);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!CHECK(measure(bad[i], &m) == RC_BAD))
			printf("  %zu\n", i);
	CHECK(measure("{}", &m) == RC_ABSENT);
	CHECK(measure("{" THREE "}", &m) == RC_ABSENT);
	CHECK(measure("{\"Measurements\":{" PCR("0", HEX96("1")) "}}", &m) == RC_ABSENT);
	CHECK(measure("{\"Measurements\":{" THREE, &m) == RC_EOF);
	CHECK(measurements_index(slice_str("31"), "") == 31);
	CHECK(measurements_index(slice_str("32"), "") == -1);
	CHECK(measurements_index(slice_str("00"), "") == -1);
	CHECK(measurements_index(slice_str(""), "") == -1);
	CHECK(measurements_index(slice_str("1x"), "") == -1);
	CHECK(measurements_index(slice_str("PCR16"), "PCR") == 16);
	CHECK(measurements_index(slice_str("HashAlgorithm"), "PCR") == -1);
}

/* --- pages ---------------------------------------------------------------------------- */

static enum rc page(const char *text, struct touchpage *p)
{
	struct slice in = test_guard(slice_str(text));
	enum rc rc = touchpage_parse(in, p);

	test_unguard(in);
	return rc;
}

static void pages(void)
{
	static const char good[] = "{\"touches\":9,\"head\":\"\",\"first\":5,\"base\":\"" HEX96(
		"b") "\","
		     "\"records\":[{\"number\":5,\"time\":1,\"record\":\"Zm9v\"},"
		     "{\"record\":\"YmFy\"}],\"next\":7}";
	static const char *const bad[] = {
		"{\"first\":5,\"base\":\"" HEX96("b") "\",\"records\":[]}",
		"{\"first\":5,\"first\":5,\"base\":\"" HEX96(
			"b") "\",\"records\":[],\"next\":null}",
		"{\"first\":5,\"base\":\"bb\",\"records\":[],\"next\":null}",
		"{\"first\":5,\"base\":\"" HEX96("b") "\",\"records\":[{}],\"next\":null}",
		"{\"first\":5,\"base\":\"" HEX96(
			"b") "\",\"records\":[{\"record\":\"\"}],\"next\":null}",
		"{\"first\":5,\"base\":\"" HEX96(
			"b") "\",\"records\":[{\"record\":\"Zm9v\",\"record\":"
			     "\"Zm9v\"}],\"next\":null}",
		"{\"first\":\"5\",\"base\":\"" HEX96("b") "\",\"records\":[],\"next\":null}",
		"{\"first\":5,\"base\":\"" HEX96("b") "\",\"records\":[],\"next\":\"7\"}",
	};
	static struct touchpage p;
	char many[4096] = "{\"first\":1,\"base\":\"" HEX96("0") "\",\"next\":null,\"records\":[";

	CHECK(page(good, &p) == RC_OK && p.first == 5 && p.next == 7 && p.records == 2);
	CHECK(p.base[0] == 0xbb && memcmp(p.record[1].bytes, "bar", 3) == 0);
	CHECK(p.record[1].len == 3);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!CHECK(page(bad[i], &p) == RC_BAD))
			printf("  %zu\n", i);
	for (size_t k = 0; k + 1 < sizeof good; k++) {
		struct slice in = test_guard(slice_of(good, k));

		CHECK(touchpage_parse(in, &p) == RC_EOF);
		test_unguard(in);
	}
	for (int i = 0; i < TOUCHPAGE_RECORDS; i++)
		strcat(many, i == 0 ? "{\"record\":\"Zm9v\"}" : ",{\"record\":\"Zm9v\"}");
	strcat(many, "]}");
	CHECK(page(many, &p) == RC_OK && p.records == TOUCHPAGE_RECORDS && p.next == 0);
	many[strlen(many) - 2] = '\0';
	strcat(many, ",{\"record\":\"Zm9v\"}]}");
	CHECK(page(many, &p) == RC_LIMIT);
}

/* --- HTTP ------------------------------------------------------------------------------ */

static enum rc reply(const char *text, size_t n, struct http_reply *r)
{
	struct slice in = test_guard(slice_of(text, n));
	enum rc rc = http_reply_parse(in, 1000, r);

	test_unguard(in);
	return rc;
}

#define OK_LINE "HTTP/1.1 200 OK\r\n"

static void replies(void)
{
	static const char good[] = OK_LINE "Content-Type: x/y\r\ncontent-LENGTH:  12 \r\n"
					   "Connection: close\r\n\r\nhello";
	static const struct {
		const char *text;
		enum rc rc;
	} bad[] = {
		{ OK_LINE "\r\n", RC_DENIED },
		{ OK_LINE "Transfer-Encoding: chunked\r\n\r\n", RC_DENIED },
		{ OK_LINE "Content-Length: 1001\r\n\r\n", RC_LIMIT },
		{ OK_LINE "Content-Length: 99999999999999999999\r\n\r\n", RC_LIMIT },
		{ OK_LINE "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ OK_LINE "Content-Length: +1\r\n\r\n", RC_BAD },
		{ OK_LINE "Content-Length: 1, 1\r\n\r\n", RC_BAD },
		{ OK_LINE "Content-Length:\r\n\r\n", RC_BAD },
		{ OK_LINE "Content-Length : 1\r\n\r\n", RC_BAD },
		{ OK_LINE " Content-Length: 1\r\n\r\n", RC_BAD },
		{ OK_LINE "X: a\r\n b\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ OK_LINE "X\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ OK_LINE ": a\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ OK_LINE "X: \x01\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ OK_LINE "X: a\rb\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ "HTTP/1.1 200 OK\nContent-Length: 1\n\n", RC_BAD },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ "HTTP/1.1 20 OK\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ "HTTP/1.1 600 OK\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ "HTTP/1.1 099 OK\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ "HTTP/1.1  200 OK\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n", RC_BAD },
		{ "SSH-2.0-x\r\n", RC_BAD },
	};
	static char big[HTTP_REPLY_HEAD_MAX + 64];
	struct http_reply r;
	size_t head = sizeof good - 1 - 5;

	CHECK(reply(good, sizeof good - 1, &r) == RC_OK);
	CHECK(r.status == 200 && r.body_len == 12 && r.head_len == head && r.close);
	for (size_t k = 0; k < head; k++)
		CHECK(reply(good, k, &r) == RC_MORE);
	CHECK(reply(good, head, &r) == RC_OK);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!CHECK(reply(bad[i].text, strlen(bad[i].text), &r) == bad[i].rc))
			printf("  %s\n", bad[i].text);
	memset(big, 'x', sizeof big);
	memcpy(big, OK_LINE "X: ", strlen(OK_LINE "X: "));
	CHECK(reply(big, HTTP_REPLY_HEAD_MAX, &r) == RC_MORE);
	CHECK(reply(big, HTTP_REPLY_HEAD_MAX + 1, &r) == RC_LIMIT);
}

static void urls(void)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool name;
	} good[] = {
		{ "https://a.example", "a.example", 443, true },
		{ "HTTPS://a.example:8443/", "a.example", 8443, true },
		{ "https://127.0.0.1:1", "127.0.0.1", 1, false },
		{ "https://[::1]:65535/", "::1", 65535, false },
		{ "https://[2001:db8::1]", "2001:db8::1", 443, false },
	};
	static const char *const bad[] = {
		"http://a",
		"https://",
		"https://:1",
		"https://a:0",
		"https://a:65536",
		"https://a:",
		"https://a:1x",
		"https://a/b",
		"https://a?x",
		"https://u@a",
		"https://[::1",
		"https://::1",
		"https://[a]",
		"https://a b",
		"https://-a",
		"https://[127.0.0.1]",
		"https://a:1:2",
		"https://a\r\nX:1",
		"https://a:0000000001",
	};
	const char *why;
	struct url u;

	for (size_t i = 0; i < COUNT(good); i++) {
		CHECK(url_looks_like(good[i].text) && url_parse(good[i].text, &u, &why));
		CHECK(strcmp(u.host, good[i].host) == 0 && u.port == good[i].port);
		CHECK(u.is_name == good[i].name);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!CHECK(!url_parse(bad[i], &u, &why)))
			printf("  %s\n", bad[i]);
	CHECK(!url_looks_like("vsock:16") && !url_looks_like("unix:/a:b"));
}

int main(void)
{
	encodings();
	pems();
	jsonread_values();
	jsonread_numbers();
	measured();
	pages();
	replies();
	urls();
	return test_end();
}
