/* Certificates and attestation documents made to measure, good and bad, under
 * keys of our own: what the verifier's tests feed it.
 */
#ifndef TESTS_UNIT_FORGE_H
#define TESTS_UNIT_FORGE_H

#include <stdbool.h>

#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"
#include "attest/document.h"

enum {
	FORGE_CERT_MAX = 1024,
	FORGE_KEYS = 8,  /* P-384 keys, numbered; made from their number */
	FORGE_P256 = 7,  /* this one is on P-256 */
	FORGE_CHAIN = 4, /* root, two more, the document's own */
	FORGE_LEAF = FORGE_CHAIN - 1,
	FORGE_NOW = 1700000000,
};

struct forge_cert {
	unsigned key, signer; /* numbers of keys */
	const char *subject, *issuer;
	const char *not_before, *not_after; /* of UTCTime or GeneralizedTime */
	bool basic, ca;
	int path_len;              /* -1: none */
	int usage;                 /* first byte of keyUsage, -1: no such extension */
	struct slice extra;        /* a whole Extension, DER */
	struct slice tail;         /* bytes behind the certificate */
	bool sha256, other_inside; /* signed so; only the inner algorithm says so */
};

/* What a document of the signing module looks like: change it, then forge. */
struct forge {
	struct forge_cert cert[FORGE_CHAIN];
	size_t certs; /* of cert, in cabundle; the last is cert[FORGE_LEAF] */
	unsigned signer;
	const char *module_id, *digest;
	uint64_t timestamp_ms;
	uint32_t pcrs;
	uint8_t pcr[DOCUMENT_PCRS][SHA384_LEN];
	struct slice public_key, user_data, nonce;
	struct slice protected;   /* header */
	struct slice unprotected; /* encoded map */
	struct slice append;      /* pairs for the payload's map, encoded … */
	size_t appended;          /* … so many of them */
	uint32_t leave_out;       /* bit n: the n-th field, in the order of document.h */
	bool indefinite, tag;
};

/* One that is good at FORGE_NOW, with PCR0-4 and 16 set. */
void forge_init(struct forge *f);

/* The certificate into out, FORGE_CERT_MAX bytes; its length. */
size_t forge_cert(const struct forge_cert *c, uint8_t *out);

/* The document into out, DOCUMENT_MAX bytes; its length. */
size_t forge_document(const struct forge *f, uint8_t *out);

#endif
