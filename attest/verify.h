/* The verifier: is this attestation document to be believed?
 *
 * Checks what AWS asks for ("Verifying the root of trust"), and what a client
 * of ours needs: the chain of certificates to the pinned root (RFC 5280: names,
 * signatures, validity, basicConstraints, path length, keyUsage; no Authority
 * Key Identifier is asked for), the signature (ES384, RFC 9052), the time, and
 * against what is expected: nonce, PCRs, public key, claims, touches.
 *
 * No I/O, no allocation, no clock, no state; about 20 KiB of stack. It links
 * with attest/, appliance/base/, libcbor and BearSSL. All input but the policy
 * is hostile. Every reason to refuse is found that can be, not only the first,
 * unless policy.brief is set.
 *
 * Without expected PCR0, 1 and 2 an accepted document proves genuine hardware,
 * not which code runs there, and so nothing of what user_data says: the touch
 * state is unknown then.
 */
#ifndef ATTEST_VERIFY_H
#define ATTEST_VERIFY_H

#include <stdbool.h>

#include "attest/claims_read.h"
#include "attest/document.h"
#include "attest/sha256.h"
#include "attest/touch.h"

enum verify_reason {
	/* The document's form; nothing else is looked at then. */
	VERIFY_MALFORMED,
	VERIFY_FIELD,    /* has a field we do not know: document.foreign */
	VERIFY_NITROTPM, /* of an instance's NitroTPM, not of an enclave */
	/* Who signed it. */
	VERIFY_EMULATED,
	VERIFY_ALGORITHM,
	VERIFY_CERTIFICATE,
	VERIFY_ROOT,
	VERIFY_CHAIN_NAME,
	VERIFY_CHAIN_CA,
	VERIFY_CHAIN_PATH,
	VERIFY_CHAIN_USAGE,
	VERIFY_CHAIN_SIGNATURE,
	VERIFY_NOT_YET,
	VERIFY_EXPIRED,
	VERIFY_SIGNATURE,
	/* What it says. */
	VERIFY_FUTURE,
	VERIFY_STALE,
	VERIFY_DEBUG,
	VERIFY_PCR,
	VERIFY_NONCE,
	VERIFY_PUBLIC_KEY,
	VERIFY_CLAIMS,
	VERIFY_PURPOSE,
	VERIFY_TOUCH_STATE,
	VERIFY_TOUCH_LOG,
	VERIFY_TOUCHED,
	VERIFY_TOUCH_UNPROVED, /* untouched was demanded, and touch is unknown */
	VERIFY_REASONS
};

enum {
	VERIFY_MAX_AGE_S = 300, /* for policies that have no opinion */
	/* How far a document may be ahead of the verifier's clock. */
	VERIFY_SKEW_S = 60,
};

/* SHA-256 of the certificate "aws.nitro-enclaves" G1, DER, as AWS publishes it. */
extern const uint8_t verify_aws_root[SHA256_LEN];

/* A touch log while it is read: begin, then add each record in order up to the
 * one the document knows (claims.touches). It agrees with the document when it
 * ends in the head there, lacks none but those that an enclave need not keep
 * (TOUCH_KEPT_MIN), and, begun with record 1, has the PCR17 there. */
struct verify_log {
	uint64_t from;             /* number of the first record */
	uint64_t next;             /* of the one that is to come; 0: none fits any more */
	uint8_t first[SHA384_LEN]; /* head 1 */
	uint8_t head[SHA384_LEN];
};

/* from: number of the first record that is at hand; base: the head before it.
 * A log from 0, or from 1 with a base that is not all zero, agrees with no
 * document and takes no record. */
void verify_log_begin(struct verify_log *l, uint64_t from, const uint8_t base[SHA384_LEN]);
/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF not a record; RC_MISMATCH not the next one. */
RC_CHECK enum rc verify_log_add(struct verify_log *l, struct slice record);

struct verify_policy {
	int64_t now_s;       /* when it is to be valid, since 1970 */
	int64_t max_age_s;   /* of its timestamp at now_s */
	const uint8_t *root; /* SHA-256 of the root's DER; NULL: AWS's */
	/* Expected; NULL: any. No document has an empty one that is expected. */
	const struct slice *nonce;
	const struct slice *public_key; /* as in the document; then of purpose tls */
	uint32_t pcrs;                  /* bit n: pcr[n] is expected */
	uint8_t pcr[DOCUMENT_PCRS][SHA384_LEN];
	bool claims;                  /* user_data must be attest/claims.h's … */
	enum purpose purpose;         /* … with this purpose */
	const struct verify_log *log; /* NULL: not at hand */
	bool untouched;               /* accept only that, proved */
	bool allow_debug;             /* PCR0, 1 or 2 zero */
	bool allow_emulated;          /* nobody signed it */
	/* Skip signatures, where nearly all of the time goes, once there is a
	 * reason to refuse: for who verifies what strangers send. */
	bool brief;
};

enum verify_touch {
	/* Without claims nothing says that PCR17 means touches; without code_known,
	 * that what both say is true. */
	VERIFY_TOUCH_UNKNOWN,
	VERIFY_TOUCH_NONE,
	VERIFY_TOUCH_SOME,
};

/* What was found. Slices point into the document. Unless it is accepted this
 * is what somebody claims. */
struct verify_result {
	uint32_t reasons; /* to refuse: bit n is verify_reason n; 0: accepted */
	enum rc rc;       /* how it is malformed, with VERIFY_MALFORMED */
	bool emulated;    /* unsigned: whatever it says is proved by nothing */
	bool debug;
	/* PCR0, 1 and 2 were expected, are as expected, and it is not debug mode:
	 * claims are the word of PID 1, not of any code that writes such ones. */
	bool code_known;
	bool has_claims;
	enum verify_touch touch;
	uint32_t wrong_pcrs;   /* with VERIFY_PCR; absent ones too */
	int64_t valid_until_s; /* when the first certificate expires; 0 unknown */
	struct document document;
	struct claims claims; /* with has_claims */
};

/* Whether to believe document; *r is filled in either way. */
RC_CHECK bool verify_document(struct slice document, const struct verify_policy *policy,
                              struct verify_result *r);

/* A word for scripts and a sentence, without a full stop, for people. */
const char *verify_name(enum verify_reason reason);
const char *verify_sentence(enum verify_reason reason);

#endif
