/* The signature section of an EIF: its CBOR, without any cryptography.
 *
 * Specification: AWS's image-format library; COSE_Sign1 is RFC 9052 §4.2. An
 * array of one map,
 *
 *     [{"signing_certificate": [PEM's bytes], "signature": [COSE's bytes]}]
 *
 * with both as arrays of integers, one a byte. The COSE_Sign1 is untagged:
 *
 *     [h'protected', {}, h'payload', h'r || s']
 *     protected  {1: algorithm}
 *     payload    {"register_index": 0, "register_value": [48 integers]}
 *
 * AWS's format allows more than one map; its tools write and check one, for
 * PCR0, so anything else is refused. Input of the parser: anybody's.
 */
#ifndef IMAGE_SIGNATURE_H
#define IMAGE_SIGNATURE_H

#include "appliance/base/rc.h"
#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"
#include "tools/image/eif.h"

enum {
	COSE_ES256 = -7,
	COSE_ES384 = -35,
	COSE_ES512 = -36,
	SIGNATURE_PAYLOAD_MAX = 256, /* 131 to 132 + a byte for each value above 23 */
	SIGNATURE_TBS_MAX = 512,     /* the payload, the header and their frame */
	SIGNATURE_COSE_MAX = 1024,
};

struct signature {
	uint8_t bytes[EIF_SIGNATURE_MAX]; /* what the slices below point into */
	struct slice pem;                 /* the certificate */
	int64_t algorithm;                /* COSE_ES256, -384 or -512 */
	struct slice protected_header;
	struct slice payload;
	struct slice sig;         /* r || s, length unchecked */
	uint8_t pcr0[SHA384_LEN]; /* from the payload */
};

/* RC_OK, or RC_BAD or RC_LIMIT with a phrase in *why; s is then unspecified. */
RC_CHECK enum rc signature_parse(struct slice in, struct signature *s, const char **why);

/* Writers; each latches w->over. signature_put_tbs appends what is signed
 * (RFC 9052 §4.4, Sig_structure with empty external data). */
void signature_put_protected(struct wbuf *w, int64_t algorithm);
void signature_put_payload(struct wbuf *w, const uint8_t pcr0[SHA384_LEN]);
void signature_put_tbs(struct wbuf *w, struct slice protected_header, struct slice payload);
void signature_put_cose(struct wbuf *w, struct slice protected_header, struct slice payload,
                        struct slice sig);
void signature_put_section(struct wbuf *w, struct slice pem, struct slice cose);

#endif
