#include "tools/casemate/tls_client.h"

#include <bearssl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "attest/x509.h"

enum { SEED_LEN = 32, ALERT = BR_ERR_RECV_FATAL_ALERT };

/* What BearSSL asks to judge certificates: keeps the first, takes them all. */
struct catcher {
	const br_x509_class *vtable;
	uint8_t der[X509_MAX];
	size_t len;
	unsigned certs; /* begun so far */
	bool over;
	struct x509 cert;
	br_x509_pkey key;
};

static struct {
	br_ssl_client_context client;
	br_sslio_context io;
	struct catcher catcher;
	uint8_t buffer[BR_SSL_BUFSIZE_BIDI];
	int fd;
	int64_t until_ms;
	enum rc rc; /* of the socket */
	char why[96];
} tls;

static struct catcher *catcher_of(const br_x509_class **ctx)
{
	return (struct catcher *)(void *)ctx;
}

static void start_chain(const br_x509_class **ctx, const char *name)
{
	struct catcher *c = catcher_of(ctx);

	(void)name; /* what is trusted is the key, whatever it calls itself */
	c->len = 0;
	c->certs = 0;
	c->over = false;
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
	(void)length;
	catcher_of(ctx)->certs++;
}

static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
	struct catcher *c = catcher_of(ctx);

	if (c->certs > 1)
		return;
	if (n > sizeof c->der - c->len) {
		c->over = true;
		return;
	}
	memcpy(c->der + c->len, p, n);
	c->len += n;
}

static void end_cert(const br_x509_class **ctx)
{
	(void)ctx;
}

static unsigned end_chain(const br_x509_class **ctx)
{
	struct catcher *c = catcher_of(ctx);
	enum rc rc = x509_parse(slice_of(c->der, c->len), &c->cert);

	if (c->over)
		return BR_ERR_X509_LIMIT_EXCEEDED;
	/* Of a certificate that somebody else signed, with whatever algorithm
	 * and extensions, the key counts all the same. */
	if (rc != RC_OK && rc != RC_DENIED)
		return BR_ERR_X509_INVALID_VALUE;
	if (c->cert.curve == ECDSA_NONE)
		return BR_ERR_X509_WRONG_KEY_TYPE;
	c->key.key_type = BR_KEYTYPE_EC;
	c->key.key.ec.curve = c->cert.curve == ECDSA_P384 ? BR_EC_secp384r1 : BR_EC_secp256r1;
	c->key.key.ec.q = c->der + (c->cert.point.p - c->der);
	c->key.key.ec.qlen = c->cert.point.len;
	return 0;
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
	const struct catcher *c = (const struct catcher *)(const void *)ctx;

	if (usages != NULL)
		*usages = BR_KEYTYPE_SIGN;
	return &c->key;
}

static const br_x509_class catcher_class = {
	sizeof(struct catcher), start_chain, start_cert, append, end_cert, end_chain, get_pkey,
};

static bool ready_for(short event)
{
	tls.rc = io_wait(tls.fd, event, tls.until_ms);
	return tls.rc == RC_OK;
}

static int low_read(void *ctx, unsigned char *p, size_t n)
{
	ssize_t got;

	(void)ctx;
	if (!ready_for(POLLIN))
		return -1;
	do
		got = read(tls.fd, p, n);
	while (got < 0 && errno == EINTR);
	tls.rc = got > 0 ? RC_OK : got == 0 ? RC_EOF : RC_IO;
	return got > 0 ? (int)got : -1;
}

static int low_write(void *ctx, const unsigned char *p, size_t n)
{
	ssize_t put;

	(void)ctx;
	if (!ready_for(POLLOUT))
		return -1;
	do
		put = write(tls.fd, p, n);
	while (put < 0 && errno == EINTR);
	tls.rc = put > 0 ? RC_OK : RC_IO;
	return put > 0 ? (int)put : -1;
}

/* The one place where BearSSL's codes are mapped. */
static enum rc failure(const char **why)
{
	int e = br_ssl_engine_last_error(&tls.client.eng);

	*why = tls.why;
	if (e == BR_ERR_OK)
		tls.rc = RC_EOF;
	if (e == BR_ERR_OK || e == BR_ERR_IO) {
		snprintf(tls.why, sizeof tls.why, "%s",
		         tls.rc == RC_IO        ? strerror(errno)
		         : tls.rc == RC_TIMEOUT ? "it takes too long"
		                                : "it closed the connection");
		return tls.rc;
	}
	if (e >= ALERT) {
		snprintf(tls.why, sizeof tls.why, "it refused the TLS handshake (alert %d)",
		         e - ALERT);
		return RC_DENIED;
	}
	if (e >= BR_ERR_X509_OK) {
		snprintf(tls.why, sizeof tls.why, "%s",
		         e == BR_ERR_X509_WRONG_KEY_TYPE
		                 ? "its certificate's key is not on P-256 or P-384"
		                 : "its certificate is malformed");
		return RC_BAD;
	}
	snprintf(tls.why, sizeof tls.why, "%s (BearSSL's error %d)",
	         e == BR_ERR_BAD_VERSION || e == BR_ERR_UNSUPPORTED_VERSION
	                 ? "it does not speak TLS 1.2"
	                 : "it does not speak TLS as it should",
	         e);
	return RC_BAD;
}

static void set_up(br_ssl_engine_context *e)
{
	static const uint16_t suites[] = {
		BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	};

	br_ssl_engine_set_versions(e, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(e, suites, sizeof suites / sizeof *suites);
	br_ssl_engine_set_hash(e, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(e, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_prf_sha256(e, &br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(e, &br_tls12_sha384_prf);
	br_ssl_engine_set_ec(e, &br_ec_all_m31);
	br_ssl_engine_set_ecdsa(e, &br_ecdsa_i31_vrfy_asn1);
	br_ssl_engine_set_default_aes_gcm(e);
	br_ssl_engine_set_default_chapol(e);
	br_ssl_engine_set_x509(e, &tls.catcher.vtable);
	br_ssl_engine_set_buffer(e, tls.buffer, sizeof tls.buffer, 1);
	br_ssl_engine_add_flags(e, BR_OPT_NO_RENEGOTIATION);
}

enum rc tls_client_open(int fd, const char *name, int64_t until_ms, const char **why)
{
	br_ssl_engine_context *e = &tls.client.eng;
	uint8_t seed[SEED_LEN];

	tls.fd = fd;
	tls.until_ms = until_ms;
	tls.rc = RC_OK;
	tls.catcher = (struct catcher){ .vtable = &catcher_class };
	*why = "the kernel gives no random numbers";
	if (getrandom(seed, sizeof seed, 0) != sizeof seed)
		return RC_IO;
	br_ssl_client_zero(&tls.client);
	set_up(e);
	br_ssl_engine_inject_entropy(e, seed, sizeof seed);
	wipe(seed, sizeof seed);
	if (!br_ssl_client_reset(&tls.client, name, 0))
		return failure(why);
	br_sslio_init(&tls.io, e, low_read, NULL, low_write, NULL);
	/* The handshake takes place in here. */
	return br_sslio_flush(&tls.io) == 0 ? RC_OK : failure(why);
}

struct slice tls_client_spki(void)
{
	return tls.catcher.cert.spki;
}

enum rc tls_client_write(struct slice s, const char **why)
{
	if (br_sslio_write_all(&tls.io, s.p, s.len) != 0 || br_sslio_flush(&tls.io) != 0)
		return failure(why);
	return RC_OK;
}

enum rc tls_client_read(void *p, size_t max, size_t *n, const char **why)
{
	int got = br_sslio_read(&tls.io, p, max);

	*n = got > 0 ? (size_t)got : 0;
	if (got > 0 || br_ssl_engine_last_error(&tls.client.eng) == BR_ERR_OK)
		return RC_OK;
	return failure(why);
}
