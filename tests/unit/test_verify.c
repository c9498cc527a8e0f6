/* attest/verify.h on documents that are forged to be wrong in one way each: the
 * reasons must be those, and no other. */
#include "appliance/base/dcbor.h"
#include "attest/verify.h"
#include "tests/unit/judge.h"
#include "tests/unit/test.h"

static uint8_t document[DOCUMENT_MAX];

static void good(void)
{
	struct verify_policy p = judge_policy();
	struct forge f;

	forge_init(&f);
	judge_wants("good", &f, &p, 0);
	CHECK(judge_result.valid_until_s == 1700006400 && !judge_result.debug &&
	      !judge_result.emulated);
	CHECK(judge_result.document.certs == 3 && judge_result.document.pcrs == f.pcrs);
	CHECK(slice_is(judge_result.document.module_id, f.module_id));
	CHECK(judge_result.touch == VERIFY_TOUCH_UNKNOWN && !judge_result.has_claims);
	f.indefinite = true;
	f.tag = true;
	judge_wants("indefinite lengths and the tag", &f, &p, 0);
	p.root = NULL;
	judge_wants("AWS's root", &f, &p, REASON(ROOT));
	p = judge_policy();
	p.now_s = FORGE_NOW + 6400;
	p.max_age_s = 6400;
	judge_wants("the last second", &f, &p, 0);
	p.now_s++;
	p.max_age_s = 6401;
	judge_wants("a second later", &f, &p, REASON(EXPIRED));
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
	struct verify_policy p = judge_policy();
	struct forge f;

	for (unsigned i = 0; i < 8; i++) {
		forge_init(&f);
		spoil_form(&f, i);
		judge_wants("form", &f, &p,
		            REASON(CERTIFICATE) | REASON(CHAIN_SIGNATURE) | REASON(SIGNATURE));
	}
	forge_init(&f);
	f.cert[1].extra = slice_of(unknown, sizeof unknown);
	judge_wants("an unknown extension that is not critical", &f, &p, 0);
	f.cert[2].not_after = "20231115000000Z";
	judge_wants("a GeneralizedTime before 2050", &f, &p, 0);
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
	struct verify_policy p = judge_policy(), brief = judge_policy();
	char what[16];
	struct forge f;

	brief.brief = true;
	for (unsigned i = 0; i < 24; i++) {
		uint32_t reasons;

		forge_init(&f);
		reasons = spoil_chain(&f, i);
		snprintf(what, sizeof what, "chain %u", i);
		judge_wants(what, &f, &p, reasons);
		CHECK((judge_forged(&f, &brief) & ~reasons) == 0 && judge_result.reasons != 0);
	}
}

/* A chain whose first is the pinned root and whose last is its own island. */
static void spliced(void)
{
	struct verify_policy p = judge_policy();
	struct forge f;

	forge_init(&f);
	f.cert[1].issuer = f.cert[1].subject;
	f.cert[1].signer = f.cert[1].key;
	judge_wants("a second root behind the first", &f, &p,
	            REASON(CHAIN_NAME) | REASON(CHAIN_SIGNATURE));
	forge_init(&f);
	f.cert[1].key = f.cert[2].signer = 5;
	f.cert[1].signer = 5;
	judge_wants("the names of the region, another's key", &f, &p, REASON(CHAIN_SIGNATURE));
}

static void algorithms(void)
{
	static const uint8_t es256[] = { 0xa1, 1, 0x26 }, kid[] = { 0xa1, 4, 0x41, 'k' };
	static const uint8_t moved[] = { 0xa1, 1, 0x38, 0x22 }, empty[] = { 0xbf, 0xff };
	struct verify_policy p = judge_policy();
	struct forge f;

	forge_init(&f);
	f.protected = slice_of(es256, sizeof es256);
	judge_wants("ES256", &f, &p, REASON(ALGORITHM));
	f.protected = slice_of(NULL, 0);
	judge_wants("no algorithm", &f, &p, REASON(ALGORITHM));
	f.unprotected = slice_of(moved, sizeof moved);
	judge_wants("the algorithm where nobody signs it", &f, &p, REASON(MALFORMED));
	forge_init(&f);
	f.unprotected = slice_of(kid, sizeof kid);
	judge_wants("an unprotected header", &f, &p, REASON(MALFORMED));
	f.unprotected = slice_of(empty, sizeof empty);
	judge_wants("an empty one of indefinite length", &f, &p, 0);
}

static void times(void)
{
	struct verify_policy p = judge_policy();
	struct forge f;

	forge_init(&f);
	p.now_s = FORGE_NOW + VERIFY_MAX_AGE_S;
	judge_wants("just fresh", &f, &p, 0);
	p.now_s++;
	judge_wants("stale", &f, &p, REASON(STALE));
	p.now_s = FORGE_NOW - VERIFY_SKEW_S;
	judge_wants("a clock that is a little slow", &f, &p, 0);
	p.now_s--;
	judge_wants("future", &f, &p, REASON(FUTURE));
	p.now_s = FORGE_NOW;
	f.timestamp_ms = INT64_MAX;
	judge_wants("far future", &f, &p, REASON(FUTURE));
	f.timestamp_ms = 0;
	judge_wants("1970", &f, &p, REASON(STALE));
}

static void fields(void)
{
	static const struct slice empty;
	const struct slice nonce = slice_str("sixteen bytes .."), key = slice_str("key");
	struct verify_policy p = judge_policy();
	struct forge f;

	forge_init(&f);
	p.nonce = &nonce;
	judge_wants("no nonce", &f, &p, REASON(NONCE));
	f.nonce = slice_str("sixteen bytes .!");
	judge_wants("another nonce", &f, &p, REASON(NONCE));
	f.nonce = nonce;
	judge_wants("the nonce", &f, &p, 0);
	p.public_key = &key;
	judge_wants("no key", &f, &p, REASON(PUBLIC_KEY));
	f.public_key = slice_str("key1");
	judge_wants("a longer key", &f, &p, REASON(PUBLIC_KEY));
	f.public_key = key;
	judge_wants("the key", &f, &p, 0);
	p.claims = true;
	judge_wants("no claims", &f, &p, REASON(CLAIMS));
	f.user_data = slice_str("something else");
	judge_wants("another's user_data", &f, &p, REASON(CLAIMS));
	f.nonce = slice_of("", 0);
	judge_wants("all that at once, an empty nonce", &f, &p, REASON(CLAIMS) | REASON(NONCE));
	p = judge_policy();
	p.nonce = p.public_key = &empty;
	judge_wants("empty ones are expected", &f, &p, REASON(NONCE) | REASON(PUBLIC_KEY));
	forge_init(&f);
	judge_wants("and there are none", &f, &p, REASON(NONCE) | REASON(PUBLIC_KEY));
}

static void pcrs(void)
{
	struct verify_policy p = judge_policy();
	struct forge f;

	forge_init(&f);
	p.pcrs = 0x10007;
	memcpy(p.pcr, f.pcr, sizeof p.pcr);
	judge_wants("as expected", &f, &p, 0);
	f.pcr[16][47] ^= 1;
	judge_wants("one bit", &f, &p, REASON(PCR));
	CHECK(judge_result.wrong_pcrs == 0x10000);
	p.pcrs = 1u << 5;
	judge_wants("one that is not there", &f, &p, REASON(PCR));
	CHECK(judge_result.wrong_pcrs == 1u << 5);
	p.pcrs = 0;
	f.pcrs = 0x1001b;
	judge_wants("PCR2 is not there", &f, &p, REASON(PCR));
	f.pcrs = 0x1001f;
	memset(f.pcr[3], 0, SHA384_LEN);
	judge_wants("PCR3 may be zero", &f, &p, 0);
	for (unsigned i = 0; i <= 2; i++) {
		forge_init(&f);
		memset(f.pcr[i], 0, SHA384_LEN);
		p.allow_debug = false;
		judge_wants("debug", &f, &p, REASON(DEBUG));
		p.allow_debug = true;
		judge_wants("debug allowed", &f, &p, 0);
		CHECK(judge_result.debug);
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
	struct verify_policy p = judge_policy();
	uint32_t broken = REASON(ALGORITHM) | REASON(ROOT) | REASON(CERTIFICATE) |
	                  REASON(SIGNATURE) | REASON(CHAIN_SIGNATURE);
	size_t n = emulate(document, 0, 64);

	CHECK(!verify_document(slice_of(document, n), &p, &judge_result));
	CHECK(judge_result.reasons == REASON(EMULATED) && judge_result.emulated);
	p.allow_emulated = true;
	CHECK(verify_document(slice_of(document, n), &p, &judge_result) && judge_result.emulated);
	p.nonce = &nonce;
	CHECK(!verify_document(slice_of(document, n), &p, &judge_result));
	CHECK(judge_result.reasons == REASON(NONCE));
	p.nonce = NULL;
	n = emulate(document, 1, 64);
	CHECK(!verify_document(slice_of(document, n), &p, &judge_result));
	CHECK(judge_result.reasons == broken && !judge_result.emulated);
	n = emulate(document, 0, 96);
	CHECK(!verify_document(slice_of(document, n), &p, &judge_result));
	CHECK(judge_result.reasons == broken && !judge_result.emulated);
}

static void foreign(void)
{
	static const char tpm[] = "\x6dnitrotpm_pcrs\xa0", other[] = "\x65other\x00";
	struct verify_policy p = judge_policy();
	struct forge f;

	forge_init(&f);
	f.append = slice_of(tpm, sizeof tpm - 1);
	f.appended = 1;
	judge_wants("NitroTPM", &f, &p, REASON(NITROTPM));
	f.leave_out = 1u << 3; /* as they come: instead of pcrs */
	judge_wants("NitroTPM without pcrs", &f, &p, REASON(NITROTPM));
	forge_init(&f);
	f.append = slice_of(other, sizeof other - 1);
	f.appended = 1;
	judge_wants("another field", &f, &p, REASON(FIELD));
	CHECK(slice_is(judge_result.document.foreign, "other"));
	CHECK(!verify_document(slice_of("", 0), &p, &judge_result) && judge_result.rc == RC_EOF);
	CHECK(judge_result.reasons == REASON(MALFORMED));
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
	judge_init();
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
	words();
	return test_end();
}
