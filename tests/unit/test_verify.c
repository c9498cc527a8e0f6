/* attest/verify.h on documents that are forged to be wrong in one way each: the
 * reasons must be those, and no other. */
#include "appliance/base/dcbor.h"
#include "attest/verify.h"
#include "tests/unit/forge.h"
#include "tests/unit/test.h"

static uint8_t root[SHA256_LEN];
static uint8_t document[DOCUMENT_MAX];
static struct verify_result result;

#define REASON(name) (UINT32_C(1) << (VERIFY_##name))

/* What forge_init() makes is accepted by this. */
static struct verify_policy policy_of(void)
{
	return (struct verify_policy){ .now_s = FORGE_NOW,
		                       .max_age_s = VERIFY_MAX_AGE_S,
		                       .root = root };
}

static void find_root(void)
{
	uint8_t der[FORGE_CERT_MAX];
	struct forge f;

	forge_init(&f);
	sha256_of(slice_of(der, forge_cert(&f.cert[0], der)), root);
}

static uint32_t judge(const struct forge *f, const struct verify_policy *p)
{
	struct slice s = slice_of(document, forge_document(f, document));

	CHECK(verify_document(s, p, &result) == (result.reasons == 0));
	return result.reasons;
}

/* Checks the reasons, naming those found when they differ. */
static void wants(const char *what, const struct forge *f, const struct verify_policy *p,
                  uint32_t reasons)
{
	uint32_t got = judge(f, p);

	if (CHECK(got == reasons))
		return;
	printf("  %s:", what);
	for (unsigned i = 0; i < VERIFY_REASONS; i++)
		if (got >> i & 1)
			printf(" %s", verify_name((enum verify_reason)i));
	printf("\n");
}

static void good(void)
{
	struct verify_policy p = policy_of();
	struct forge f;

	forge_init(&f);
	wants("good", &f, &p, 0);
	CHECK(result.valid_until_s == 1700006400 && !result.debug && !result.emulated);
	CHECK(result.document.certs == 3 && result.document.pcrs == f.pcrs);
	CHECK(slice_is(result.document.module_id, f.module_id));
	CHECK(result.touch == VERIFY_TOUCH_UNKNOWN && !result.has_claims);
	f.indefinite = true;
	f.tag = true;
	wants("indefinite lengths and the tag", &f, &p, 0);
	p.root = NULL;
	wants("AWS's root", &f, &p, REASON(ROOT));
	p = policy_of();
	p.now_s = FORGE_NOW + 6400;
	p.max_age_s = 6400;
	wants("the last second", &f, &p, 0);
	p.now_s++;
	p.max_age_s = 6401;
	wants("a second later", &f, &p, REASON(EXPIRED));
}

/* 1.2.3.4, critical and not; AWS's have some that are not. */
static const uint8_t unknown_critical[] = { 0x30, 12, 6, 3, 0x2a, 3, 4, 1, 1, 0xff, 4, 2, 5, 0 };
static const uint8_t unknown[] = { 0x30, 9, 6, 3, 0x2a, 3, 4, 4, 2, 5, 0 };
static const uint8_t usage_again[] = { 0x30, 11, 6, 3, 0x55, 0x1d, 15, 4, 4, 3, 2, 2, 4 };

static void spoil_form(struct forge *f, unsigned i)
{
	switch (i) {
	case 0: f->cert[1].extra = slice_of(unknown_critical, sizeof unknown_critical); break;
	case 1: f->cert[2].extra = slice_of(usage_again, sizeof usage_again); break;
	case 2: f->cert[1].tail = slice_of("", 1); break;
	case 3: f->cert[2].other_inside = true; break;
	case 4: f->cert[2].not_after = "231315000000Z"; break;
	case 5: f->cert[2].not_after = "231115000000+"; break;
	case 6: f->cert[2].not_after = "2311150000Z"; break;
	case 7: f->cert[2].not_after = "20230229000000Z"; break;
	default: break;
	}
}

/* One not understood: the chain cannot be judged, so that nobody vouches for
 * the signatures either. */
static void forms(void)
{
	struct verify_policy p = policy_of();
	struct forge f;

	for (unsigned i = 0; i < 8; i++) {
		forge_init(&f);
		spoil_form(&f, i);
		wants("form", &f, &p,
		      REASON(CERTIFICATE) | REASON(CHAIN_SIGNATURE) | REASON(SIGNATURE));
	}
	forge_init(&f);
	f.cert[1].extra = slice_of(unknown, sizeof unknown);
	wants("an unknown extension that is not critical", &f, &p, 0);
	f.cert[2].not_after = "20231115000000Z";
	wants("a GeneralizedTime before 2050", &f, &p, 0);
}

static uint32_t spoil_chain(struct forge *f, unsigned i)
{
	switch (i) {
	case 0: f->cert[2].issuer = "another"; return REASON(CHAIN_NAME);
	case 1: f->cert[1].subject = "another"; return REASON(CHAIN_NAME);
	case 2: f->cert[1].ca = false, f->cert[1].path_len = -1; return REASON(CHAIN_CA);
	case 3: f->cert[2].basic = false; return REASON(CHAIN_CA);
	case 4: f->cert[FORGE_LEAF].ca = true; return REASON(CHAIN_CA);
	case 5: f->cert[1].path_len = 0; return REASON(CHAIN_PATH);
	case 6: f->cert[1].usage = 0x80; return REASON(CHAIN_USAGE);
	case 7: f->cert[2].usage = -1; return REASON(CHAIN_USAGE);
	case 8: f->cert[FORGE_LEAF].usage = 0x04; return REASON(CHAIN_USAGE);
	case 9: f->cert[FORGE_LEAF].usage = -1; return REASON(CHAIN_USAGE);
	case 10: f->cert[2].signer = 5; return REASON(CHAIN_SIGNATURE);
	case 11: f->cert[1].signer = 5; return REASON(CHAIN_SIGNATURE);
	case 12: f->cert[FORGE_LEAF].signer = 0; return REASON(CHAIN_SIGNATURE);
	case 13: f->cert[2].sha256 = true; return REASON(CHAIN_SIGNATURE);
	case 14: f->cert[2].key = f->cert[3].signer = FORGE_P256; return REASON(CHAIN_SIGNATURE);
	case 15: f->cert[FORGE_LEAF].key = f->signer = FORGE_P256; return REASON(SIGNATURE);
	case 16: f->signer = 0; return REASON(SIGNATURE);
	case 17: f->cert[2].not_after = "231114221319Z"; return REASON(EXPIRED);
	case 18: f->cert[1].not_before = "231114221321Z"; return REASON(NOT_YET);
	case 19: f->cert[0].signer = 5; return REASON(ROOT);
	case 20: f->cert[0].not_after = "231114000000Z"; return REASON(ROOT) | REASON(EXPIRED);
	case 21: f->certs = 2; return REASON(CHAIN_NAME) | REASON(CHAIN_SIGNATURE);
	case 22: f->certs = 1; return REASON(CHAIN_NAME) | REASON(CHAIN_SIGNATURE);
	case 23:
		f->cert[2].issuer = "another";
		f->cert[1].usage = -1;
		f->signer = 0;
		return REASON(CHAIN_NAME) | REASON(CHAIN_USAGE) | REASON(SIGNATURE);
	default: return 0;
	}
}

static void chains(void)
{
	struct verify_policy p = policy_of(), brief = policy_of();
	char what[16];
	struct forge f;

	brief.brief = true;
	for (unsigned i = 0; i < 24; i++) {
		uint32_t reasons;

		forge_init(&f);
		reasons = spoil_chain(&f, i);
		snprintf(what, sizeof what, "chain %u", i);
		wants(what, &f, &p, reasons);
		CHECK((judge(&f, &brief) & ~reasons) == 0 && result.reasons != 0);
	}
}

/* A chain whose first is the pinned root and whose last is its own island. */
static void spliced(void)
{
	struct verify_policy p = policy_of();
	struct forge f;

	forge_init(&f);
	f.cert[1].issuer = f.cert[1].subject;
	f.cert[1].signer = f.cert[1].key;
	wants("a second root behind the first", &f, &p,
	      REASON(CHAIN_NAME) | REASON(CHAIN_SIGNATURE));
	forge_init(&f);
	f.cert[1].key = f.cert[2].signer = 5;
	f.cert[1].signer = 5;
	wants("the names of the region, another's key", &f, &p, REASON(CHAIN_SIGNATURE));
}

static void algorithms(void)
{
	static const uint8_t es256[] = { 0xa1, 1, 0x26 }, kid[] = { 0xa1, 4, 0x41, 'k' };
	static const uint8_t moved[] = { 0xa1, 1, 0x38, 0x22 }, empty[] = { 0xbf, 0xff };
	struct verify_policy p = policy_of();
	struct forge f;

	forge_init(&f);
	f.protected = slice_of(es256, sizeof es256);
	wants("ES256", &f, &p, REASON(ALGORITHM));
	f.protected = slice_of(NULL, 0);
	wants("no algorithm", &f, &p, REASON(ALGORITHM));
	f.unprotected = slice_of(moved, sizeof moved);
	wants("the algorithm where nobody signs it", &f, &p, REASON(MALFORMED));
	forge_init(&f);
	f.unprotected = slice_of(kid, sizeof kid);
	wants("an unprotected header", &f, &p, REASON(MALFORMED));
	f.unprotected = slice_of(empty, sizeof empty);
	wants("an empty one of indefinite length", &f, &p, 0);
}

static void times(void)
{
	struct verify_policy p = policy_of();
	struct forge f;

	forge_init(&f);
	p.now_s = FORGE_NOW + VERIFY_MAX_AGE_S;
	wants("just fresh", &f, &p, 0);
	p.now_s++;
	wants("stale", &f, &p, REASON(STALE));
	p.now_s = FORGE_NOW - VERIFY_SKEW_S;
	wants("a clock that is a little slow", &f, &p, 0);
	p.now_s--;
	wants("future", &f, &p, REASON(FUTURE));
	p.now_s = FORGE_NOW;
	f.timestamp_ms = INT64_MAX;
	wants("far future", &f, &p, REASON(FUTURE));
	f.timestamp_ms = 0;
	wants("1970", &f, &p, REASON(STALE));
}

static void fields(void)
{
	static const struct slice empty;
	const struct slice nonce = slice_str("sixteen bytes .."), key = slice_str("key");
	struct verify_policy p = policy_of();
	struct forge f;

	forge_init(&f);
	p.nonce = &nonce;
	wants("no nonce", &f, &p, REASON(NONCE));
	f.nonce = slice_str("sixteen bytes .!");
	wants("another nonce", &f, &p, REASON(NONCE));
	f.nonce = nonce;
	wants("the nonce", &f, &p, 0);
	p.public_key = &key;
	wants("no key", &f, &p, REASON(PUBLIC_KEY));
	f.public_key = slice_str("key1");
	wants("a longer key", &f, &p, REASON(PUBLIC_KEY));
	f.public_key = key;
	wants("the key", &f, &p, 0);
	p.claims = true;
	wants("no claims", &f, &p, REASON(CLAIMS));
	f.user_data = slice_str("something else");
	wants("another's user_data", &f, &p, REASON(CLAIMS));
	f.nonce = slice_of("", 0);
	wants("all that at once, an empty nonce", &f, &p, REASON(CLAIMS) | REASON(NONCE));
	p = policy_of();
	p.nonce = p.public_key = &empty;
	wants("empty ones are expected", &f, &p, REASON(NONCE) | REASON(PUBLIC_KEY));
	forge_init(&f);
	wants("and there are none", &f, &p, REASON(NONCE) | REASON(PUBLIC_KEY));
}

static void pcrs(void)
{
	struct verify_policy p = policy_of();
	struct forge f;

	forge_init(&f);
	p.pcrs = 0x10007;
	memcpy(p.pcr, f.pcr, sizeof p.pcr);
	wants("as expected", &f, &p, 0);
	f.pcr[16][47] ^= 1;
	wants("one bit", &f, &p, REASON(PCR));
	CHECK(result.wrong_pcrs == 0x10000);
	p.pcrs = 1u << 5;
	wants("one that is not there", &f, &p, REASON(PCR));
	CHECK(result.wrong_pcrs == 1u << 5);
	p.pcrs = 0;
	f.pcrs = 0x1001b;
	wants("PCR2 is not there", &f, &p, REASON(PCR));
	f.pcrs = 0x1001f;
	memset(f.pcr[3], 0, SHA384_LEN);
	wants("PCR3 may be zero", &f, &p, 0);
	for (unsigned i = 0; i <= 2; i++) {
		forge_init(&f);
		memset(f.pcr[i], 0, SHA384_LEN);
		p.allow_debug = false;
		wants("debug", &f, &p, REASON(DEBUG));
		p.allow_debug = true;
		wants("debug allowed", &f, &p, 0);
		CHECK(result.debug);
	}
}

/* QEMU's: nobody's signature. */
static size_t emulate(uint8_t *out, uint8_t certificate, size_t signature)
{
	static const uint8_t pcr[SHA384_LEN] = { 1 };
	static uint8_t zero[96];
	uint8_t a[1024];
	struct wbuf payload = wbuf_of(a, sizeof a), w = wbuf_of(out, DOCUMENT_MAX);

	zero[0] = certificate;
	dcbor_put_map(&payload, 6);
	dcbor_put_text(&payload, slice_str("module_id"));
	dcbor_put_text(&payload, slice_str("i-1234-enc5678"));
	dcbor_put_text(&payload, slice_str("digest"));
	dcbor_put_text(&payload, slice_str("SHA384"));
	dcbor_put_text(&payload, slice_str("timestamp"));
	dcbor_put_uint(&payload, UINT64_C(1000) * FORGE_NOW);
	dcbor_put_text(&payload, slice_str("pcrs"));
	dcbor_put_map(&payload, 3);
	for (unsigned i = 0; i < 3; i++) {
		dcbor_put_uint(&payload, i);
		dcbor_put_bytes(&payload, slice_of(pcr, sizeof pcr));
	}
	dcbor_put_text(&payload, slice_str("certificate"));
	dcbor_put_bytes(&payload, slice_of(zero, 64));
	dcbor_put_text(&payload, slice_str("cabundle"));
	dcbor_put_array(&payload, 1);
	zero[0] = 0;
	dcbor_put_bytes(&payload, slice_of(zero, 64));
	dcbor_put_array(&w, 4);
	dcbor_put_bytes(&w, slice_of("\xa1\x01\x20", 3));
	dcbor_put_map(&w, 0);
	dcbor_put_bytes(&w, wbuf_slice(&payload));
	dcbor_put_bytes(&w, slice_of(zero, signature));
	return w.len;
}

static void emulated(void)
{
	const struct slice nonce = slice_str("n");
	struct verify_policy p = policy_of();
	uint32_t broken = REASON(ALGORITHM) | REASON(ROOT) | REASON(CERTIFICATE) |
	                  REASON(SIGNATURE) | REASON(CHAIN_SIGNATURE);
	size_t n = emulate(document, 0, 64);

	CHECK(!verify_document(slice_of(document, n), &p, &result));
	CHECK(result.reasons == REASON(EMULATED) && result.emulated);
	p.allow_emulated = true;
	CHECK(verify_document(slice_of(document, n), &p, &result) && result.emulated);
	p.nonce = &nonce;
	CHECK(!verify_document(slice_of(document, n), &p, &result));
	CHECK(result.reasons == REASON(NONCE));
	p.nonce = NULL;
	n = emulate(document, 1, 64);
	CHECK(!verify_document(slice_of(document, n), &p, &result));
	CHECK(result.reasons == broken && !result.emulated);
	n = emulate(document, 0, 96);
	CHECK(!verify_document(slice_of(document, n), &p, &result));
	CHECK(result.reasons == broken && !result.emulated);
}

static void foreign(void)
{
	static const char tpm[] = "\x6dnitrotpm_pcrs\xa0", other[] = "\x65other\x00";
	struct verify_policy p = policy_of();
	struct forge f;

	forge_init(&f);
	f.append = slice_of(tpm, sizeof tpm - 1);
	f.appended = 1;
	wants("NitroTPM", &f, &p, REASON(NITROTPM));
	f.leave_out = 1u << 3; /* as they come: instead of pcrs */
	wants("NitroTPM without pcrs", &f, &p, REASON(NITROTPM));
	forge_init(&f);
	f.append = slice_of(other, sizeof other - 1);
	f.appended = 1;
	wants("another field", &f, &p, REASON(FIELD));
	CHECK(slice_is(result.document.foreign, "other"));
	CHECK(!verify_document(slice_of("", 0), &p, &result) && result.rc == RC_EOF);
	CHECK(result.reasons == REASON(MALFORMED));
}

/* --- touches --------------------------------------------------------------------- */

enum { RECORDS = 3 };

struct log {
	uint8_t record[RECORDS][TOUCH_RECORD_MAX];
	size_t len[RECORDS];
	uint8_t head[RECORDS + 1][SHA384_LEN];
	uint8_t pcr17[SHA384_LEN];
};

static void make_log(struct log *l)
{
	static const uint8_t digest[SHA384_LEN] = { 7 };

	memset(l, 0, sizeof *l);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct wbuf w = wbuf_of(l->record[i], TOUCH_RECORD_MAX);
		struct touch_record r = {
			.number = i + 1,
			.time_s = FORGE_NOW,
			.operation = slice_str("exec"),
			.user = slice_str("open"),
			.summary = slice_str("/bin/true"),
			.digest = slice_of(digest, sizeof digest),
		};

		touch_put(&w, &r);
		l->len[i] = w.len;
		memcpy(l->head[i + 1], l->head[i], SHA384_LEN);
		touch_chain(l->head[i + 1], wbuf_slice(&w));
	}
	touch_chain(l->pcr17, slice_of(l->head[1], SHA384_LEN));
}

/* A document that has seen n touches, as it should be. */
static void touched(struct forge *f, const struct log *l, unsigned n, uint8_t *user_data)
{
	struct wbuf w = wbuf_of(user_data, CLAIMS_MAX);
	struct claims c = { .purpose = PURPOSE_TLS, .touches = n };

	forge_init(f);
	memcpy(c.head, l->head[n], SHA384_LEN);
	claims_put(&w, &c);
	f->user_data = wbuf_slice(&w);
	if (n > 0)
		f->pcrs |= 1u << PCR_TOUCH;
	memcpy(f->pcr[PCR_TOUCH], l->pcr17, SHA384_LEN);
}

static struct verify_log chain_of(const struct log *l, unsigned from, unsigned n)
{
	struct verify_log v;

	verify_log_begin(&v, from, l->head[from - 1]);
	for (unsigned i = from; i <= n; i++)
		CHECK(verify_log_add(&v, slice_of(l->record[i - 1], l->len[i - 1])) == RC_OK);
	return v;
}

/* Claims are expected, and the code that writes them: PCR0, 1 and 2. */
static struct verify_policy policy_of_code(const struct forge *f)
{
	struct verify_policy p = policy_of();

	p.claims = true;
	p.pcrs = 7;
	memcpy(p.pcr, f->pcr, sizeof p.pcr);
	return p;
}

static void touches(void)
{
	struct verify_policy p;
	uint8_t user_data[CLAIMS_MAX];
	struct verify_log chain;
	struct log l;
	struct forge f;

	make_log(&l);
	touched(&f, &l, 0, user_data);
	p = policy_of_code(&f);
	wants("untouched", &f, &p, 0);
	CHECK(result.touch == VERIFY_TOUCH_NONE && result.has_claims);
	p.untouched = true;
	wants("untouched as demanded", &f, &p, 0);
	f.pcrs |= 1u << PCR_TOUCH;
	wants("PCR17 without touches", &f, &p, REASON(TOUCH_STATE) | REASON(TOUCHED));
	touched(&f, &l, 3, user_data);
	wants("touched", &f, &p, REASON(TOUCHED));
	CHECK(result.touch == VERIFY_TOUCH_SOME && result.claims.touches == 3);
	p.untouched = false;
	wants("touched, which is allowed", &f, &p, 0);
	f.pcrs &= ~(1u << PCR_TOUCH);
	wants("touches without PCR17", &f, &p, REASON(TOUCH_STATE));
	CHECK(result.touch == VERIFY_TOUCH_SOME);
	touched(&f, &l, 0, user_data);
	p = policy_of_code(&f);
	chain = chain_of(&l, 1, 0);
	p.log = &chain;
	wants("an empty log", &f, &p, 0);
	f.user_data = slice_of(NULL, 0);
	wants("a log and no claims", &f, &p, REASON(CLAIMS) | REASON(TOUCH_LOG));
}

/* Any code can write "0 touches" and leave PCR17 alone. */
static void unknown_code(void)
{
	struct verify_policy p;
	uint8_t user_data[CLAIMS_MAX];
	struct log l;
	struct forge f;

	make_log(&l);
	touched(&f, &l, 0, user_data);
	for (unsigned i = 0; i <= 2; i++) {
		p = policy_of_code(&f);
		p.pcrs &= ~(1u << i);
		wants("a PCR is not compared", &f, &p, 0);
		CHECK(result.touch == VERIFY_TOUCH_UNKNOWN && !result.code_known);
		p.untouched = true;
		wants("and untouched demanded", &f, &p, REASON(TOUCH_UNPROVED));
		p.pcrs = 7;
		wants("all compared", &f, &p, 0);
		CHECK(result.touch == VERIFY_TOUCH_NONE && result.code_known);
		p.pcr[i][47] ^= 1;
		wants("another", &f, &p, REASON(PCR) | REASON(TOUCH_UNPROVED));
		p.pcr[i][47] ^= 1;
		memset(f.pcr[i], 0, SHA384_LEN);
		memset(p.pcr[i], 0, SHA384_LEN);
		p.allow_debug = true;
		wants("debug mode, as expected", &f, &p, REASON(TOUCH_UNPROVED));
		touched(&f, &l, 0, user_data);
	}
	p = policy_of_code(&f);
	p.untouched = true;
	p.claims = false;
	f.user_data = slice_of(NULL, 0);
	wants("code that claims nothing", &f, &p, REASON(TOUCH_UNPROVED));
	touched(&f, &l, 3, user_data);
	p.pcrs = 0;
	wants("touches of unknown code", &f, &p, REASON(TOUCH_UNPROVED));
	CHECK(result.claims.touches == 3 && result.touch == VERIFY_TOUCH_UNKNOWN);
}

/* A key counts only in a document of purpose tls: in others who asked chose it. */
static void purposes(void)
{
	static const uint8_t digest[SHA384_LEN] = { 1 };
	const struct slice key = slice_str("key");
	struct claims c = { .purpose = PURPOSE_APP, .digest = slice_of(digest, sizeof digest) };
	struct verify_policy p = policy_of();
	uint8_t user_data[CLAIMS_MAX];
	struct wbuf w = wbuf_of(user_data, sizeof user_data);
	struct forge f;

	forge_init(&f);
	claims_put(&w, &c);
	f.user_data = wbuf_slice(&w);
	f.public_key = key;
	wants("an app's", &f, &p, 0);
	CHECK(result.has_claims && result.claims.purpose == PURPOSE_APP);
	p.public_key = &key;
	wants("its key", &f, &p, REASON(PURPOSE));
	p.claims = true;
	p.purpose = PURPOSE_APP;
	wants("its key, of that purpose", &f, &p, REASON(PURPOSE));
	p.public_key = NULL;
	wants("that purpose", &f, &p, 0);
	p.purpose = PURPOSE_TLS;
	wants("another purpose", &f, &p, REASON(PURPOSE));
}

static void logs(void)
{
	struct verify_policy p = policy_of();
	uint8_t user_data[CLAIMS_MAX], base[SHA384_LEN] = { 1 };
	struct verify_log chain;
	struct log l;
	struct forge f;

	make_log(&l);
	p.log = &chain;
	touched(&f, &l, 3, user_data);
	chain = chain_of(&l, 1, 3);
	wants("the log", &f, &p, 0);
	chain = chain_of(&l, 1, 2);
	wants("one is missing", &f, &p, REASON(TOUCH_LOG));
	chain = chain_of(&l, 2, 3);
	wants("its end, from a base", &f, &p, REASON(TOUCH_LOG));
	chain = chain_of(&l, 4, 3);
	wants("nothing, from the head itself", &f, &p, REASON(TOUCH_LOG));
	chain = chain_of(&l, 1, 3);
	f.pcr[PCR_TOUCH][0] ^= 1;
	wants("PCR17 of another first touch", &f, &p, REASON(TOUCH_LOG));
	touched(&f, &l, 2, user_data);
	wants("a log that is ahead", &f, &p, REASON(TOUCH_LOG));

	verify_log_begin(&chain, 1, l.head[0]);
	CHECK(verify_log_add(&chain, slice_of(l.record[1], l.len[1])) == RC_MISMATCH);
	CHECK(verify_log_add(&chain, slice_of(l.record[0], l.len[0] - 1)) == RC_EOF);
	CHECK(chain.next == 1);
	CHECK(verify_log_add(&chain, slice_of(l.record[0], l.len[0])) == RC_OK);
	CHECK(memcmp(chain.head, l.head[1], SHA384_LEN) == 0);
	for (unsigned from = 0; from <= 1; from++) {
		verify_log_begin(&chain, from, base);
		CHECK(verify_log_add(&chain, slice_of(l.record[0], l.len[0])) == RC_MISMATCH);
		touched(&f, &l, 0, user_data);
		wants("no log begins so", &f, &p, REASON(TOUCH_LOG));
	}
}

/* A log of which an enclave has dropped the oldest: chain on the fly. */
static void dropped(void)
{
	enum { EXTRA = 5, TOUCHES = TOUCH_KEPT_MIN + EXTRA };
	static struct verify_log from[EXTRA + 4]; /* with the first record from + 1 */
	static const uint8_t digest[SHA384_LEN];
	struct verify_policy p = policy_of();
	uint8_t user_data[CLAIMS_MAX], record[TOUCH_RECORD_MAX], head[SHA384_LEN] = { 0 };
	struct claims c = { .touches = TOUCHES };
	struct wbuf w = wbuf_of(user_data, sizeof user_data);
	struct log l;
	struct forge f;

	for (unsigned n = 1; n <= TOUCHES; n++) {
		struct wbuf r = wbuf_of(record, sizeof record);

		touch_put(&r, &(struct touch_record){ .number = n,
		                                      .operation = slice_str("exec"),
		                                      .user = slice_str("open"),
		                                      .digest = slice_of(digest, sizeof digest) });
		if (n <= EXTRA + 4)
			verify_log_begin(&from[n - 1], n, head);
		for (unsigned i = 0; i < EXTRA + 4 && i < n; i++)
			CHECK(verify_log_add(&from[i], wbuf_slice(&r)) == RC_OK);
		touch_chain(head, wbuf_slice(&r));
	}
	make_log(&l);
	touched(&f, &l, 1, user_data);
	memcpy(c.head, head, sizeof head);
	claims_put(&w, &c);
	f.user_data = wbuf_slice(&w);
	for (unsigned i = 1; i < EXTRA + 4; i++) { /* [0] has another PCR17 */
		p.log = &from[i];
		wants("the last ones", &f, &p, i <= EXTRA ? 0 : REASON(TOUCH_LOG));
	}
	p.log = &from[0];
	wants("all, with another PCR17", &f, &p, REASON(TOUCH_LOG));
	memset(f.pcr[PCR_TOUCH], 0, SHA384_LEN);
	touch_chain(f.pcr[PCR_TOUCH], slice_of(from[0].first, SHA384_LEN));
	wants("all", &f, &p, 0);
}

static void words(void)
{
	for (unsigned i = 0; i < VERIFY_REASONS; i++) {
		CHECK(verify_name((enum verify_reason)i) != NULL);
		CHECK(verify_sentence((enum verify_reason)i) != NULL);
		for (unsigned j = 0; j < i; j++)
			CHECK(strcmp(verify_name((enum verify_reason)i),
			             verify_name((enum verify_reason)j)) != 0);
	}
	CHECK(strcmp(verify_name(VERIFY_REASONS), "?") == 0);
}

int main(void)
{
	find_root();
	good();
	forms();
	chains();
	spliced();
	algorithms();
	times();
	fields();
	pcrs();
	emulated();
	foreign();
	touches();
	unknown_code();
	purposes();
	logs();
	dropped();
	words();
	return test_end();
}
