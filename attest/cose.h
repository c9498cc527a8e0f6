/* COSE_Sign1 (RFC 9052 §4.2) taken apart, and the bytes that are signed.
 *
 *     [h'protected', {unprotected}, h'payload', h'signature']
 *
 * untagged or with tag 18 in its one-byte form; lengths definite or not.
 * Pure functions over a slice; results point into it. Input may be anybody's.
 */
#ifndef ATTEST_COSE_H
#define ATTEST_COSE_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	COSE_ALG_NONE = 0, /* the protected header names none */
	COSE_ALG_ES256 = -7,
	COSE_ALG_ES384 = -35,
	COSE_ALG_ES512 = -36,
	COSE_MAX = 0x3000,        /* bytes of any part */
	COSE_SIGNATURE_MAX = 132, /* ES512's */
	COSE_TBS_MAX = 64,        /* bytes cose_put_tbs adds to its parts */
};

struct cose_sign1 {
	struct slice protected, payload, signature;
	size_t unprotected; /* parameters nobody signed: counted, never read */
};

/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF as dcbor.h. What the protected header holds is
 * not looked at. */
RC_CHECK enum rc cose_parse(struct slice in, struct cose_sign1 *c);

/* The algorithm that the protected header names, or COSE_ALG_NONE. RC_BAD,
 * RC_LIMIT, RC_EOF for a header that is no such map, names a parameter twice, has
 * one that must be understood (crit), labels beyond 0 to 31, or an algorithm that
 * is not a number. */
RC_CHECK enum rc cose_algorithm(const struct cose_sign1 *c, int64_t *algorithm);

/* The Sig_structure (RFC 9052 §4.4) that the signature is over. */
void cose_put_tbs(struct wbuf *w, const struct cose_sign1 *c, struct slice external);

#endif
