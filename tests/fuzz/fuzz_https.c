/* The whole server behind any bytes: as TLS records of a client, or, when the
 * first byte is odd, as what a client says inside TLS (over a session that is
 * resumed, which costs no elliptic curve). It must come to an end within its
 * rules: take no more than is offered, and be over or wait for more. */
#include <bearssl.h>
#include <stdlib.h>

#include "attest/cert.h"
#include "attest/https.h"
#include "attest/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct https *server;
static struct https_facts facts;
static br_ssl_client_context client;
static br_x509_knownkey_context key;
static uint8_t records[BR_SSL_BUFSIZE_BIDI], document[4000] = { 0x84 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool no_head(uint64_t n, uint8_t head[SHA384_LEN])
{
	memset(head, 0, SHA384_LEN);
	return n == 0;
}

static size_t no_record(uint64_t n, uint8_t out[TOUCH_RECORD_MAX])
{
	(void)n, (void)out;
	return 0;
}

static const char *no_services(struct body *b)
{
	(void)b;
	return NULL;
}

static void no_metrics(struct body *b)
{
	(void)b;
}

static void owner(struct slice in)
{
	struct slice nonce;
	size_t n = 1, used = 0;

	while (n > 0) {
		n = https_in(server, slice_of(in.p + used, in.len - used), 0);
		must(n <= in.len - used);
		used += n;
		if (https_wants(server, &nonce)) {
			must(nonce.len >= HTTPS_NONCE_MIN && nonce.len <= HTTPS_NONCE_MAX);
			https_document(server, RC_OK, slice_of(document, sizeof document), 0);
			n = 1;
		}
		while (https_out(server).len > 0 && in.len > 0) {
			https_sent(server, https_out(server).len, 0);
			n = 1;
		}
	}
}

/* Moves everything there is; the client hears and forgets. */
static void converse(struct slice say)
{
	br_ssl_engine_context *e = &client.eng;
	bool moved = true;
	uint8_t *p;
	size_t n, k;

	while (moved) {
		moved = false;
		if ((p = br_ssl_engine_sendrec_buf(e, &n)) &&
		    (k = https_in(server, slice_of(p, n), 0)) > 0) {
			br_ssl_engine_sendrec_ack(e, k);
			moved = true;
		}
		if ((p = br_ssl_engine_recvrec_buf(e, &n)) && https_out(server).len > 0) {
			n = n < https_out(server).len ? n : https_out(server).len;
			memcpy(p, https_out(server).p, n);
			br_ssl_engine_recvrec_ack(e, n);
			https_sent(server, n, 0);
			moved = true;
		}
		if (br_ssl_engine_recvapp_buf(e, &n)) {
			br_ssl_engine_recvapp_ack(e, n);
			moved = true;
		}
		if (say.len > 0 && (p = br_ssl_engine_sendapp_buf(e, &n))) {
			n = n < say.len ? n : say.len;
			memcpy(p, say.p, n);
			br_ssl_engine_sendapp_ack(e, n);
			br_ssl_engine_flush(e, 0);
			say = slice_of(say.p + n, say.len - n);
			moved = true;
		}
		if (https_out(server).len == 0)
			owner(slice_of(say.p, 0));
	}
}

static void connect_client(int resume)
{
	static const uint8_t entropy[32] = { 1 };

	br_ssl_engine_inject_entropy(&client.eng, entropy, sizeof entropy);
	must(br_ssl_client_reset(&client, "casemate", resume));
	https_open(server, 0);
}

static void setup(void)
{
	static const uint16_t suite = BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
	static br_ec_public_key pub;
	uint8_t seed[32] = { 1 };

	server = calloc(1, https_size());
	must(server != NULL);
	facts = (struct https_facts){ .module = { .pcrs = 16 },
		                      .why = "",
		                      .touch_first = 1,
		                      .touch_record = no_record,
		                      .touch_after = no_head,
		                      .services = no_services,
		                      .metrics = no_metrics };
	https_init(seed, &facts);
	must(cert_renew(slice_of(document, sizeof document), 1790000000).len > 0);
	pub = (br_ec_public_key){ BR_EC_secp256r1, (unsigned char *)(uintptr_t)tls_spki().p + 26,
		                  65 };
	br_ssl_client_zero(&client);
	br_ssl_engine_set_versions(&client.eng, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(&client.eng, &suite, 1);
	br_ssl_engine_set_default_ecdsa(&client.eng);
	br_ssl_engine_set_default_chapol(&client.eng);
	br_ssl_engine_set_hash(&client.eng, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_prf_sha256(&client.eng, &br_tls12_sha256_prf);
	br_x509_knownkey_init_ec(&key, &pub, BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX);
	br_ssl_engine_set_x509(&client.eng, &key.vtable);
	br_ssl_engine_set_buffer(&client.eng, records, sizeof records, 1);
	connect_client(0);
	converse(slice_str("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	must(https_counters()->requests == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!server)
		setup();
	if (size == 0)
		return 0;
	if (data[0] & 1) {
		connect_client(1);
		converse(slice_of(data + 1, size - 1));
		must(https_counters()->resumed > 0);
	} else {
		https_open(server, 0);
		owner(slice_of(data + 1, size - 1));
		https_in_end(server);
		while (https_out(server).len > 0)
			https_sent(server, https_out(server).len, 0);
		must(https_done(server));
	}
	https_close(server);
	return 0;
}
