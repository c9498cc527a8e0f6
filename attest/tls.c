#include "attest/tls.h"

#include "appliance/base/io.h"

static br_hmac_drbg_context rng;
static br_ec_private_key key;
static uint8_t key_bytes[BR_EC_KBUF_PRIV_MAX_SIZE];

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { the point } }
 * (RFC 5480) */
static uint8_t spki[26 + 65] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
	                         0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
	                         0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };

static br_x509_certificate chain[2]; /* number n at n % 2 */
static unsigned certificate;

static br_ssl_session_cache_lru sessions;
static uint8_t session_store[TLS_SESSIONS * 100]; /* BearSSL takes 100 bytes for one */
static br_ec_impl curves;                         /* P-256 and X25519 */

void tls_init(uint8_t seed[TLS_SEED_LEN])
{
	br_ec_public_key pub;

	curves = br_ec_all_m31;
	curves.supported_curves = 1u << BR_EC_curve25519 | 1u << BR_EC_secp256r1;
	br_hmac_drbg_init(&rng, &br_sha256_vtable, seed, TLS_SEED_LEN);
	wipe(seed, TLS_SEED_LEN);
	br_ec_keygen(&rng.vtable, &curves, &key, key_bytes, BR_EC_secp256r1);
	br_ec_compute_pub(&curves, &pub, spki + 26, &key);
	br_ssl_session_cache_lru_init(&sessions, session_store, sizeof session_store);
}

struct slice tls_spki(void)
{
	return slice_of(spki, sizeof spki);
}

void tls_random(void *p, size_t n)
{
	br_hmac_drbg_generate(&rng, p, n);
}

size_t tls_sign(struct slice data, uint8_t out[TLS_SIGNATURE_MAX])
{
	br_sha256_context h;
	uint8_t digest[br_sha256_SIZE];

	br_sha256_init(&h);
	br_sha256_update(&h, data.p, data.len);
	br_sha256_out(&h, digest);
	return br_ecdsa_i31_sign_asn1(&curves, &br_sha256_vtable, digest, &key, out);
}

void tls_certify(struct slice der)
{
	br_x509_certificate *c = &chain[++certificate % 2];

	c->data = (unsigned char *)(uintptr_t)der.p; /* read only, whatever its type says */
	c->data_len = der.len;
}

static void set_ciphers(br_ssl_engine_context *e)
{
	/* AES first, or last without its instructions. */
	static const uint16_t suites[] = {
		BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	};
	bool fast = br_aes_x86ni_ctr_get_vtable() && br_ghash_pclmul_get();

	br_ssl_engine_set_suites(e, fast ? suites : suites + 2, 3);
	br_ssl_engine_set_default_aes_gcm(e);
	br_ssl_engine_set_default_chapol(e);
}

void tls_open(struct tls *t)
{
	static const char *protocols[] = { "http/1.1" };
	br_ssl_engine_context *e = &t->br.eng;
	uint8_t seed[TLS_SEED_LEN];

	t->established = false;
	t->certificate = certificate;
	br_ssl_server_zero(&t->br);
	br_ssl_engine_set_versions(e, BR_TLS12, BR_TLS12);
	br_ssl_engine_add_flags(e, BR_OPT_ENFORCE_SERVER_PREFERENCES | BR_OPT_NO_RENEGOTIATION |
	                                   BR_OPT_FAIL_ON_ALPN_MISMATCH);
	br_ssl_engine_set_protocol_names(e, protocols, 1);
	br_ssl_engine_set_hash(e, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(e, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_prf_sha256(e, &br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(e, &br_tls12_sha384_prf);
	br_ssl_engine_set_ec(e, &curves);
	set_ciphers(e);
	br_ssl_server_set_single_ec(&t->br, &chain[certificate % 2], 1, &key, BR_KEYTYPE_SIGN, 0,
	                            &curves, br_ecdsa_i31_sign_asn1);
	br_ssl_server_set_cache(&t->br, &sessions.vtable);
	br_ssl_engine_set_buffers_bidi(e, t->in, sizeof t->in, t->out, sizeof t->out);
	/* BearSSL would look for more in the processor or in /dev/urandom, which
	 * this role cannot open. The seed is the kernel's already. */
	tls_random(seed, sizeof seed);
	br_ssl_engine_inject_entropy(e, seed, sizeof seed);
	wipe(seed, sizeof seed);
	e->rng_os_rand_done = 1;
	(void)br_ssl_server_reset(&t->br); /* cannot fail with entropy and a hash */
}

enum tls_state tls_state(struct tls *t)
{
	unsigned state = br_ssl_engine_current_state(&t->br.eng);

	if (state & (BR_SSL_SENDAPP | BR_SSL_RECVAPP))
		t->established = true;
	if (state == BR_SSL_CLOSED)
		return br_ssl_engine_last_error(&t->br.eng) == BR_ERR_OK ? TLS_OVER : TLS_FAILED;
	if (!t->established && certificate - t->certificate > 1)
		return TLS_FAILED;
	return t->established ? TLS_OPEN : TLS_HANDSHAKE;
}
