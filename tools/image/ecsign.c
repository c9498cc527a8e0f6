#include "tools/image/ecsign.h"

#include <bearssl.h>

#include "appliance/base/io.h"
#include "tools/image/signature.h"

static const struct curve {
	int id;
	int64_t algorithm;
	const br_hash_class *hash;
	size_t sig_len;
} curves[] = {
	{ BR_EC_secp256r1, COSE_ES256, &br_sha256_vtable, 64 },
	{ BR_EC_secp384r1, COSE_ES384, &br_sha384_vtable, 96 },
	{ BR_EC_secp521r1, COSE_ES512, &br_sha512_vtable, 132 },
};

static const struct curve *curve_of(int id)
{
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (curves[i].id == id)
			return &curves[i];
	return NULL;
}

static void append(void *w, const void *p, size_t n)
{
	wbuf_put(w, p, n);
}

struct pem_search {
	br_pem_decoder_context pem;
	const char *const *names; /* up to NULL */
	struct wbuf *der;
	bool inside, done, bad;
};

static void pem_event(struct pem_search *s)
{
	int event = br_pem_decoder_event(&s->pem);

	if (event == BR_PEM_BEGIN_OBJ) {
		for (size_t i = 0; s->names[i] != NULL; i++)
			if (strcmp(br_pem_decoder_name(&s->pem), s->names[i]) == 0)
				s->inside = true;
		br_pem_decoder_setdest(&s->pem, s->inside ? append : NULL, s->der);
	} else if (event == BR_PEM_END_OBJ) {
		s->done = s->inside;
	} else if (event == BR_PEM_ERROR) {
		s->bad = true;
	}
}

/* The first object of one of those names, decoded into der. RC_ABSENT when
 * there is none, RC_BAD when the PEM is, RC_LIMIT when it does not fit. */
static enum rc pem_find(struct slice text, const char *const *names, struct wbuf *der)
{
	struct pem_search s = { .names = names, .der = der };
	struct slice newline = slice_str("\n"); /* for a last line that has none */

	br_pem_decoder_init(&s.pem);
	while (!s.done && !s.bad && (text.len > 0 || newline.len > 0)) {
		struct slice *from = text.len > 0 ? &text : &newline;
		size_t n = br_pem_decoder_push(&s.pem, from->p, from->len);

		from->p += n;
		from->len -= n;
		pem_event(&s);
	}
	wipe(&s.pem, sizeof s.pem);
	if (!s.done)
		return s.bad || s.inside ? RC_BAD : RC_ABSENT;
	return der->over ? RC_LIMIT : RC_OK;
}

static const char *pem_why(enum rc rc, const char *absent)
{
	return rc == RC_ABSENT  ? absent
	       : rc == RC_LIMIT ? "it is too long"
	                        : "its PEM is malformed";
}

/* Whether the outer SEQUENCE is the whole of it: what AWS's tools measure is
 * the certificate encoded anew, which would drop trailing bytes. */
static bool is_one_sequence(struct slice der)
{
	size_t n, octets;

	if (der.len < 2 || der.p[0] != 0x30)
		return false;
	octets = der.p[1] & 0x7f;
	n = der.p[1];
	if (n < 0x80)
		return n == der.len - 2;
	if (octets == 0 || octets > 3 || octets > der.len - 2)
		return false;
	n = 0;
	for (size_t i = 0; i < octets; i++)
		n = n << 8 | der.p[2 + i];
	return n == der.len - 2 - octets;
}

enum rc ecsign_cert(struct slice pem, struct ecsign_cert *c, const char **why)
{
	static const char *const names[] = { "CERTIFICATE", "X509 CERTIFICATE", NULL };
	struct wbuf der = wbuf_of(c->der, sizeof c->der);
	br_x509_decoder_context x;
	br_x509_pkey *key;
	enum rc rc = pem_find(pem, names, &der);

	if (rc != RC_OK) {
		*why = pem_why(rc, "there is no certificate in it");
		return rc == RC_LIMIT ? rc : RC_BAD;
	}
	c->der_len = der.len;
	br_x509_decoder_init(&x, NULL, NULL);
	br_x509_decoder_push(&x, c->der, c->der_len);
	key = br_x509_decoder_get_pkey(&x);
	if (key == NULL || !is_one_sequence(wbuf_slice(&der))) {
		*why = "its certificate is malformed";
		return RC_BAD;
	}
	if (key->key_type != BR_KEYTYPE_EC || curve_of(key->key.ec.curve) == NULL ||
	    key->key.ec.qlen > sizeof c->pub) {
		*why = "its certificate's key is not on P-256, P-384 or P-521";
		return RC_BAD;
	}
	c->curve = key->key.ec.curve;
	c->pub_len = key->key.ec.qlen;
	memcpy(c->pub, key->key.ec.q, c->pub_len);
	return RC_OK;
}

static enum rc decode_key(struct slice der, struct ecsign_key *k, const char **why)
{
	br_skey_decoder_context d;
	const br_ec_private_key *ec;
	enum rc rc = RC_BAD;

	br_skey_decoder_init(&d);
	br_skey_decoder_push(&d, der.p, der.len);
	ec = br_skey_decoder_get_ec(&d);
	if (ec == NULL || curve_of(ec->curve) == NULL || ec->xlen > sizeof k->priv) {
		*why = "its key is not a private key on P-256, P-384 or P-521";
	} else {
		k->curve = ec->curve;
		k->priv_len = ec->xlen;
		memcpy(k->priv, ec->x, ec->xlen);
		rc = RC_OK;
	}
	wipe(&d, sizeof d);
	return rc;
}

enum rc ecsign_key(struct slice pem, struct ecsign_key *k, const char **why)
{
	static const char *const names[] = { "PRIVATE KEY", "EC PRIVATE KEY", NULL };
	static const char *const locked[] = { "ENCRYPTED PRIVATE KEY", NULL };
	uint8_t buf[2048];
	struct wbuf der = wbuf_of(buf, sizeof buf);
	enum rc rc = pem_find(pem, names, &der);

	memset(k, 0, sizeof *k);
	if (rc == RC_OK) {
		rc = decode_key(wbuf_slice(&der), k, why);
	} else {
		*why = pem_why(rc, "there is no private key in it");
		if (rc == RC_ABSENT && pem_find(pem, locked, &der) == RC_OK)
			*why = "its key is encrypted, decrypt it first: openssl pkey -in KEY -out "
			       "PLAIN";
		rc = rc == RC_LIMIT ? rc : RC_BAD;
	}
	wipe(buf, sizeof buf);
	return rc;
}

/* BearSSL's keys point at their bytes without const, but do not write. */
static br_ec_private_key private_key(const struct ecsign_key *k)
{
	return (br_ec_private_key){ k->curve, (unsigned char *)(uintptr_t)k->priv, k->priv_len };
}

bool ecsign_matches(const struct ecsign_key *k, const struct ecsign_cert *c)
{
	br_ec_private_key sk = private_key(k);
	uint8_t pub[BR_EC_KBUF_PUB_MAX_SIZE];
	size_t n;

	if (k->curve != c->curve)
		return false;
	n = br_ec_compute_pub(&br_ec_all_m31, NULL, pub, &sk);
	return slice_eq(slice_of(pub, n), slice_of(c->pub, c->pub_len));
}

int64_t ecsign_algorithm(const struct ecsign_cert *c)
{
	return curve_of(c->curve)->algorithm;
}

static void hash_of(const struct curve *curve, struct slice tbs, uint8_t out[64])
{
	br_hash_compat_context h;

	curve->hash->init(&h.vtable);
	curve->hash->update(&h.vtable, tbs.p, tbs.len);
	curve->hash->out(&h.vtable, out);
}

static size_t hash_len(const struct curve *curve)
{
	return curve->hash->desc >> BR_HASHDESC_OUT_OFF & BR_HASHDESC_OUT_MASK;
}

size_t ecsign_sign(const struct ecsign_key *k, struct slice tbs, uint8_t sig[ECSIGN_SIG_MAX])
{
	const struct curve *curve = curve_of(k->curve);
	br_ec_private_key sk = private_key(k);
	uint8_t hash[64];

	hash_of(curve, tbs, hash);
	return br_ecdsa_i31_sign_raw(&br_ec_all_m31, curve->hash, hash, &sk, sig);
}

bool ecsign_verify(const struct ecsign_cert *c, struct slice tbs, struct slice sig)
{
	const struct curve *curve = curve_of(c->curve);
	br_ec_public_key pk = { c->curve, (unsigned char *)(uintptr_t)c->pub, c->pub_len };
	uint8_t hash[64];

	if (sig.len != curve->sig_len)
		return false;
	hash_of(curve, tbs, hash);
	return br_ecdsa_i31_vrfy_raw(&br_ec_all_m31, hash, hash_len(curve), &pk, sig.p, sig.len) ==
	       1;
}
