/* The server against BearSSL's client, in memory: nothing here waits. */
#include "tests/unit/test.h"

#include <bearssl.h>
#include <jansson.h>

#include "appliance/base/dcbor.h"
#include "attest/cert.h"
#include "attest/claims.h"
#include "attest/document.h"
#include "attest/https.h"

#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static const uint16_t suites[] = { BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	                           BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	                           BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 };

/* --- the facts ------------------------------------------------------------------- */

enum { RECORDS = 150 };

static struct https_facts facts;
static struct broker_record_like {
	uint8_t bytes[TOUCH_RECORD_MAX];
	size_t len;
} records[RECORDS + 1];
static uint64_t oldest = 1; /* record still kept */

static size_t touch_record(uint64_t n, uint8_t out[TOUCH_RECORD_MAX])
{
	if (n < oldest || n > RECORDS)
		return 0;
	memcpy(out, records[n].bytes, records[n].len);
	return records[n].len;
}

static bool touch_after(uint64_t n, uint8_t head[SHA384_LEN])
{
	memset(head, 0, SHA384_LEN);
	for (uint64_t i = 1; i <= n; i++)
		touch_chain(head, slice_of(records[i].bytes, records[i].len));
	return n + 1 >= oldest;
}

static void put_metrics(struct body *b)
{
	body_metric(b, "owner_line", "gauge", 1);
}

static void make_facts(void)
{
	static uint8_t manifest[] = {
		0xA3, 0x01, 0x01, 0x02, 0x01, 0x03, 0x81, 0x43, 'a', '"', 0xE9
	};
	uint8_t digest[SHA384_LEN] = { 1 };

	facts = (struct https_facts){
		.manifest = slice_of(manifest, sizeof manifest),
		.module = { 1, 2, 3, 32, "i-1-enc1" },
		.pcr = { [2] = { { 0xAB }, true } },
		.ready = true,
		.why = "",
		.touches = RECORDS,
		.touch_first = 1,
		.touch_record = touch_record,
		.touch_after = touch_after,
		.metrics = put_metrics,
	};
	for (uint64_t n = 1; n <= RECORDS; n++) {
		struct touch_record r = { .number = n,
			                  .time_s = 1790000000,
			                  .operation = slice_str("exec"),
			                  .user = slice_str("open"),
			                  .summary = slice_str("sh -c \"exit\""),
			                  .digest = slice_of(digest, sizeof digest) };
		struct wbuf w = wbuf_of(records[n].bytes, TOUCH_RECORD_MAX);

		touch_put(&w, &r);
		records[n].len = w.len;
		touch_chain(facts.touch_head, wbuf_slice(&w));
	}
}

/* --- a client and the wire ----------------------------------------------------------- */

static struct peer {
	br_ssl_client_context tls;
	br_x509_knownkey_context key;
	uint8_t buffer[BR_SSL_BUFSIZE_BIDI];
	struct slice say;
	uint8_t heard[256 * 1024];
	size_t heard_len;
} peer;

static struct https *server;
static int64_t now;
static struct slice document; /* what the module gives */
static enum rc document_rc;
static size_t taken; /* bytes the server took since connect() */

static void peer_init(void)
{
	br_ec_public_key pub = { BR_EC_secp256r1, (unsigned char *)(uintptr_t)https_spki().p + 26,
		                 65 };
	br_ssl_engine_context *e = &peer.tls.eng;

	br_ssl_client_zero(&peer.tls);
	br_ssl_engine_set_versions(e, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(e, suites, 3);
	br_ssl_engine_set_default_ecdsa(e);
	br_ssl_engine_set_default_aes_gcm(e);
	br_ssl_engine_set_default_chapol(e);
	br_ssl_engine_set_hash(e, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(e, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_prf_sha256(e, &br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(e, &br_tls12_sha384_prf);
	br_x509_knownkey_init_ec(&peer.key, &pub, BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX);
	br_ssl_engine_set_x509(e, &peer.key.vtable);
	br_ssl_engine_set_buffer(e, peer.buffer, sizeof peer.buffer, 1);
}

/* A new connection; resume: with the session of the last. */
static void connect_peer(bool resume)
{
	peer.heard_len = taken = 0;
	peer.say = slice_str("");
	br_ssl_client_reset(&peer.tls, "casemate", resume);
	https_open(server, now);
}

static bool peer_to_server(size_t step)
{
	size_t n = 0;
	uint8_t *p = br_ssl_engine_sendrec_buf(&peer.tls.eng, &n);

	if (!p)
		return false;
	n = https_in(server, slice_of(p, n < step ? n : step), now);
	taken += n;
	if (n > 0)
		br_ssl_engine_sendrec_ack(&peer.tls.eng, n);
	return n > 0;
}

static bool server_to_peer(size_t step)
{
	struct slice out = https_out(server);
	size_t n = 0;
	uint8_t *p = br_ssl_engine_recvrec_buf(&peer.tls.eng, &n);

	n = n < out.len ? n : out.len;
	n = n < step ? n : step;
	if (n == 0 || !p)
		return false;
	memcpy(p, out.p, n);
	br_ssl_engine_recvrec_ack(&peer.tls.eng, n);
	https_sent(server, n, now);
	return true;
}

static bool peer_speaks(void)
{
	size_t n = 0;
	uint8_t *p = br_ssl_engine_sendapp_buf(&peer.tls.eng, &n);

	if (!p || peer.say.len == 0)
		return false;
	n = n < peer.say.len ? n : peer.say.len;
	memcpy(p, peer.say.p, n);
	br_ssl_engine_sendapp_ack(&peer.tls.eng, n);
	br_ssl_engine_flush(&peer.tls.eng, 0);
	peer.say = slice_of(peer.say.p + n, peer.say.len - n);
	return true;
}

static bool peer_hears(void)
{
	size_t n = 0;
	uint8_t *p = br_ssl_engine_recvapp_buf(&peer.tls.eng, &n);

	if (!p)
		return false;
	if (n > sizeof peer.heard - 1 - peer.heard_len)
		n = sizeof peer.heard - 1 - peer.heard_len;
	memcpy(peer.heard + peer.heard_len, p, n);
	peer.heard_len += n;
	peer.heard[peer.heard_len] = '\0';
	br_ssl_engine_recvapp_ack(&peer.tls.eng, n);
	return n > 0;
}

static bool give_document(void)
{
	struct slice nonce;

	if (document.len == 0 || !https_wants(server, &nonce))
		return false;
	CHECK(nonce.len >= HTTPS_NONCE_MIN);
	https_document(server, document_rc, document, now);
	return true;
}

/* Until nothing moves any more, at most step bytes at a time either way. */
static void pump(size_t step)
{
	bool moved = true;

	while (moved) {
		moved = peer_to_server(step);
		moved |= server_to_peer(step);
		moved |= peer_speaks();
		moved |= peer_hears();
		moved |= give_document();
	}
}

static void say(const char *text, size_t step)
{
	peer.heard_len = 0;
	peer.heard[0] = '\0';
	peer.say = slice_str(text);
	pump(step);
}

static unsigned heard_status(void)
{
	return peer.heard_len > 12 ? (unsigned)atoi((const char *)peer.heard + 9) : 0;
}

static const char *heard_body(void)
{
	const char *end = strstr((const char *)peer.heard, "\r\n\r\n");

	return end ? end + 4 : "";
}

static bool heard_has(const char *text)
{
	return memmem(peer.heard, peer.heard_len, text, strlen(text));
}

/* One whole answer, as long as it says. */
static bool heard_all(void)
{
	const char *length = strstr((const char *)peer.heard, "Content-Length: ");

	return length && (size_t)(heard_body() - (char *)peer.heard) + (size_t)atol(length + 16) ==
	                         peer.heard_len;
}

static bool peer_closed(void)
{
	return br_ssl_engine_current_state(&peer.tls.eng) == BR_SSL_CLOSED;
}

static void ask(const char *request)
{
	connect_peer(false);
	say(request, SIZE_MAX);
}

/* What the peer would not read any more. */
static void drain(void)
{
	while (https_out(server).len > 0)
		https_sent(server, https_out(server).len, now);
}

/* --- handshakes -------------------------------------------------------------------------- */

static void test_handshakes(void)
{
	struct https_counters was = *https_counters();

	peer_init();
	connect_peer(false);
	say(GET("/health"), SIZE_MAX);
	CHECK(heard_status() == 200 && heard_all() &&
	      strcmp(heard_body(), "{\"ready\":true}\n") == 0);
	CHECK(https_counters()->handshakes == was.handshakes + 1);
	CHECK(https_counters()->resumed == was.resumed);
	connect_peer(true);
	say(GET("/health"), SIZE_MAX);
	CHECK(heard_status() == 200);
	CHECK(https_counters()->resumed == was.resumed + 1);
	connect_peer(false);
	say(GET("/health"), SIZE_MAX);
	CHECK(https_counters()->handshakes == was.handshakes + 3);
	CHECK(https_counters()->resumed == was.resumed + 1);
	CHECK(https_counters()->tls_errors == was.tls_errors);
}

static void test_bytewise(void)
{
	peer_init();
	connect_peer(false);
	say(GET("/health") GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f"), 1);
	CHECK(heard_status() == 200 && heard_has("application/cose"));
	CHECK(heard_has("{\"ready\":true}\n") && !https_done(server));
	CHECK(memcmp(peer.heard + peer.heard_len - document.len, document.p, document.len) == 0);
}

static bool succeeds(void)
{
	ask(GET("/health"));
	return heard_status() == 200;
}

static void test_parameters(void)
{
	static const uint16_t old[] = { BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
		                        BR_TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256,
		                        BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 };
	static const uint16_t cbc_sha = BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA;
	static const char *h2[] = { "h2" }, *both[] = { "h2", "http/1.1" };
	br_ec_impl only = br_ec_all_m31;

	for (size_t i = 0; i < 3; i++) {
		peer_init();
		br_ssl_engine_set_suites(&peer.tls.eng, suites + i, 1);
		CHECK(succeeds());
		CHECK(peer.tls.eng.session.cipher_suite == suites[i]);
		peer_init();
		br_ssl_engine_set_suites(&peer.tls.eng, old + i, 1);
		CHECK(!succeeds() && https_done(server));
	}
	for (unsigned curve = BR_EC_secp256r1; curve <= BR_EC_curve25519; curve++) {
		only.supported_curves = 1u << curve | 1u << BR_EC_secp256r1;
		peer_init();
		br_ssl_engine_set_ec(&peer.tls.eng, &only);
		CHECK(succeeds());
		CHECK(peer.tls.eng.ecdhe_curve ==
		      (curve == BR_EC_curve25519 ? BR_EC_curve25519 : BR_EC_secp256r1));
	}
	peer_init();
	br_ssl_engine_set_protocol_names(&peer.tls.eng, h2, 1);
	CHECK(!succeeds());
	peer_init();
	br_ssl_engine_set_protocol_names(&peer.tls.eng, both, 2);
	CHECK(succeeds());
	CHECK(strcmp(br_ssl_engine_get_selected_protocol(&peer.tls.eng), "http/1.1") == 0);
	peer_init();
	br_ssl_engine_set_versions(&peer.tls.eng, BR_TLS10, BR_TLS11);
	br_ssl_engine_set_hash(&peer.tls.eng, br_sha1_ID, &br_sha1_vtable);
	br_ssl_engine_set_prf10(&peer.tls.eng, &br_tls10_prf);
	br_ssl_engine_set_default_aes_cbc(&peer.tls.eng);
	br_ssl_engine_set_suites(&peer.tls.eng, &cbc_sha, 1);
	CHECK(!succeeds());
	drain();
	CHECK(https_done(server));
}

/* Refused with a warning. (BearSSL's client gives up at it; we do not.) */
static void test_renegotiation(void)
{
	peer_init();
	connect_peer(false);
	say(GET("/health"), SIZE_MAX);
	CHECK(br_ssl_engine_renegotiate(&peer.tls.eng));
	pump(SIZE_MAX);
	CHECK(br_ssl_engine_last_error(&peer.tls.eng) ==
	      BR_ERR_RECV_FATAL_ALERT + BR_ALERT_NO_RENEGOTIATION);
	CHECK(!https_done(server));
}

static void test_garbage(void)
{
	static const char *starts[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff",
		                        "\x16\x03\x03\x40\x01", "\x17\x03\x03", "\x80\x2e\x01" };
	struct https_counters was = *https_counters();
	size_t n = sizeof starts / sizeof *starts;

	for (size_t i = 0; i < n; i++) {
		uint8_t more[64] = { 0 };

		https_open(server, now);
		(void)https_in(server, slice_str(starts[i]), now);
		for (int k = 0; k < 600 && !https_done(server); k++)
			(void)https_in(server, slice_of(more, sizeof more), now);
		CHECK(https_done(server) && https_idleness(server) == 3);
		CHECK(https_in(server, slice_of(more, sizeof more), now) == sizeof more);
	}
	CHECK(https_counters()->tls_errors == was.tls_errors + n);
}

/* The peer ends after every number of bytes of a connection. */
static void test_truncated(void)
{
	size_t all;

	peer_init();
	ask(GET("/health"));
	all = taken;
	for (size_t n = 0; n < all; n++) {
		connect_peer(false);
		peer.say = slice_str(GET("/health"));
		for (bool moved = true; moved && taken < n;) {
			moved = peer_to_server(1);
			moved |= server_to_peer(SIZE_MAX);
			moved |= peer_speaks();
			moved |= peer_hears();
		}
		https_in_end(server);
		drain();
		CHECK(https_done(server) && peer.heard_len == 0);
	}
	/* The request was whole: its answer still comes. */
	connect_peer(false);
	peer.say = slice_str(GET("/health"));
	while (peer_to_server(1) || peer_speaks() || (taken < 200 && server_to_peer(SIZE_MAX))) {
	}
	pump(SIZE_MAX);
	https_in_end(server);
	pump(SIZE_MAX);
	CHECK(heard_status() == 200 && https_done(server) && peer_closed());
}

static void test_goodbye(void)
{
	peer_init();
	ask(GET("/health"));
	br_ssl_engine_close(&peer.tls.eng);
	pump(SIZE_MAX);
	CHECK(https_done(server) && https_out(server).len == 0 && peer_closed());
	CHECK(br_ssl_engine_last_error(&peer.tls.eng) == BR_ERR_OK);
	ask("GET /health HTTP/1.0\r\n\r\n");
	CHECK(heard_status() == 200 && https_done(server));
	CHECK(br_ssl_engine_last_error(&peer.tls.eng) == BR_ERR_OK);
}

static void test_renewal(void)
{
	for (unsigned renewals = 0; renewals < 4; renewals++) {
		peer_init();
		connect_peer(false);
		while (peer_to_server(SIZE_MAX)) { /* ClientHello; the answer waits */
		}
		for (unsigned i = 0; i < renewals; i++)
			CHECK(https_certify(document, 1790000000 + i) == RC_OK);
		say(GET("/health"), SIZE_MAX);
		CHECK((heard_status() == 200) == (renewals < 2));
		CHECK(https_done(server) == (renewals >= 2));
	}
}

static void test_certificate_bounds(void)
{
	static uint8_t big[CERT_MAX];

	CHECK(https_certify(slice_of(big, sizeof big), 1790000000) == RC_LIMIT);
	CHECK(https_certify(slice_of(big, sizeof big - 400), 1790000000) == RC_LIMIT);
	CHECK(https_certify(slice_of(big, CERT_MAX - 512), 1790000000) == RC_OK);
	CHECK(https_certify(document, INT64_MAX - CERT_AFTER_S) == RC_LIMIT);
	CHECK(https_certify(document, -(INT64_C(1) << 40)) == RC_LIMIT);
	CHECK(https_certify(slice_of(NULL, 0), 1790000000) == RC_OK);
	peer_init();
	CHECK(succeeds());
	CHECK(https_certify(document, 1790000000) == RC_OK);
	CHECK(succeeds());
}

/* --- answers ------------------------------------------------------------------------------- */

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
	json_t *j, *two;

	peer_init();
	ask(GET("/"));
	CHECK(heard_status() == 200);
	json_decref(heard_json());
	ask(GET("/measurements/"));
	j = heard_json();
	CHECK(is_text(j, "module_id", "i-1-enc1") && is_text(j, "version", "1.2.3"));
	CHECK(json_object_size(json_object_get(j, "pcrs")) == 32);
	two = json_object_get(json_object_get(j, "pcrs"), "2");
	CHECK(json_is_true(json_object_get(two, "locked")));
	CHECK(strncmp(json_string_value(json_object_get(two, "value")), "ab00", 4) == 0);
	CHECK(json_is_false(json_object_get(
		json_object_get(json_object_get(j, "pcrs"), "3"), "locked")));
	json_decref(j);
	ask(GET("/manifest"));
	j = heard_json();
	CHECK(is_text(j, "channel", "open") && is_text(j, "manifest", "owEBAgEDgUNhIuk="));
	CHECK(strcmp(json_string_value(json_array_get(json_object_get(j, "command"), 0)),
	             "a\"\xC3\xA9") == 0);
	json_decref(j);
	ask(GET("/metrics"));
	CHECK(heard_all() && heard_has("\ncasemate_owner_line 1\n") &&
	      heard_has("casemate_touches_total 150\n"));
	facts.ready = false;
	facts.why = "a \"reason\"";
	ask(GET("/health"));
	CHECK(heard_status() == 503);
	j = heard_json();
	CHECK(is_text(j, "detail", "a \"reason\""));
	json_decref(j);
	facts.ready = true;
	ask("HEAD /health HTTP/1.1\r\n" HOST "\r\n" GET("/health"));
	CHECK(heard_has("Content-Length: 15\r\n") &&
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
	struct claims c = { .touches = 7 };
	struct wbuf w = wbuf_of(claims, sizeof claims), p = wbuf_of(payload, sizeof payload),
		    d = wbuf_of(doc, sizeof doc);
	struct slice was = document;
	json_t *j;

	claims_put(&w, &c);
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

/* --- time and back-pressure -------------------------------------------------------------------- */

static int64_t left(void)
{
	return https_deadline(server) - now;
}

static void test_deadlines(void)
{
	peer_init();
	now = 1000;
	connect_peer(false);
	CHECK(left() == HTTPS_HANDSHAKE_MS && https_idleness(server) == 2);
	now += 5000;
	while (peer_to_server(1)) {
	}
	CHECK(left() == HTTPS_HANDSHAKE_MS - 5000);
	pump(SIZE_MAX);
	CHECK(left() == HTTPS_IDLE_MS && https_idleness(server) == 3);
	now += 1000;
	say("G", SIZE_MAX);
	CHECK(left() == HTTPS_HEAD_MS && https_idleness(server) == 1);
	now += 1000;
	say("ET /health HTTP/1.1\r\n", SIZE_MAX);
	CHECK(left() == HTTPS_HEAD_MS - 1000);
	say("Host: a\r\nContent-Length: 9\r\n\r\n", SIZE_MAX);
	CHECK(left() == HTTPS_BODY_MS);
	now += 1000;
	say("12345678", SIZE_MAX);
	CHECK(left() == HTTPS_BODY_MS - 1000);
	say("9", SIZE_MAX);
	CHECK(heard_status() == 200 && left() == HTTPS_IDLE_MS);
	document.len = 0; /* nobody brings it */
	say(GET("/attestation?nonce=000102030405060708090a0b0c0d0e0f"), SIZE_MAX);
	CHECK(left() == HTTPS_DOCUMENT_MS && https_idleness(server) == 0);
}

/* A client that asks and asks and never reads: what the server takes is
 * bounded, and the time too, however slowly some of it goes. */
static void test_stall(void)
{
	static char many[200 * sizeof GET("/touch")];
	size_t n = 0;

	peer_init();
	connect_peer(false);
	pump(SIZE_MAX);
	while (n + sizeof GET("/touch") <= sizeof many)
		n += (size_t)snprintf(many + n, sizeof many - n, "%s", GET("/touch"));
	peer.say = slice_of(many, n);
	while (peer_speaks() || peer_to_server(SIZE_MAX)) {
	}
	CHECK(https_out(server).len > 0 && left() == HTTPS_STALL_MS && https_idleness(server) == 0);
	CHECK(!peer_to_server(SIZE_MAX));
	for (int64_t start = now; now < start + 2 * HTTPS_ANSWER_MS && left() > 0; now += 5000) {
		CHECK(left() <= HTTPS_STALL_MS && now <= start + HTTPS_ANSWER_MS);
		(void)server_to_peer(1);
	}
	CHECK(left() <= 0);
}

/* Behind a request that was refused the rest is dropped. */
static void test_dropped(void)
{
	peer_init();
	ask("BAD\r\nmore");
	CHECK(heard_status() == 400 && https_done(server) && peer_closed());
	CHECK(https_in(server, slice_str("anything"), now) == 8);
	https_in_end(server);
	CHECK(https_done(server) && https_out(server).len == 0);
}

static void test_wiped(void)
{
	const uint8_t *p = (const uint8_t *)server;
	size_t left_over = 0;

	ask(GET("/health"));
	https_close(server);
	for (size_t i = 0; i < https_size(); i++)
		left_over += p[i] != 0;
	CHECK(left_over <= 1 && https_done(server)); /* its state */
}

int main(void)
{
	static uint8_t doc[DOCUMENT_MAX];
	uint8_t seed[32] = { 42 }, zero[32] = { 0 };
	static const char sample[] =
		"../shared/vectors/attestation/genuine/g001-2021-03-05-883eaa6c-debug.cbor";
	FILE *f = fopen(sample, "rb");

	if (!f) {
		printf("skipped: no %s\n", sample);
		return test_end();
	}
	document = slice_of(doc, fread(doc, 1, sizeof doc, f));
	fclose(f);
	server = calloc(1, https_size());
	make_facts();
	https_init(seed, &facts);
	CHECK(memcmp(seed, zero, sizeof seed) == 0 && https_spki().len == 91);
	CHECK(https_certify(document, 1790000000) == RC_OK);
	test_handshakes();
	test_bytewise();
	test_parameters();
	test_renegotiation();
	test_garbage();
	test_truncated();
	test_goodbye();
	test_renewal();
	test_certificate_bounds();
	test_errors();
	test_plain_routes();
	test_attestation();
	test_claims();
	test_large_documents();
	test_touch();
	test_touch_lost();
	test_stall();
	test_dropped();
	test_deadlines();
	test_wiped();
	free(server);
	return test_end();
}
