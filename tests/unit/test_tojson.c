/* attest/tojson.h: what CBOR becomes, and what becomes null. */
#include <jansson.h>

#include "attest/lcbor.h"
#include "attest/tojson.h"
#include "tests/unit/test.h"

static const char *const keys[TOJSON_KEYS] = { NULL, "one", "two" };

static const struct {
	const char *want;
	size_t len;
	uint8_t in[32];
} cases[] = {
	{ "7", 1, { 0x07 } },
	{ "18446744073709551615", 9, { 0x1b, 255, 255, 255, 255, 255, 255, 255, 255 } },
	{ "\"ab00\"", 3, { 0x42, 0xab, 0x00 } },
	{ "null", 1, { 0x40 } },
	{ "null", 1, { 0xf6 } },
	{ "true", 1, { 0xf5 } },
	{ "\"a\\\"\\u0000\\u00ff\"", 5, { 0x64, 'a', '"', 0, 0xff } },
	{ "[]", 1, { 0x80 } },
	{ "{}", 2, { 0xbf, 0xff } },
	{ "[1,[2,3],{},false]", 7, { 0x84, 1, 0x82, 2, 3, 0xa0, 0xf4 } },
	{ "[1,[2],3]", 7, { 0x9f, 1, 0x9f, 2, 0xff, 3, 0xff } },
	{ "{\"a\":1,\"3\":{\"one\":[]}}", 8, { 0xa2, 0x61, 'a', 1, 3, 0xa1, 1, 0x80 } },
	{ "{\"two\":0,\"8\":0}", 6, { 0xbf, 2, 0, 8, 0, 0xff } },
	{ "{\"0\":0}", 3, { 0xa1, 0, 0 } },
	{ "[[[[[[[[0]]]]]]]]", 9, { 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0 } },
	/* too deep; negative; a float; tagged; trailing; cut; keys of other types */
	{ NULL, 10, { 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0 } },
	{ NULL, 1, { 0x20 } },
	{ NULL, 3, { 0xf9, 0x3c, 0x00 } },
	{ NULL, 2, { 0xc0, 0x00 } },
	{ NULL, 2, { 0x01, 0x01 } },
	{ NULL, 2, { 0x82, 0x01 } },
	{ NULL, 3, { 0x9f, 0x01, 0x01 } },
	{ NULL, 3, { 0xa1, 0x41, 'a' } },
	{ NULL, 4, { 0xa1, 0x41, 'a', 0 } },
	{ NULL, 3, { 0xa1, 0xf5, 0 } },
	{ NULL, 3, { 0xa1, 0x80, 0 } },
	{ NULL, 3, { 0xbf, 0x01, 0xff } },
	{ NULL, 9, { 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0 } },
	{ NULL, 1, { 0xff } },
	{ NULL, 0, { 0 } },
};

static struct slice make(struct slice in, bool bare, uint8_t *out, size_t max)
{
	struct slice s = test_guard(in);
	struct body b = { .w = wbuf_of(out, max) };

	tojson_put(&b, s, keys, bare);
	CHECK(b.at == b.w.len);
	test_unguard(s);
	return wbuf_slice(&b.w);
}

static void all_cases(void)
{
	uint8_t out[128], bare[128];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice in = slice_of(cases[i].in, cases[i].len);
		struct slice got = make(in, false, out, sizeof out);
		bool brackets = in.len > 0 && in.p[0] >> 5 >= 4 && in.p[0] >> 5 <= 5;

		if (!CHECK(slice_is(got, cases[i].want ? cases[i].want : "null")))
			printf("  case %zu: %.*s\n", i, (int)got.len, (const char *)got.p);
		if (cases[i].want && brackets)
			got = slice_of(got.p + 1, got.len - 2);
		if (!cases[i].want)
			got.len = 0;
		CHECK(slice_eq(make(in, true, bare, sizeof bare), got));
		for (size_t n = 0; cases[i].want && n < in.len; n++)
			CHECK(slice_is(make(slice_of(in.p, n), false, out, sizeof out), "null"));
	}
}

/* A real document's payload is JSON to others as well. */
static void document(void)
{
	static const char sample[] =
		"../shared/vectors/attestation/genuine/g001-2021-03-05-883eaa6c-debug.cbor";
	static uint8_t in[8192], out[6 * sizeof in];
	struct body b = { .w = wbuf_of(out, sizeof out) };
	FILE *f = fopen(sample, "rb");
	json_t *j;
	size_t n;

	if (!f) {
		printf("skipped: no %s\n", sample);
		return;
	}
	n = fread(in, 1, sizeof in, f);
	fclose(f);
	tojson_put(&b, slice_of(in, n), NULL, false);
	j = json_loadb((char *)out, b.w.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_array_size(j) == 4);
	CHECK(json_string_length(json_array_get(j, 3)) == 192);
	json_decref(j);
}

int main(void)
{
	all_cases();
	document();
	return test_end();
}
