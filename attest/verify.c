#include "attest/verify.h"

#include "attest/verify_chain.h"

const uint8_t verify_aws_root[SHA256_LEN] = {
	0x64, 0x1a, 0x03, 0x21, 0xa3, 0xe2, 0x44, 0xef, 0xe4, 0x56, 0x46,
	0x31, 0x95, 0xd6, 0x06, 0x31, 0x7e, 0xd7, 0xcd, 0xcc, 0x3c, 0x17,
	0x56, 0xe0, 0x98, 0x93, 0xf3, 0xc6, 0x8f, 0x79, 0xbb, 0x5b,
};

enum {
	EMULATED_ALG = -1,
	EMULATED_LEN = 64,
	CODE_PCRS = 7, /* 0, 1 and 2; nothing in them is framed, they count together */
};

static const uint8_t zeros[SHA384_LEN];

static const struct {
	const char *name, *sentence;
} reasons[VERIFY_REASONS] = {
	[VERIFY_MALFORMED] = { "malformed", "it is not a well-formed attestation document" },
	[VERIFY_FIELD] = { "unknown-field",
	                   "it has a field that this verifier does not know, which may change "
	                   "what the others mean" },
	[VERIFY_NITROTPM] = { "nitrotpm",
	                      "it is a NitroTPM document: signed under the same root, but of an "
	                      "ordinary instance and not of an enclave" },
	[VERIFY_EMULATED] = { "emulated",
	                      "it is the emulator's and not signed by anybody (--allow-emulated "
	                      "accepts it, for tests)" },
	[VERIFY_ALGORITHM] = { "algorithm", "its signature's algorithm is not ES384" },
	[VERIFY_CERTIFICATE] = { "certificate",
	                         "a certificate in it is malformed, or has a critical extension "
	                         "or an algorithm that is not understood" },
	[VERIFY_ROOT] = { "root", "its chain does not begin with the pinned root certificate" },
	[VERIFY_CHAIN_NAME] = { "chain-name",
	                        "a certificate's issuer is not the one before it in the chain" },
	[VERIFY_CHAIN_CA] = { "chain-ca",
	                      "a certificate in the chain may not issue others, or the last one "
	                      "may (basicConstraints)" },
	[VERIFY_CHAIN_PATH] = { "chain-path", "the chain is longer than one of its certificates "
	                                      "allows (pathLenConstraint)" },
	[VERIFY_CHAIN_USAGE] = { "chain-usage",
	                         "a key in the chain is used for what its certificate does not "
	                         "allow (keyUsage)" },
	[VERIFY_CHAIN_SIGNATURE] = { "chain-signature",
	                             "a certificate in the chain is not signed by the one before "
	                             "it" },
	[VERIFY_NOT_YET] = { "not-yet-valid", "a certificate in its chain is not valid yet at that "
	                                      "time (is the clock right?)" },
	[VERIFY_EXPIRED] = { "expired", "a certificate in its chain has expired at that time" },
	[VERIFY_SIGNATURE] = { "signature", "its signature is wrong: something in it was changed, "
	                                    "or another key made it" },
	[VERIFY_FUTURE] = { "future", "it was made in the future (is the clock right?)" },
	[VERIFY_STALE] = { "stale", "it is older than allowed (--max-age)" },
	[VERIFY_DEBUG] = { "debug",
	                   "PCR0, 1 or 2 is zero: the enclave runs in debug mode, the instance "
	                   "can read its console, and nothing proves its code (--allow-debug)" },
	[VERIFY_PCR] = { "pcr", "a PCR is not what was expected" },
	[VERIFY_NONCE] = { "nonce", "its nonce is not the one expected: it answers another "
	                            "question, perhaps an old one" },
	[VERIFY_PUBLIC_KEY] = { "public-key",
	                        "its public key is not the one expected: whoever holds this "
	                        "connection is not who was attested" },
	[VERIFY_CLAIMS] = { "claims", "its user_data is not that of this appliance" },
	[VERIFY_PURPOSE] = { "purpose", "it was made for another purpose" },
	[VERIFY_TOUCH_STATE] = { "touch-state",
	                         "PCR17 and user_data contradict each other about touches" },
	[VERIFY_TOUCH_LOG] = { "touch-log", "the touch log is not the one it vouches for" },
	[VERIFY_TOUCHED] = { "touched", "the enclave was touched since it booted" },
	[VERIFY_TOUCH_UNPROVED] = { "touch-unproved",
	                            "nothing proves that it was not touched: that takes this "
	                            "appliance's user_data, and PCR0, 1 and 2 as expected "
	                            "(--measurements), not in debug mode" },
};

const char *verify_name(enum verify_reason reason)
{
	return (unsigned)reason < VERIFY_REASONS ? reasons[reason].name : "?";
}

const char *verify_sentence(enum verify_reason reason)
{
	return (unsigned)reason < VERIFY_REASONS ? reasons[reason].sentence : "?";
}

static void refuse_if(struct verify_result *r, bool wrong, enum verify_reason reason)
{
	if (wrong)
		r->reasons |= UINT32_C(1) << reason;
}

static bool is_zero(struct slice s, size_t len)
{
	static const uint8_t zero[EMULATED_LEN];

	return s.len == len && memcmp(s.p, zero, len) == 0;
}

/* QEMU's nitro-enclave machine signs nothing: algorithm -1, and zeros for the
 * signature, the certificate and the one of cabundle. Anybody can write that. */
static bool is_emulated(const struct document *d, int64_t algorithm)
{
	return algorithm == EMULATED_ALG && is_zero(d->cose.signature, EMULATED_LEN) &&
	       is_zero(d->certificate, EMULATED_LEN) && d->certs == 1 &&
	       is_zero(d->cabundle[0], EMULATED_LEN);
}

static bool has_pcr(const struct document *d, unsigned i)
{
	return d->pcrs >> i & 1;
}

static bool pcr_is(const struct document *d, unsigned i, const uint8_t value[SHA384_LEN])
{
	return has_pcr(d, i) && memcmp(d->pcr[i].p, value, SHA384_LEN) == 0;
}

static bool parse(struct slice in, struct verify_result *r, int64_t *algorithm)
{
	struct document *d = &r->document;

	r->rc = document_parse(in, d);
	if (r->rc == RC_OK)
		r->rc = cose_algorithm(&d->cose, algorithm);
	if (r->rc == RC_OK)
		return true;
	if (r->rc != RC_DENIED)
		refuse_if(r, true, VERIFY_MALFORMED);
	else if (slice_is(d->foreign, "nitrotpm_pcrs"))
		refuse_if(r, true, VERIFY_NITROTPM);
	else
		refuse_if(r, true, VERIFY_FIELD);
	return false;
}

static bool is_signed_by(const struct document *d, const struct x509 *leaf)
{
	uint8_t buf[DOCUMENT_MAX + COSE_TBS_MAX];
	struct wbuf tbs = wbuf_of(buf, sizeof buf);

	cose_put_tbs(&tbs, &d->cose, slice_of(NULL, 0));
	return !tbs.over && leaf->curve == ECDSA_P384 &&
	       ecdsa_verify(ECDSA_P384, leaf->point, wbuf_slice(&tbs), d->cose.signature);
}

static void check_signer(const struct verify_policy *p, int64_t algorithm, struct verify_result *r)
{
	const struct document *d = &r->document;
	struct chain chain;

	r->emulated = is_emulated(d, algorithm);
	if (r->emulated) {
		refuse_if(r, !p->allow_emulated, VERIFY_EMULATED);
		return;
	}
	refuse_if(r, algorithm != COSE_ALG_ES384, VERIFY_ALGORITHM);
	r->reasons |=
		verify_chain(d, p->root != NULL ? p->root : verify_aws_root, p->now_s, &chain);
	r->valid_until_s = chain.valid_until_s;
	if (p->brief && r->reasons != 0)
		return;
	refuse_if(r, !is_signed_by(d, &chain.cert[chain.last]), VERIFY_SIGNATURE);
	if (p->brief && r->reasons != 0)
		return;
	refuse_if(r, !verify_chain_signatures(&chain), VERIFY_CHAIN_SIGNATURE);
}

static void check_time(const struct verify_policy *p, struct verify_result *r)
{
	int64_t made_s = (int64_t)(r->document.timestamp_ms / 1000);

	/* Both far from overflow: made_s is at most INT64_MAX / 1000, and what
	 * now_s is comes from a clock or a person. */
	refuse_if(r, made_s > p->now_s && made_s - p->now_s > VERIFY_SKEW_S, VERIFY_FUTURE);
	refuse_if(r, p->now_s > made_s && p->now_s - made_s > p->max_age_s, VERIFY_STALE);
}

static void check_pcrs(const struct verify_policy *p, struct verify_result *r)
{
	const struct document *d = &r->document;

	for (unsigned i = 0; i < DOCUMENT_PCRS; i++)
		if (p->pcrs >> i & 1 && !pcr_is(d, i, p->pcr[i]))
			r->wrong_pcrs |= UINT32_C(1) << i;
	for (unsigned i = 0; i <= 2; i++) {
		if (!has_pcr(d, i))
			r->wrong_pcrs |= UINT32_C(1) << i;
		r->debug |= pcr_is(d, i, zeros);
	}
	refuse_if(r, r->wrong_pcrs != 0, VERIFY_PCR);
	refuse_if(r, r->debug && !p->allow_debug, VERIFY_DEBUG);
	r->code_known = (p->pcrs & CODE_PCRS) == CODE_PCRS && (r->wrong_pcrs & CODE_PCRS) == 0 &&
	                !r->debug;
}

/* PCR17 is SHA-384(zeros ‖ head 1), extended once. */
static bool log_agrees(const struct verify_log *l, const struct document *d, const struct claims *c)
{
	uint64_t least = c->touches < TOUCH_KEPT_MIN ? c->touches : TOUCH_KEPT_MIN;
	uint8_t pcr[SHA384_LEN] = { 0 };

	/* Whoever shows the log chooses where it begins, and the base there. Only
	 * records tie that to the head. */
	if (l->next != c->touches + 1 || l->next - l->from < least ||
	    memcmp(l->head, c->head, SHA384_LEN) != 0)
		return false;
	if (c->touches == 0 || l->from != 1)
		return true;
	touch_chain(pcr, slice_of(l->first, sizeof l->first));
	return pcr_is(d, PCR_TOUCH, pcr);
}

static void check_touches(const struct verify_policy *p, struct verify_result *r)
{
	const struct document *d = &r->document;
	const struct claims *c = &r->claims;
	bool marked = has_pcr(d, PCR_TOUCH);

	if (r->has_claims) {
		bool none = c->touches == 0;

		if (r->code_known)
			r->touch = none && !marked ? VERIFY_TOUCH_NONE : VERIFY_TOUCH_SOME;
		refuse_if(r, none == marked, VERIFY_TOUCH_STATE);
		refuse_if(r, none != (memcmp(c->head, zeros, SHA384_LEN) == 0), VERIFY_TOUCH_STATE);
		refuse_if(r, p->log != NULL && !log_agrees(p->log, d, c), VERIFY_TOUCH_LOG);
	} else {
		refuse_if(r, p->log != NULL, VERIFY_TOUCH_LOG);
	}
	refuse_if(r, p->untouched && r->touch == VERIFY_TOUCH_SOME, VERIFY_TOUCHED);
	refuse_if(r, p->untouched && r->touch == VERIFY_TOUCH_UNKNOWN, VERIFY_TOUCH_UNPROVED);
}

static void check_claims(const struct verify_policy *p, struct verify_result *r)
{
	const struct claims *c = &r->claims;

	r->has_claims = claims_parse(r->document.user_data, &r->claims) == RC_OK;
	refuse_if(r, p->claims && !r->has_claims, VERIFY_CLAIMS);
	if (!r->has_claims)
		return;
	refuse_if(r, p->claims && c->purpose != p->purpose, VERIFY_PURPOSE);
	/* In those for other purposes whoever asked chooses the public key. */
	refuse_if(r, p->public_key != NULL && c->purpose != PURPOSE_TLS, VERIFY_PURPOSE);
}

static bool is_expected(const struct slice *expected, struct slice s)
{
	return expected == NULL || (expected->len > 0 && slice_eq(*expected, s));
}

bool verify_document(struct slice document, const struct verify_policy *p, struct verify_result *r)
{
	const struct document *d = &r->document;
	int64_t algorithm;

	memset(r, 0, sizeof *r);
	if (!parse(document, r, &algorithm))
		return false;
	check_time(p, r);
	check_pcrs(p, r);
	refuse_if(r, !is_expected(p->nonce, d->nonce), VERIFY_NONCE);
	refuse_if(r, !is_expected(p->public_key, d->public_key), VERIFY_PUBLIC_KEY);
	check_claims(p, r);
	check_touches(p, r);
	check_signer(p, algorithm, r);
	return r->reasons == 0;
}

void verify_log_begin(struct verify_log *l, uint64_t from, const uint8_t base[SHA384_LEN])
{
	bool first = from == 1;

	memset(l, 0, sizeof *l);
	l->from = from;
	l->next = first && memcmp(base, zeros, SHA384_LEN) != 0 ? 0 : from;
	memcpy(l->head, base, SHA384_LEN);
}

enum rc verify_log_add(struct verify_log *l, struct slice record)
{
	struct touch_record t;
	enum rc rc = touch_parse(record, &t);

	if (rc != RC_OK)
		return rc;
	if (t.number != l->next)
		return RC_MISMATCH;
	touch_chain(l->head, record);
	if (t.number == 1)
		memcpy(l->first, l->head, SHA384_LEN);
	l->next++;
	return RC_OK;
}
