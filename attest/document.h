/* An attestation document of the Nitro Security Module, taken apart.
 *
 * COSE_Sign1 (RFC 9052 §4.2), untagged or with tag 18, of [protected,
 * unprotected, payload, signature]; the payload a map with text keys of
 * definite or indefinite length (AWS, "Verifying the root of trust", and
 * public samples). Everything is bounded, nothing is believed: a document
 * that parses proves nothing yet (attest/verify.h).
 *
 * Pure functions over a slice; the result points into it. Input may be
 * anybody's.
 */
#ifndef ATTEST_DOCUMENT_H
#define ATTEST_DOCUMENT_H

#include <stdbool.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	DOCUMENT_MAX = 0x3000, /* bytes; the NSM driver's bound */
	DOCUMENT_PCRS = 32,
	DOCUMENT_CERTS = 8, /* in cabundle; today there are four */
};

struct document {
	struct slice protected, payload, signature; /* signature: 96 bytes */
	struct slice module_id;                     /* text */
	uint64_t timestamp_ms;                      /* since 1970 */
	uint32_t pcrs;                              /* bit n: PCR n is there */
	struct slice pcr[DOCUMENT_PCRS];            /* 48 bytes each */
	struct slice certificate;
	size_t certs;
	struct slice cabundle[DOCUMENT_CERTS]; /* root first */
	/* Absent, null and empty all come as len 0. */
	struct slice public_key, user_data, nonce;
};

/* RC_OK; RC_BAD malformed, RC_LIMIT, RC_EOF. */
RC_CHECK enum rc document_parse(struct slice in, struct document *d);

#endif
