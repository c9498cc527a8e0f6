/* attest/verify.h on what documents say about touches, and the logs shown with
 * them: whose word it is, and what may be left out. */
#include "tests/unit/claims_any.h"
#include "tests/unit/judge.h"
#include "tests/unit/test.h"

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

	forge_init(f);
	claims_put(&w, n, l->head[n]);
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
	struct verify_policy p = judge_policy();

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
	judge_wants("untouched", &f, &p, 0);
	CHECK(judge_result.touch == VERIFY_TOUCH_NONE && judge_result.has_claims);
	p.untouched = true;
	judge_wants("untouched as demanded", &f, &p, 0);
	f.pcrs |= 1u << PCR_TOUCH;
	judge_wants("PCR17 without touches", &f, &p, REASON(TOUCH_STATE) | REASON(TOUCHED));
	touched(&f, &l, 3, user_data);
	judge_wants("touched", &f, &p, REASON(TOUCHED));
	CHECK(judge_result.touch == VERIFY_TOUCH_SOME && judge_result.claims.touches == 3);
	p.untouched = false;
	judge_wants("touched, which is allowed", &f, &p, 0);
	f.pcrs &= ~(1u << PCR_TOUCH);
	judge_wants("touches without PCR17", &f, &p, REASON(TOUCH_STATE));
	CHECK(judge_result.touch == VERIFY_TOUCH_SOME);
	touched(&f, &l, 0, user_data);
	p = policy_of_code(&f);
	chain = chain_of(&l, 1, 0);
	p.log = &chain;
	judge_wants("an empty log", &f, &p, 0);
	f.user_data = slice_of(NULL, 0);
	judge_wants("a log and no claims", &f, &p, REASON(CLAIMS) | REASON(TOUCH_LOG));
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
		judge_wants("a PCR is not compared", &f, &p, 0);
		CHECK(judge_result.touch == VERIFY_TOUCH_UNKNOWN && !judge_result.code_known);
		p.untouched = true;
		judge_wants("and untouched demanded", &f, &p, REASON(TOUCH_UNPROVED));
		p.pcrs = 7;
		judge_wants("all compared", &f, &p, 0);
		CHECK(judge_result.touch == VERIFY_TOUCH_NONE && judge_result.code_known);
		p.pcr[i][47] ^= 1;
		judge_wants("another", &f, &p, REASON(PCR) | REASON(TOUCH_UNPROVED));
		p.pcr[i][47] ^= 1;
		memset(f.pcr[i], 0, SHA384_LEN);
		memset(p.pcr[i], 0, SHA384_LEN);
		p.allow_debug = true;
		judge_wants("debug mode, as expected", &f, &p, REASON(TOUCH_UNPROVED));
		touched(&f, &l, 0, user_data);
	}
	p = policy_of_code(&f);
	p.untouched = true;
	p.claims = false;
	f.user_data = slice_of(NULL, 0);
	judge_wants("code that claims nothing", &f, &p, REASON(TOUCH_UNPROVED));
	touched(&f, &l, 3, user_data);
	p.pcrs = 0;
	judge_wants("touches of unknown code", &f, &p, REASON(TOUCH_UNPROVED));
	CHECK(judge_result.claims.touches == 3 && judge_result.touch == VERIFY_TOUCH_UNKNOWN);
}

/* A key counts only in a document of purpose tls: in others who asked chose it. */
static void purposes(void)
{
	static const uint8_t digest[SHA384_LEN] = { 1 };
	const struct slice key = slice_str("key");
	struct claims c = { .purpose = PURPOSE_APP, .digest = slice_of(digest, sizeof digest) };
	struct verify_policy p = judge_policy();
	uint8_t user_data[CLAIMS_MAX];
	struct wbuf w = wbuf_of(user_data, sizeof user_data);
	struct forge f;

	forge_init(&f);
	claims_any(&w, &c);
	f.user_data = wbuf_slice(&w);
	f.public_key = key;
	judge_wants("an app's", &f, &p, 0);
	CHECK(judge_result.has_claims && judge_result.claims.purpose == PURPOSE_APP);
	p.public_key = &key;
	judge_wants("its key", &f, &p, REASON(PURPOSE));
	p.claims = true;
	p.purpose = PURPOSE_APP;
	judge_wants("its key, of that purpose", &f, &p, REASON(PURPOSE));
	p.public_key = NULL;
	judge_wants("that purpose", &f, &p, 0);
	p.purpose = PURPOSE_TLS;
	judge_wants("another purpose", &f, &p, REASON(PURPOSE));
}

static void logs(void)
{
	struct verify_policy p = judge_policy();
	uint8_t user_data[CLAIMS_MAX], base[SHA384_LEN] = { 1 };
	struct verify_log chain;
	struct log l;
	struct forge f;

	make_log(&l);
	p.log = &chain;
	touched(&f, &l, 3, user_data);
	chain = chain_of(&l, 1, 3);
	judge_wants("the log", &f, &p, 0);
	chain = chain_of(&l, 1, 2);
	judge_wants("one is missing", &f, &p, REASON(TOUCH_LOG));
	chain = chain_of(&l, 2, 3);
	judge_wants("its end, from a base", &f, &p, REASON(TOUCH_LOG));
	chain = chain_of(&l, 4, 3);
	judge_wants("nothing, from the head itself", &f, &p, REASON(TOUCH_LOG));
	chain = chain_of(&l, 1, 3);
	f.pcr[PCR_TOUCH][0] ^= 1;
	judge_wants("PCR17 of another first touch", &f, &p, REASON(TOUCH_LOG));
	touched(&f, &l, 2, user_data);
	judge_wants("a log that is ahead", &f, &p, REASON(TOUCH_LOG));

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
		judge_wants("no log begins so", &f, &p, REASON(TOUCH_LOG));
	}
}

/* A log of which an enclave has dropped the oldest: chain on the fly. */
static void dropped(void)
{
	enum { EXTRA = 5, TOUCHES = TOUCH_KEPT_MIN + EXTRA };
	static struct verify_log from[EXTRA + 4]; /* with the first record from + 1 */
	static const uint8_t digest[SHA384_LEN];
	struct verify_policy p = judge_policy();
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
	claims_any(&w, &c);
	f.user_data = wbuf_slice(&w);
	for (unsigned i = 1; i < EXTRA + 4; i++) { /* [0] has another PCR17 */
		p.log = &from[i];
		judge_wants("the last ones", &f, &p, i <= EXTRA ? 0 : REASON(TOUCH_LOG));
	}
	p.log = &from[0];
	judge_wants("all, with another PCR17", &f, &p, REASON(TOUCH_LOG));
	memset(f.pcr[PCR_TOUCH], 0, SHA384_LEN);
	touch_chain(f.pcr[PCR_TOUCH], slice_of(from[0].first, SHA384_LEN));
	judge_wants("all", &f, &p, 0);
}

int main(void)
{
	judge_init();
	touches();
	unknown_code();
	purposes();
	logs();
	dropped();
	return test_end();
}
