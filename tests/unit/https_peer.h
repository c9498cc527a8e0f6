/* For tests of the server: the enclave's facts, the server with one connection, and
 * BearSSL's client at its other end, in memory: nothing here waits. A header,
 * since each program's checks are counted in its own file.
 */
#ifndef TESTS_UNIT_HTTPS_PEER_H
#define TESTS_UNIT_HTTPS_PEER_H

#include <bearssl.h>
#include <stdlib.h>

#include "appliance/base/manifest.h"
#include "attest/cert.h"
#include "attest/document.h"
#include "attest/https.h"
#include "attest/tls.h"
#include "tests/unit/test.h"

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

static inline size_t touch_record(uint64_t n, uint8_t out[TOUCH_RECORD_MAX])
{
	if (n < oldest || n > RECORDS)
		return 0;
	memcpy(out, records[n].bytes, records[n].len);
	return records[n].len;
}

static inline bool touch_after(uint64_t n, uint8_t head[SHA384_LEN])
{
	memset(head, 0, SHA384_LEN);
	for (uint64_t i = 1; i <= n; i++)
		touch_chain(head, slice_of(records[i].bytes, records[i].len));
	return n + 1 >= oldest;
}

static inline void put_metrics(struct body *b)
{
	body_metric(b, "owner_line", "a line of the owner's", 1);
}

#define HEALTHY "{\"ready\":true,\"services\":[{\"name\":\"web\",\"state\":\"ready\"}]}\n"

static const char *services_why; /* the services are not ready */

static inline const char *put_services(struct body *b)
{
	body_put(b, "{'name':'web','state':'ready'}");
	return services_why;
}

/* One service whose words are not all text. */
static inline struct slice make_manifest(void)
{
	static uint8_t mem[512], service[256];
	static struct service s = { .argc = 1, .envc = 1, .idc = 3, .ids = { 7, 8, 9 } };
	struct wbuf w = wbuf_of(mem, sizeof mem), one = wbuf_of(service, sizeof service);
	struct manifest m = { .channel = CHANNEL_OPEN, .operations = 6, .main = 0, .services = 1 };

	s.name = slice_str("web");
	s.argv[0] = slice_str("a\"\xE9");
	s.env[0] = slice_str("A=1");
	s.cwd = slice_str("/d");
	s.policy.stop_signal = 15;
	service_put(&one, &s);
	m.service[0] = wbuf_slice(&one);
	manifest_put(&w, &m);
	CHECK(!w.over && !one.over);
	return wbuf_slice(&w);
}

static inline void make_facts(void)
{
	uint8_t digest[SHA384_LEN] = { 1 };

	facts = (struct https_facts){
		.manifest = make_manifest(),
		.module = { 1, 2, 3, 32, "i-1-enc1" },
		.pcr = { [2] = { { 0xAB }, true } },
		.ready = true,
		.why = "",
		.touches = RECORDS,
		.touch_first = 1,
		.touch_record = touch_record,
		.touch_after = touch_after,
		.services = put_services,
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

static inline void peer_init(void)
{
	br_ec_public_key pub = { BR_EC_secp256r1, (unsigned char *)(uintptr_t)tls_spki().p + 26,
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
static inline void connect_peer(bool resume)
{
	peer.heard_len = taken = 0;
	peer.say = slice_str("");
	br_ssl_client_reset(&peer.tls, "casemate", resume);
	https_open(server, now);
}

static inline bool peer_to_server(size_t step)
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

static inline bool server_to_peer(size_t step)
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

static inline bool peer_speaks(void)
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

static inline bool peer_hears(void)
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

static inline bool give_document(void)
{
	struct slice nonce;

	if (document.len == 0 || !https_wants(server, &nonce))
		return false;
	CHECK(nonce.len >= HTTPS_NONCE_MIN);
	https_document(server, document_rc, document, now);
	return true;
}

/* Until nothing moves any more, at most step bytes at a time either way. */
static inline void pump(size_t step)
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

static inline void say(const char *text, size_t step)
{
	peer.heard_len = 0;
	peer.heard[0] = '\0';
	peer.say = slice_str(text);
	pump(step);
}

static inline unsigned heard_status(void)
{
	return peer.heard_len > 12 ? (unsigned)atoi((const char *)peer.heard + 9) : 0;
}

static inline const char *heard_body(void)
{
	const char *end = strstr((const char *)peer.heard, "\r\n\r\n");

	return end ? end + 4 : "";
}

static inline bool heard_has(const char *text)
{
	return memmem(peer.heard, peer.heard_len, text, strlen(text));
}

/* One whole answer, as long as it says. */
static inline bool heard_all(void)
{
	const char *length = strstr((const char *)peer.heard, "Content-Length: ");

	return length && (size_t)(heard_body() - (char *)peer.heard) + (size_t)atol(length + 16) ==
	                         peer.heard_len;
}

static inline bool peer_closed(void)
{
	return br_ssl_engine_current_state(&peer.tls.eng) == BR_SSL_CLOSED;
}

static inline void ask(const char *request)
{
	connect_peer(false);
	say(request, SIZE_MAX);
}

/* What the peer would not read any more. */
static inline void drain(void)
{
	while (https_out(server).len > 0)
		https_sent(server, https_out(server).len, now);
}

/* --- before all tests, and after them ------------------------------------------------ */

static inline bool begin_server(void)
{
	static uint8_t doc[DOCUMENT_MAX];
	uint8_t seed[32] = { 42 }, zero[32] = { 0 };
	static const char sample[] =
		"../shared/vectors/attestation/genuine/g001-2021-03-05-883eaa6c-debug.cbor";
	FILE *f = fopen(sample, "rb");

	if (!f) {
		printf("skipped: no %s\n", sample);
		return false;
	}
	document = slice_of(doc, fread(doc, 1, sizeof doc, f));
	fclose(f);
	server = calloc(1, https_size());
	make_facts();
	https_init(seed, &facts);
	CHECK(memcmp(seed, zero, sizeof seed) == 0 && tls_spki().len == 91);
	CHECK(cert_renew(document, 1790000000).len > 0);
	return true;
}

static inline int end_server(void)
{
	free(server);
	return test_end();
}

#endif
