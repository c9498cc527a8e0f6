/* Certificates, keys and ECDSA for signed images: the file that wraps
 * BearSSL here.
 *
 * P-256, P-384 and P-521, each with its own COSE algorithm and hash (RFC 9053
 * §2.1). Signatures are deterministic (RFC 6979), so that the same inputs give
 * the same image. No certificate chain and no validity time is looked at:
 * the hypervisor measures the certificate, and who reads PCR8 decides.
 *
 * The certificate may come from a hostile image, the key never does.
 */
#ifndef IMAGE_ECSIGN_H
#define IMAGE_ECSIGN_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	ECSIGN_DER_MAX = 16384, /* half the signature section: no PEM in it can hold more */
	ECSIGN_PUB_MAX = 133,   /* an uncompressed point of P-521 */
	ECSIGN_PRIV_MAX = 66,
	ECSIGN_SIG_MAX = 132,
};

struct ecsign_cert {
	uint8_t der[ECSIGN_DER_MAX];
	size_t der_len;
	int curve; /* BearSSL's number */
	uint8_t pub[ECSIGN_PUB_MAX];
	size_t pub_len;
};

struct ecsign_key {
	int curve;
	uint8_t priv[ECSIGN_PRIV_MAX];
	size_t priv_len;
};

/* The first certificate of a PEM text, as AWS's tools do it. RC_OK; else
 * RC_BAD or RC_LIMIT with a phrase in *why. */
RC_CHECK enum rc ecsign_cert(struct slice pem, struct ecsign_cert *c, const char **why);

/* The first EC private key of a PEM text, PKCS#8 or SEC 1, not encrypted.
 * Results as above. The caller wipes *k. */
RC_CHECK enum rc ecsign_key(struct slice pem, struct ecsign_key *k, const char **why);

/* Whether k is the private key of c. */
bool ecsign_matches(const struct ecsign_key *k, const struct ecsign_cert *c);

/* The COSE algorithm that goes with c's key. */
int64_t ecsign_algorithm(const struct ecsign_cert *c);

/* Signs tbs; r || s into sig, its length is the result, 0 on failure. */
size_t ecsign_sign(const struct ecsign_key *k, struct slice tbs, uint8_t sig[ECSIGN_SIG_MAX]);

bool ecsign_verify(const struct ecsign_cert *c, struct slice tbs, struct slice sig);

#endif
