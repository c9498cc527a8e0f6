/* A signed statement: an untagged COSE_Sign1 (RFC 9052 §4.2) whose payload is the
 * statement's bytes as they stand in its file,
 *
 *     [h'protected', {}, h'payload', h'r || s']
 *     protected  {1: algorithm, 3: "application/vnd.in-toto+json", 33: h'certificate'}
 *
 * deterministic CBOR, the certificate as x5chain (RFC 9360) in DER. Whether it is to be
 * trusted is not said: who checks brings the certificate.
 *
 * Input of seal_open: anybody's. Bounds: SEAL_MAX.
 */
#ifndef IMAGE_SEAL_H
#define IMAGE_SEAL_H

#include "tools/image/ecsign.h"
#include "tools/image/signer.h"

enum {
	SEAL_PAYLOAD_MAX = 4 << 20,
	SEAL_FRAME_MAX = ECSIGN_DER_MAX + ECSIGN_SIG_MAX + 128, /* all but the payload */
	SEAL_MAX = SEAL_PAYLOAD_MAX + SEAL_FRAME_MAX,
};

/* The COSE_Sign1 into *out, which the caller frees; prints its errors. */
RC_CHECK enum rc seal_make(const struct signer *s, struct slice payload, uint8_t **out,
                           size_t *len);

/* The payload of one that carries c and verifies under it. RC_BAD when it is no such
 * thing or carries another certificate, RC_MISMATCH when it does not verify, RC_LIMIT;
 * the reason in *why. */
RC_CHECK enum rc seal_open(struct slice in, const struct ecsign_cert *c, struct slice *payload,
                           const char **why);

#endif
