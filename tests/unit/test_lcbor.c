/* attest/lcbor.h: lenient in form, strict in bounds. */
#include "attest/lcbor.h"
#include "tests/unit/test.h"

/* Each is one item; lcbor_skip must take all of it, or refuse it with rc. */
static const struct {
	const char *what;
	enum rc rc;
	size_t len;
	uint8_t bytes[24];
} items[] = {
	{ "zero", RC_OK, 1, { 0x00 } },
	{ "long form of a small number", RC_OK, 9, { 0x1b, 0, 0, 0, 0, 0, 0, 0, 1 } },
	{ "negative", RC_OK, 2, { 0x38, 0x63 } },
	{ "null", RC_OK, 1, { 0xf6 } },
	{ "text", RC_OK, 4, { 0x63, 'a', 'b', 'c' } },
	{ "indefinite map", RC_OK, 5, { 0xbf, 0x61, 'a', 0x01, 0xff } },
	{ "indefinite array in a map", RC_OK, 7, { 0xa1, 0x61, 'a', 0x9f, 0x01, 0x02, 0xff } },
	{ "empty indefinite map", RC_OK, 2, { 0xbf, 0xff } },
	{ "eight deep", RC_OK, 9, { 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00 } },
	{ "nine deep",
	  RC_LIMIT,
	  10,
	  { 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00 } },
	{ "a key without a value", RC_BAD, 4, { 0xbf, 0x61, 'a', 0xff } },
	{ "a break alone", RC_BAD, 1, { 0xff } },
	{ "a break in a definite array", RC_BAD, 3, { 0x82, 0x01, 0xff } },
	{ "a tag", RC_BAD, 2, { 0xc0, 0x00 } },
	{ "a float", RC_BAD, 3, { 0xf9, 0x3c, 0x00 } },
	{ "a string in chunks", RC_BAD, 4, { 0x7f, 0x61, 'a', 0xff } },
	{ "reserved additional information", RC_BAD, 1, { 0x1c } },
	{ "more items than bytes",
	  RC_EOF,
	  9,
	  { 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ "more pairs than can be counted", RC_EOF, 9, { 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0 } },
	{ "more bytes than there are",
	  RC_EOF,
	  9,
	  { 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ "two pairs announced, one there", RC_EOF, 3, { 0xa2, 0x00, 0x00 } },
};

static void skip_items(void)
{
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
		struct slice s = test_guard(slice_of(items[i].bytes, items[i].len));
		struct dcbor c = lcbor_of(s);

		lcbor_skip(&c);
		if (!CHECK(dcbor_end(&c) == items[i].rc))
			printf("  %s: %s\n", items[i].what, rc_str(c.rc));
		test_unguard(s);
	}
}

/* No prefix of a good item is a good item. */
static void skip_prefixes(void)
{
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
		for (size_t n = 0; items[i].rc == RC_OK && n < items[i].len; n++) {
			struct slice s = test_guard(slice_of(items[i].bytes, n));
			struct dcbor c = lcbor_of(s);

			lcbor_skip(&c);
			CHECK(c.rc == RC_EOF);
			test_unguard(s);
		}
}

static void sequences(void)
{
	static const uint8_t open[] = { 0x9f, 0x01, 0x02, 0x03, 0xff };
	struct dcbor c = lcbor_of(slice_of(open, sizeof open));
	struct lcbor_seq seq;
	uint64_t sum = 0;

	lcbor_open(&c, DCBOR_ARRAY, 3, &seq);
	while (lcbor_more(&c, &seq))
		sum += dcbor_uint(&c, 9);
	CHECK(sum == 6 && dcbor_end(&c) == RC_OK);

	c = lcbor_of(slice_of(open, sizeof open));
	lcbor_open(&c, DCBOR_ARRAY, 2, &seq);
	while (lcbor_more(&c, &seq))
		dcbor_uint(&c, 9);
	CHECK(c.rc == RC_LIMIT);

	c = lcbor_of(slice_of(open, sizeof open));
	lcbor_open(&c, DCBOR_MAP, 2, &seq);
	CHECK(c.rc == RC_BAD && !lcbor_more(&c, &seq));
}

static void values(void)
{
	static const uint8_t long_one[] = { 0x19, 0, 1 };
	static const uint8_t b[] = { 0x43, 1, 2, 3, 0x61, 'x', 0xf5, 0x19, 0x01, 0x00 };
	struct dcbor c = lcbor_of(slice_of(b, sizeof b));

	CHECK(dcbor_bytes(&c, 3).len == 3);
	CHECK(slice_is(dcbor_text(&c, 1), "x"));
	CHECK(dcbor_bool(&c));
	CHECK(dcbor_uint(&c, 255) == 0 && c.rc == RC_LIMIT);
	CHECK(dcbor_end(&c) == RC_LIMIT);

	c = lcbor_of(slice_of(long_one, sizeof long_one));
	CHECK(dcbor_uint(&c, 1) == 1 && dcbor_end(&c) == RC_OK);
	c = dcbor_of(slice_of(long_one, sizeof long_one));
	CHECK(dcbor_uint(&c, 1) == 0 && c.rc == RC_BAD); /* not in our own messages */
	c = lcbor_of(slice_of(b, sizeof b));
	CHECK(dcbor_bytes(&c, 2).len == 0 && c.rc == RC_LIMIT);
	c = lcbor_of(slice_of(b, 4));
	CHECK(dcbor_bytes(&c, 3).len == 3 && dcbor_end(&c) == RC_OK);
	c = lcbor_of(slice_of(b, 6));
	dcbor_bytes(&c, 3);
	CHECK(dcbor_end(&c) == RC_BAD);
}

/* What lcbor_at finds of "k" in a map, and how. */
static enum rc find(const char *map, size_t len, uint64_t *v)
{
	struct slice s = test_guard(slice_of(map, len));
	struct dcbor c = lcbor_of(slice_of(NULL, 0));

	*v = dcbor_uint(lcbor_at(&c, s, "k"), 9);
	test_unguard(s);
	return c.rc;
}

static void fields(void)
{
	/* {"k": 7}, indefinite behind another pair, and in the value of one */
	static const char one[] = "\xa1\x61k\x07";
	static const char deep[] = "\xa2\x61x\xa1\x61k\x01\x61k\x07";
	static const char twice[] = "\xa2\x61k\x07\x61k\x07", none[] = "\xa1\x61x\x07";
	uint64_t v;

	CHECK(find(one, 4, &v) == RC_OK && v == 7);
	CHECK(find("\xbf\x61x\x60\x61k\x07\xff", 8, &v) == RC_OK && v == 7);
	CHECK(find(deep, sizeof deep - 1, &v) == RC_OK && v == 7);
	for (size_t n = 0; n < sizeof deep - 1; n++)
		CHECK(find(deep, n, &v) != RC_OK && v == 0);
	CHECK(find(twice, sizeof twice - 1, &v) == RC_BAD);
	CHECK(find(none, sizeof none - 1, &v) == RC_BAD);
	CHECK(find("\xa1\x61k\x07\x00", 5, &v) == RC_BAD); /* more behind it */
	CHECK(find("\xa1\x01\x07", 3, &v) == RC_BAD);      /* not a text */
	CHECK(find("\x81\x07", 2, &v) == RC_BAD);
	CHECK(find("\xa1\x61k\x18\x0a", 5, &v) == RC_LIMIT);
}

int main(void)
{
	fields();
	skip_items();
	skip_prefixes();
	sequences();
	values();
	return test_end();
}
