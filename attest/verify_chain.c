#include "attest/verify_chain.h"

static uint32_t bit(bool wrong, enum verify_reason reason)
{
	return wrong ? UINT32_C(1) << reason : 0;
}

/* Root first, the document's own last. False when one is not understood. */
static bool parse_all(const struct document *d, struct x509 *chain)
{
	for (size_t i = 0; i < d->certs; i++)
		if (x509_parse(d->cabundle[i], &chain[i]) != RC_OK)
			return false;
	return x509_parse(d->certificate, &chain[d->certs]) == RC_OK;
}

static bool is_root(struct slice der, const uint8_t root[SHA256_LEN])
{
	uint8_t digest[SHA256_LEN];

	sha256_of(der, digest);
	return memcmp(digest, root, SHA256_LEN) == 0;
}

static uint32_t check_time(const struct x509 *x, int64_t now_s)
{
	return bit(now_s < x->not_before_s, VERIFY_NOT_YET) |
	       bit(now_s > x->not_after_s, VERIFY_EXPIRED);
}

/* below: how many CA certificates come between x and the last. */
static uint32_t check_issuer(const struct x509 *x, size_t below)
{
	return bit(!x->ca, VERIFY_CHAIN_CA) |
	       bit(x->path_len != X509_PATH_ANY && below > (size_t)x->path_len, VERIFY_CHAIN_PATH) |
	       bit(!(x->key_usage & X509_KEY_CERT_SIGN), VERIFY_CHAIN_USAGE);
}

/* The one algorithm of these chains. */
static bool is_signed_by(const struct x509 *x, const struct x509 *issuer)
{
	return x->signed_by == ECDSA_P384 && issuer->curve == ECDSA_P384 &&
	       ecdsa_verify_der(ECDSA_P384, issuer->point, x->tbs, x->signature);
}

uint32_t verify_chain(const struct document *d, const uint8_t root[SHA256_LEN], int64_t now_s,
                      struct chain *c)
{
	uint32_t reasons = bit(!is_root(d->cabundle[0], root), VERIFY_ROOT);
	const struct x509 *x = c->cert;

	memset(c, 0, sizeof *c);
	if (!parse_all(d, c->cert)) {
		memset(c, 0, sizeof *c);
		return reasons | bit(true, VERIFY_CERTIFICATE);
	}
	c->last = d->certs;
	c->valid_until_s = x[0].not_after_s;
	for (size_t i = 0; i <= c->last; i++) {
		reasons |= check_time(&x[i], now_s);
		if (x[i].not_after_s < c->valid_until_s)
			c->valid_until_s = x[i].not_after_s;
		if (i < c->last)
			reasons |= check_issuer(&x[i], c->last - 1 - i);
		if (i > 0)
			reasons |= bit(!slice_eq(x[i].issuer, x[i - 1].subject), VERIFY_CHAIN_NAME);
	}
	return reasons | bit(x[c->last].ca, VERIFY_CHAIN_CA) |
	       bit(!(x[c->last].key_usage & X509_DIGITAL_SIGNATURE), VERIFY_CHAIN_USAGE);
}

/* The root is pinned: its own signature says nothing more. */
bool verify_chain_signatures(const struct chain *c)
{
	bool ok = c->last > 0;

	for (size_t i = 1; i <= c->last && ok; i++)
		ok = is_signed_by(&c->cert[i], &c->cert[i - 1]);
	return ok;
}
