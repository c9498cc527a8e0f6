/* An attestation document of the Nitro Security Module, taken apart.
 *
 * A COSE_Sign1 (attest/cose.h) with an empty unprotected header, whose payload
 * is a map with text keys (AWS, "Verifying the root of trust", and public
 * samples); lengths definite or not. Everything is bounded, nothing is
 * believed: a document that parses proves nothing yet (attest/verify.h).
 *
 *   module_id    text, printable ASCII     certificate  bytes, DER
 *   digest       "SHA384"                  cabundle     array of bytes, DER
 *   timestamp    ms since 1970             public_key, user_data, nonce:
 *   pcrs         map of 0..31 → 48 bytes     bytes, null or absent
 *
 * Each once, in any order, and no other: a field we do not know may change
 * what the rest means, as nitrotpm_pcrs does.
 *
 * Pure functions over a slice; the result points into it. Input may be
 * anybody's.
 */
#ifndef ATTEST_DOCUMENT_H
#define ATTEST_DOCUMENT_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"
#include "attest/cose.h"

enum {
	DOCUMENT_MAX = 0x3000, /* bytes; the NSM driver's bound */
	DOCUMENT_PCRS = 32,
	DOCUMENT_CERTS = 8, /* in cabundle; today there are four */
	DOCUMENT_CERT_MAX = 1024,
	DOCUMENT_FIELD_MAX = 1024, /* of the three optional fields */
	DOCUMENT_MODULE_MAX = 127,
};

struct document {
	struct cose_sign1 cose;
	struct slice module_id;                /* not empty */
	uint64_t timestamp_ms;                 /* since 1970, at most INT64_MAX */
	uint32_t pcrs;                         /* bit n: PCR n is there */
	struct slice pcr[DOCUMENT_PCRS];       /* 48 bytes each */
	struct slice certificate;              /* not empty */
	size_t certs;                          /* at least 1 */
	struct slice cabundle[DOCUMENT_CERTS]; /* root first; none is empty */
	/* Absent, null and empty all come as len 0. */
	struct slice public_key, user_data, nonce;
	struct slice foreign; /* with RC_DENIED */
};

/* RC_OK; RC_BAD malformed, RC_LIMIT, RC_EOF; RC_DENIED when the payload has a
 * field that is not above: foreign is its name. */
RC_CHECK enum rc document_parse(struct slice in, struct document *d);

#endif
