#include "tools/casemate/expect.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "appliance/base/io.h"
#include "attest/x509.h"
#include "tools/casemate/base64.h"
#include "tools/casemate/measurements.h"
#include "tools/casemate/pem.h"
#include "tools/casemate/text.h"

enum { FILE_MAX = 65536 };

static_assert((int)MEASUREMENTS_PCRS == (int)DOCUMENT_PCRS, "one bit each");

static uint8_t file[FILE_MAX];

void expect_init(struct expect *e)
{
	memset(e, 0, sizeof *e);
	e->policy.now_s = (int64_t)time(NULL);
	e->policy.max_age_s = VERIFY_MAX_AGE_S;
}

static struct slice load(const char *path)
{
	size_t len;
	enum rc rc = io_read_file(path, file, sizeof file, &len);

	if (rc == RC_OK)
		return slice_of(file, len);
	if (rc == RC_IO)
		say("cannot read %s: %m", path);
	else
		say("%s is too long: over %d bytes", path, FILE_MAX);
	exit(STATUS_USAGE);
}

static void set_pcr(const struct verb *v, struct expect *e, unsigned i,
                    const uint8_t value[SHA384_LEN])
{
	struct verify_policy *p = &e->policy;

	if (p->pcrs >> i & 1 && memcmp(p->pcr[i], value, SHA384_LEN) != 0)
		verb_misuse(v, "two different values are expected of PCR%u", i);
	p->pcrs |= UINT32_C(1) << i;
	memcpy(p->pcr[i], value, SHA384_LEN);
}

static void take_pcr(const struct verb *v, struct expect *e, const char *s)
{
	const char *equals = strchr(s, '=');
	uint8_t value[SHA384_LEN];
	struct wbuf w = wbuf_of(value, sizeof value);
	int i = equals == NULL ? -1 : measurements_index(slice_of(s, (size_t)(equals - s)), "");

	if (i >= 0 && hex_read(slice_str(equals + 1), &w) == RC_OK && w.len == sizeof value)
		set_pcr(v, e, (unsigned)i, value);
	else
		verb_misuse(v, "--pcr needs N=HEX, N from 0 to 31 and 96 hex digits");
}

static void take_measurements(const struct verb *v, struct expect *e, const char *path)
{
	struct measurements m;
	enum rc rc = measurements_parse(load(path), &m);

	if (rc != RC_OK) {
		say(rc == RC_ABSENT ? "%s has no Measurements with PCR0, PCR1 and PCR2"
		                    : "%s is not what casemate-image leaves beside an image",
		    path);
		exit(STATUS_USAGE);
	}
	for (unsigned i = 0; i < MEASUREMENTS_PCRS; i++)
		if (m.pcrs >> i & 1)
			set_pcr(v, e, i, m.pcr[i]);
}

static void take_nonce(const struct verb *v, struct expect *e, const char *hex)
{
	struct wbuf w = wbuf_of(e->nonce_bytes, sizeof e->nonce_bytes);

	if (hex_read(slice_str(hex), &w) != RC_OK || w.len == 0)
		verb_misuse(v, "--nonce needs an even number of hex digits, at most %d",
		            2 * DOCUMENT_FIELD_MAX);
	e->nonce = wbuf_slice(&w);
	e->policy.nonce = &e->nonce;
}

/* The certificate in a file, PEM or DER, into der. */
static struct slice take_certificate(const char *path, struct wbuf *der)
{
	struct slice s = load(path);
	struct x509 x;
	enum rc rc = pem_read(s, "CERTIFICATE", der);

	if (rc == RC_OK)
		s = wbuf_slice(der);
	if ((rc != RC_OK && rc != RC_ABSENT) || x509_parse(s, &x) != RC_OK) {
		say("%s is no certificate, PEM or DER, signed with ECDSA", path);
		exit(STATUS_USAGE);
	}
	return s;
}

static void take_root(struct expect *e, const char *path)
{
	uint8_t der[DOCUMENT_CERT_MAX];
	struct wbuf w = wbuf_of(der, sizeof der);

	sha256_of(take_certificate(path, &w), e->root);
	e->policy.root = e->root;
}

/* The key in a file, into w. RC_ABSENT: not PEM at all. */
static enum rc take_pem_key(struct slice s, struct wbuf *w)
{
	uint8_t der[X509_MAX];
	struct wbuf cert = wbuf_of(der, sizeof der);
	struct x509 x;
	enum rc rc = pem_read(s, "CERTIFICATE", &cert);

	if (rc == RC_OK)
		rc = x509_parse(wbuf_slice(&cert), &x);
	else if (rc == RC_ABSENT)
		return pem_read(s, "PUBLIC KEY", w);
	if (rc == RC_OK)
		wbuf_put(w, x.spki.p, x.spki.len);
	return rc;
}

void expect_public_key(const struct verb *v, struct expect *e, const char *path)
{
	static const char begin[] = "-----BEGIN";
	struct slice s = load(path);
	struct wbuf w = wbuf_of(e->public_key_bytes, sizeof e->public_key_bytes);
	enum rc rc = take_pem_key(s, &w);

	if (rc == RC_ABSENT && memmem(s.p, s.len, begin, sizeof begin - 1) == NULL) {
		wbuf_put(&w, s.p, s.len);
		rc = RC_OK;
	}
	if (rc != RC_OK)
		verb_misuse(v,
		            "%s is PEM, but not of a public key, or of a certificate, that "
		            "can be read",
		            path);
	if (w.over || w.len == 0)
		verb_misuse(v, "%s holds no public key: at most %d bytes of one, or PEM", path,
		            DOCUMENT_FIELD_MAX);
	e->public_key = wbuf_slice(&w);
	e->policy.public_key = &e->public_key;
}

void expect_option(const struct verb *v, struct expect *e, int c, const char *value)
{
	uint32_t n;

	switch (c) {
	case EXPECT_NONCE: take_nonce(v, e, value); break;
	case EXPECT_MEASUREMENTS: take_measurements(v, e, value); break;
	case EXPECT_PCR: take_pcr(v, e, value); break;
	case EXPECT_ROOT: take_root(e, value); break;
	case EXPECT_MAX_AGE:
		if (!text_number(value, 0, UINT32_MAX, &n))
			verb_misuse(v, "--max-age needs a number of seconds");
		e->policy.max_age_s = n;
		break;
	case EXPECT_UNTOUCHED: e->policy.untouched = true; break;
	case EXPECT_ALLOW_DEBUG: e->policy.allow_debug = true; break;
	case EXPECT_ALLOW_EMULATED: e->policy.allow_emulated = true; break;
	case EXPECT_JSON: e->json = true; break;
	default: break;
	}
}
