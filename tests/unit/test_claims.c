/* attest/claims.h and attest/touch.h: what is written is read, every prefix and
 * every byte of it changed, and what is wrong in one way. */
#include "attest/touch.h"
#include "tests/unit/claims_any.h"
#include "tests/unit/test.h"

static const uint8_t digest[SHA384_LEN] = { 1, 2, 3 };

static size_t make_claims(uint8_t *buf, enum purpose purpose, bool tree)
{
	struct wbuf w = wbuf_of(buf, CLAIMS_MAX);
	struct claims c = { .purpose = purpose, .touches = 70000 };

	memset(c.head, 9, sizeof c.head);
	if (tree)
		c.tree = slice_of(digest, sizeof digest);
	if (purpose != PURPOSE_TLS)
		c.digest = slice_of(digest, sizeof digest);
	claims_any(&w, &c);
	CHECK(!w.over);
	return w.len;
}

static enum rc read_claims(const uint8_t *p, size_t n, struct claims *c)
{
	struct slice s = test_guard(slice_of(p, n));
	enum rc rc = claims_parse(s, c);

	test_unguard(s);
	return rc;
}

static void claims_round(void)
{
	uint8_t buf[CLAIMS_MAX + 1];
	struct claims c;

	for (int i = 0; i < 6; i++) {
		size_t n = make_claims(buf, (enum purpose)(i % 3), i > 2);

		CHECK(claims_parse(slice_of(buf, n), &c) == RC_OK);
		CHECK(c.purpose == (enum purpose)(i % 3) && c.touches == 70000);
		CHECK(c.head[47] == 9 && (c.tree.len == 48) == (i > 2));
		CHECK((c.digest.len == 48) == (i % 3 != 0));
		for (size_t k = 0; k < n; k++)
			CHECK(read_claims(buf, k, &c) != RC_OK);
		buf[n] = 0;
		CHECK(read_claims(buf, n + 1, &c) == RC_BAD);
	}
	CHECK(claims_parse(slice_of(buf, CLAIMS_MAX + 1), &c) == RC_LIMIT);
	CHECK(strcmp(claims_purpose(PURPOSE_APP), "app") == 0);
}

/* What an enclave says. */
static void claims_written(void)
{
	uint8_t buf[CLAIMS_MAX], head[SHA384_LEN] = { 9, [47] = 8 };
	struct wbuf w = wbuf_of(buf, sizeof buf);
	struct claims c;

	claims_put(&w, 70000, head);
	CHECK(!w.over && read_claims(buf, w.len, &c) == RC_OK && c.purpose == PURPOSE_TLS);
	CHECK(c.touches == 70000 && memcmp(c.head, head, sizeof head) == 0);
	CHECK(c.tree.len == 0 && c.digest.len == 0);
}

/* Touches are counted in what everybody's integers hold. */
static void claims_touches(void)
{
	static const uint64_t at[] = { 0, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX };
	uint8_t buf[CLAIMS_MAX];

	for (unsigned i = 0; i < 4; i++) {
		struct wbuf w = wbuf_of(buf, sizeof buf);
		struct claims c = { .touches = at[i] };

		claims_any(&w, &c);
		CHECK((read_claims(buf, w.len, &c) == RC_OK) == (at[i] <= INT64_MAX));
	}
}

/* A map of n pairs, "a" the head of them, from which one case differs. */
static void claims_wrong(void)
{
	uint8_t buf[CLAIMS_MAX];
	struct claims c;
	size_t n = make_claims(buf, PURPOSE_TLS, false);

	/* a4 01 01 02 63 't' 'l' 's' 03 1a … 04 58 30 … */
	CHECK(buf[0] == 0xa4 && buf[2] == 1 && buf[3] == 2 && buf[5] == 't' && buf[8] == 3);
	buf[2] = 2; /* version */
	CHECK(read_claims(buf, n, &c) == RC_BAD);
	buf[2] = 1;
	buf[5] = 'T';
	CHECK(read_claims(buf, n, &c) == RC_BAD);
	buf[5] = 't';
	buf[8] = 2; /* a key twice */
	CHECK(read_claims(buf, n, &c) == RC_BAD);
	buf[8] = 7; /* one we do not know, and 4 after it */
	CHECK(read_claims(buf, n, &c) == RC_BAD);
	buf[8] = 3;
	CHECK(read_claims(buf, n, &c) == RC_OK);
	buf[0] = 0xa3; /* the head is trailing */
	CHECK(read_claims(buf, n, &c) == RC_BAD);
	CHECK(read_claims(buf, 14, &c) != RC_OK); /* and missing */
	n = make_claims(buf, PURPOSE_APP, false);
	buf[0] = 0xa4; /* without its digest */
	CHECK(read_claims(buf, n - 51, &c) == RC_BAD);
	n = make_claims(buf, PURPOSE_APP, false);
	memcpy(buf + 5, "tls", 3); /* with one it must not have */
	CHECK(read_claims(buf, n, &c) == RC_BAD);
}

static size_t make_record(uint8_t *buf, struct touch_record r)
{
	struct wbuf w = wbuf_of(buf, TOUCH_RECORD_MAX);

	touch_put(&w, &r);
	return w.over ? 0 : w.len;
}

static struct touch_record record(void)
{
	return (struct touch_record){ 5,
		                      1700000000,
		                      slice_str("exec"),
		                      slice_str("open"),
		                      slice_str("/bin/sh -c true"),
		                      slice_of(digest, sizeof digest) };
}

static enum rc read_record(const uint8_t *p, size_t n)
{
	struct slice s = test_guard(slice_of(p, n));
	struct touch_record r;
	enum rc rc = touch_parse(s, &r);

	test_unguard(s);
	return rc;
}

static void touch_round(void)
{
	uint8_t buf[TOUCH_RECORD_MAX + 1];
	struct touch_record r, in = record();
	size_t n = make_record(buf, in);

	CHECK(n > 0 && touch_parse(slice_of(buf, n), &r) == RC_OK);
	CHECK(r.number == 5 && r.time_s == 1700000000 && slice_eq(r.digest, in.digest));
	CHECK(slice_is(r.operation, "exec") && slice_is(r.user, "open"));
	CHECK(slice_is(r.summary, "/bin/sh -c true"));
	for (size_t k = 0; k < n; k++)
		CHECK(read_record(buf, k) != RC_OK);
	buf[n] = 0;
	CHECK(read_record(buf, n + 1) == RC_BAD);
	CHECK(touch_parse(slice_of(buf, TOUCH_RECORD_MAX + 1), &r) == RC_LIMIT);
}

/* The longest of everything fits. */
static void touch_longest(void)
{
	uint8_t buf[TOUCH_RECORD_MAX], long_text[TOUCH_SUMMARY_MAX];
	struct touch_record r = record();

	memset(long_text, 'x', sizeof long_text);
	r.number = UINT64_MAX;
	r.time_s = INT64_MAX;
	r.user = slice_of(long_text, TOUCH_WORD_MAX);
	r.summary = slice_of(long_text, sizeof long_text);
	CHECK(make_record(buf, r) > 0 && read_record(buf, make_record(buf, r)) == RC_OK);
}

static void touch_operations(void)
{
	/* What PID 1 records (appliance/front.c). */
	static const char *const all[] = { "exec", "push", "pull", "stop", "control" };
	uint8_t buf[TOUCH_RECORD_MAX];
	struct touch_record r = record();

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		r.operation = slice_str(all[i]);
		CHECK(read_record(buf, make_record(buf, r)) == RC_OK);
	}
}

static enum rc wrong_record(struct touch_record r)
{
	uint8_t buf[TOUCH_RECORD_MAX];

	return read_record(buf, make_record(buf, r));
}

static void touch_wrong(void)
{
	static const char escape[] = "\x1b[2J";
	uint8_t long_text[TOUCH_SUMMARY_MAX + 1];
	struct touch_record r = record();

	memset(long_text, 'x', sizeof long_text);
	r.number = 0;
	CHECK(wrong_record(r) == RC_BAD);
	r = record();
	r.operation = slice_str("look");
	CHECK(wrong_record(r) == RC_BAD);
	r = record();
	r.user = slice_of(NULL, 0);
	CHECK(wrong_record(r) == RC_BAD);
	r.user = slice_of(long_text, TOUCH_WORD_MAX + 1);
	CHECK(wrong_record(r) == RC_LIMIT);
	r = record();
	r.summary = slice_str(escape);
	CHECK(wrong_record(r) == RC_BAD);
	r.summary = slice_of(long_text, sizeof long_text);
	CHECK(wrong_record(r) == RC_LIMIT);
	r = record();
	r.digest.len = 47;
	CHECK(wrong_record(r) == RC_BAD);
	r = record();
	r.time_s = UINT64_MAX;
	CHECK(wrong_record(r) == RC_LIMIT);
	r = record();
	r.summary = slice_of(NULL, 0);
	CHECK(wrong_record(r) == RC_OK);
}

/* head 1 = SHA-384(48 zeros ‖ "abc"), as any other tool computes it. */
static void chain(void)
{
	static const uint8_t want[8] = { 0xb1, 0xc1, 0x6e, 0xb7, 0x63, 0x41, 0x12, 0xb7 };
	uint8_t head[SHA384_LEN] = { 0 };

	touch_chain(head, slice_str("abc"));
	if (!CHECK(memcmp(head, want, sizeof want) == 0))
		for (int i = 0; i < 8; i++)
			printf(" %02x", head[i]);
}

int main(void)
{
	claims_round();
	claims_written();
	claims_touches();
	claims_wrong();
	touch_round();
	touch_longest();
	touch_operations();
	touch_wrong();
	chain();
	return test_end();
}
