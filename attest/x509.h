/* One X.509 certificate (RFC 5280) taken apart: version 3, signed by ECDSA.
 * Nothing is judged here but its form; what it proves is attest/verify.h's.
 *
 * Pure; the result points into the input, which may be anybody's.
 */
#ifndef ATTEST_X509_H
#define ATTEST_X509_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"
#include "attest/ecdsa.h"

enum {
	X509_MAX = 8192, /* bytes: ours carries a document */
	X509_PATH_ANY = -1,
	/* keyUsage */
	X509_DIGITAL_SIGNATURE = 1 << 0,
	X509_KEY_CERT_SIGN = 1 << 5,
};

struct x509 {
	struct slice tbs;             /* what is signed */
	struct slice issuer, subject; /* Name, DER */
	int64_t not_before_s, not_after_s;
	struct slice spki;          /* SubjectPublicKeyInfo, DER */
	enum ecdsa_curve curve;     /* of the subject's key; ECDSA_NONE: another kind */
	struct slice point;         /* in spki, uncompressed; empty for another kind */
	bool ca;                    /* basicConstraints, false when absent */
	int path_len;               /* X509_PATH_ANY: not limited */
	uint16_t key_usage;         /* bits as above, 0 when absent */
	enum ecdsa_curve signed_by; /* whose hash the signature is over */
	struct slice signature;     /* DER */
};

/* RC_OK; RC_BAD, RC_EOF, RC_LIMIT; RC_DENIED for a signature algorithm or a
 * critical extension that we do not know. */
RC_CHECK enum rc x509_parse(struct slice in, struct x509 *x);

/* The point in a SubjectPublicKeyInfo, empty and ECDSA_NONE when it is not one
 * of a P-256 or P-384 key, uncompressed. */
struct slice x509_point(struct slice spki, enum ecdsa_curve *curve);

#endif
