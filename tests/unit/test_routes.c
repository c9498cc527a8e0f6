/* The server's answers, as a client that is no verifier reads them. */
#include <jansson.h>

#include "appliance/base/dcbor.h"
#include "attest/claims.h"
#include "tests/unit/https_peer.h"

static json_t *heard_json(void)
{
	json_error_t error;
	json_t *j = json_loads(heard_body(), JSON_REJECT_DUPLICATES, &error);

	CHECK(heard_all() && heard_has("Content-Type: application/json\r\n"));
	if (!CHECK(j))
		printf("  %s: %s\n", error.text, heard_body());
	return j;
}

static bool is_text(const json_t *j, const char *key, const char *text)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s && strcmp(s, text) == 0;
}

static void test_errors(void)
{
	static const struct {
		unsigned status;
		const char *request;
	} cases[] = {
		{ 404, GET("/nothing") },
		{ 404, GET("/health//") },
		{ 404, GET("//health") },
		{ 404, GET("/healthy") },
		{ 404, GET("/../health") },
		{ 405, "DELETE /health HTTP/1.1\r\n" HOST "\r\n" },
		{ 404, "DELETE /nothing HTTP/1.1\r\n" HOST "\r\n" },
		{ 400, GET("/attestation") },
		{ 400, GET("/attestation?nonce=") },
		{ 400, GET("/attestation?nonce=000102030405060708090a0b0c0d0e") },
		{ 400, GET("/attestation?nonce=000102030405060708090a0b0c0d0e0") },
		{ 400, GET("/attestation?nonce=000102030405060708090a0b0c0d0e0g") },
		{ 400, GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f0") },
		{ 400, GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f&nonce=00") },
		{ 400, GET("/touch?from=152") },
		{ 400, GET("/touch?from=") },
		{ 400, GET("/touch?from=-1") },
		{ 400, GET("/touch?from=99999999999999999") },
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
	};

	peer_init();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *j;

		ask(cases[i].request);
		if (!CHECK(heard_status() == cases[i].status))
			printf("  %s: %u\n", cases[i].request, heard_status());
		j = heard_json();
		CHECK(json_is_string(json_object_get(j, "error")));
		CHECK(json_is_string(json_object_get(j, "detail")));
		CHECK(heard_has("Allow: GET") == (cases[i].status == 405));
		json_decref(j);
	}
}

static void test_plain_routes(void)
{
	json_t *j, *two, *one;

	peer_init();
	ask(GET("/"));
	CHECK(heard_status() == 200 && heard_has("Strict-Transport-Security: max-age="));
	json_decref(heard_json());
	ask(GET("/measurements/"));
	j = heard_json();
	CHECK(is_text(j, "module_id", "i-1-enc1") && is_text(j, "version", "1.2.3"));
	CHECK(json_object_size(json_object_get(j, "pcrs")) == 32);
	two = json_object_get(json_object_get(j, "pcrs"), "2");
	CHECK(json_is_true(json_object_get(two, "locked")));
	CHECK(strncmp(json_string_value(json_object_get(two, "value")), "ab00", 4) == 0);
	CHECK(json_is_false(
		json_object_get(json_object_get(json_object_get(j, "pcrs"), "3"), "locked")));
	json_decref(j);
	ask(GET("/manifest"));
	j = heard_json();
	one = json_array_get(json_object_get(j, "services"), 0);
	CHECK(json_array_size(json_object_get(j, "services")) == 1);
	CHECK(is_text(j, "channel", "open") && json_is_false(json_object_get(j, "keep")) &&
	      strlen(json_string_value(json_object_get(j, "manifest"))) ==
	              (facts.manifest.len + 2) / 3 * 4);
	CHECK(is_text(one, "name", "web") && is_text(one, "directory", "/d") &&
	      json_integer_value(json_array_get(json_object_get(one, "ids"), 2)) == 9);
	CHECK(strcmp(json_string_value(json_array_get(json_object_get(one, "environment"), 0)),
	             "A=1") == 0);
	CHECK(strcmp(json_string_value(json_array_get(json_object_get(one, "command"), 0)),
	             "a\"\xC3\xA9") == 0);
	CHECK(json_integer_value(json_array_get(json_object_get(one, "policy"), 10)) == 15);
	json_decref(j);
	ask(GET("/metrics"));
	CHECK(heard_all() && heard_has("\ncasemate_owner_line 1\n") &&
	      heard_has("casemate_touches_total 150\n"));
	CHECK(heard_has("# HELP casemate_owner_line a line of the owner's\n"
	                "# TYPE casemate_owner_line gauge\n") &&
	      heard_has("\n# TYPE casemate_touches_total counter\n"));
	facts.ready = false;
	facts.why = "a \"reason\"";
	ask(GET("/health"));
	CHECK(heard_status() == 503);
	j = heard_json();
	CHECK(is_text(j, "detail", "a \"reason\""));
	json_decref(j);
	facts.ready = true;
	services_why = "a service is not ready";
	ask(GET("/health"));
	CHECK(heard_status() == 503);
	j = heard_json();
	CHECK(is_text(j, "detail", services_why));
	json_decref(j);
	services_why = NULL;
	ask(GET("/health"));
	j = heard_json();
	CHECK(heard_status() == 200 && json_is_true(json_object_get(j, "ready")));
	one = json_array_get(json_object_get(j, "services"), 0);
	CHECK(is_text(one, "name", "web") && is_text(one, "state", "ready"));
	json_decref(j);
	ask("HEAD /health HTTP/1.1\r\n" HOST "\r\n" GET("/health"));
	CHECK(heard_has("Content-Length: 59\r\n") &&
	      strncmp(heard_body(), "HTTP/1.1 200", 12) == 0);
	ask("OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
	CHECK(heard_status() == 204 && heard_has("Allow: GET, HEAD, OPTIONS\r\n"));
	CHECK(!heard_has("Content-Length"));
	ask("PUT /health HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n");
	CHECK(strcmp((char *)peer.heard, "HTTP/1.1 100 Continue\r\n\r\n") == 0);
	say("x", SIZE_MAX);
	CHECK(heard_status() == 405 && !https_done(server));
}

static void test_attestation(void)
{
	json_t *j, *payload;

	peer_init();
	ask("GET /attestation?nonce=000102030405060708090a0b0c0d0e0f HTTP/1.1\r\n" HOST
	    "Accept: application/json\r\n\r\n");
	j = heard_json();
	CHECK(strlen(json_string_value(json_object_get(j, "document"))) ==
	      (document.len + 2) / 3 * 4);
	payload = json_object_get(j, "payload");
	CHECK(json_is_object(payload) && json_is_string(json_object_get(payload, "module_id")));
	CHECK(json_object_size(json_object_get(payload, "pcrs")) >= 16);
	CHECK(json_array_size(json_object_get(payload, "cabundle")) >= 1);
	CHECK(json_is_null(json_object_get(j, "claims"))); /* its user_data is another's */
	json_decref(j);
	document_rc = RC_LIMIT;
	ask(GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f"));
	CHECK(heard_status() == 503 && heard_has("Retry-After: 1\r\n"));
	document_rc = RC_IO;
	ask(GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f"));
	CHECK(heard_status() == 500 && !heard_has("Retry-After"));
	document_rc = RC_OK;
}

/* One of ours: what user_data says is in words. */
static void test_claims(void)
{
	uint8_t claims[CLAIMS_MAX], payload[CLAIMS_MAX + 32], doc[CLAIMS_MAX + 64];
	static const uint8_t head[SHA384_LEN];
	struct wbuf w = wbuf_of(claims, sizeof claims), p = wbuf_of(payload, sizeof payload),
		    d = wbuf_of(doc, sizeof doc);
	struct slice was = document;
	json_t *j;

	claims_put(&w, 7, head);
	dcbor_put_map(&p, 2);
	dcbor_put_text(&p, slice_str("nonce")), dcbor_put_bytes(&p, slice_str("\x01"));
	dcbor_put_text(&p, slice_str("user_data")), dcbor_put_bytes(&p, wbuf_slice(&w));
	wbuf_put(&d, "\x84\x40\xa0", 3);
	dcbor_put_bytes(&d, wbuf_slice(&p)), dcbor_put_bytes(&d, slice_of(NULL, 0));
	CHECK(!d.over);
	document = wbuf_slice(&d);
	ask("GET /attestation?nonce=000102030405060708090a0b0c0d0e0f HTTP/1.1\r\n" HOST
	    "Accept: application/json\r\n\r\n");
	j = heard_json();
	CHECK(is_text(json_object_get(j, "payload"), "nonce", "01"));
	CHECK(is_text(json_object_get(j, "claims"), "purpose", "tls"));
	CHECK(json_integer_value(json_object_get(json_object_get(j, "claims"), "touches")) == 7);
	json_decref(j);
	document = was;
}

static void test_large_documents(void)
{
	static uint8_t big[DOCUMENT_MAX + 1] = { 0x84 };
	struct slice was = document;
	json_t *j;

	document = slice_of(big, DOCUMENT_MAX);
	ask("GET /attestation?nonce=000102030405060708090a0b0c0d0e0f HTTP/1.1\r\n" HOST
	    "Accept: application/json\r\n\r\n");
	j = heard_json();
	CHECK(json_is_null(json_object_get(j, "payload")));
	json_decref(j);
	document.len++;
	ask(GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f"));
	CHECK(heard_status() == 500);
	document = was;
}

static uint64_t page(uint64_t from, uint8_t head[SHA384_LEN])
{
	char request[64], hex[2 * SHA384_LEN + 1];
	json_t *j, *list, *r;
	uint64_t next;
	size_t i;

	(void)snprintf(request, sizeof request, "GET /touch?from=%u HTTP/1.1\r\n" HOST "\r\n",
	               (unsigned)from);
	ask(request);
	j = heard_json();
	list = json_object_get(j, "records");
	hex_put(hex, slice_of(head, SHA384_LEN));
	CHECK(is_text(j, "base", hex));
	CHECK((uint64_t)json_integer_value(json_object_get(j, "first")) == from);
	CHECK(json_integer_value(json_object_get(j, "touches")) == RECORDS);
	json_array_foreach(list, i, r)
	{
		CHECK((uint64_t)json_integer_value(json_object_get(r, "number")) == from + i);
		CHECK(is_text(r, "summary", "sh -c \"exit\""));
		touch_chain(head, slice_of(records[from + i].bytes, records[from + i].len));
	}
	next = (uint64_t)json_integer_value(json_object_get(j, "next"));
	CHECK(next == 0 ? json_is_null(json_object_get(j, "next")) : i == HTTPS_TOUCHES);
	json_decref(j);
	return next;
}

static void test_touch(void)
{
	uint8_t head[SHA384_LEN] = { 0 };
	uint64_t from = 1;
	unsigned pages = 0;

	peer_init();
	for (; from > 0; pages++)
		from = page(from, head);
	CHECK(pages == 3 && memcmp(head, facts.touch_head, SHA384_LEN) == 0);
	CHECK(page(RECORDS + 1, head) == 0);
}

/* A record that is dropped while the page is on its way: the answer is cut off,
 * never wrong. */
static void test_touch_lost(void)
{
	peer_init();
	connect_peer(false);
	pump(SIZE_MAX);
	peer.say = slice_str(GET("/touch"));
	while (peer_speaks() || peer_to_server(SIZE_MAX)) {
	}
	oldest = 40;
	pump(SIZE_MAX);
	CHECK(heard_status() == 200 && !heard_all() && https_done(server));
	oldest = 1;
}

int main(void)
{
	if (!begin_server())
		return test_end();
	test_errors();
	test_plain_routes();
	test_attestation();
	test_claims();
	test_large_documents();
	test_touch();
	test_touch_lost();
	return end_server();
}
