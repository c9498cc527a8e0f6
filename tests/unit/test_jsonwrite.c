/* tools/casemate/jsonwrite: any bytes become a JSON string that a terminal and a
 * parser survive. */
#include "tests/unit/test.h"
#include "tools/casemate/jsonwrite.h"

static char *out;
static size_t out_len;

static bool write_json(struct slice s)
{
	struct slice g = test_guard(s);
	FILE *f;
	bool utf8;

	free(out);
	f = open_memstream(&out, &out_len);
	utf8 = jsonwrite_string(f, g);
	fclose(f);
	test_unguard(g);
	return utf8;
}

static void test_known(void)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
		bool utf8;
	} cases[] = {
#define CASE(in, out, utf8) { in, sizeof in - 1, out, utf8 }
		CASE("", "\"\"", true),
		CASE("abc /", "\"abc /\"", true),
		CASE("\"\\", "\"\\\"\\\\\"", true),
		CASE("a\nb\tc\r", "\"a\\nb\\tc\\u000d\"", true),
		CASE("\0\x1f\x7f", "\"\\u0000\\u001f\\u007f\"", true),
		CASE("\x1b]0;x\x07", "\"\\u001b]0;x\\u0007\"", true),
		CASE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		     "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", true),
		CASE("\xc2\x9b", "\"\\u009b\"", true),     /* CSI */
		CASE("\xe2\x80\xae", "\"\\u202e\"", true), /* right to left */
		CASE("\xff", "\"\\u00ff\"", false),
		CASE("\xc3\xa4\xff", "\"\\u00c3\\u00a4\\u00ff\"", false),
		CASE("\xe2\x82", "\"\\u00e2\\u0082\"", false), /* cut */
		CASE("\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\"", false),
		CASE("\xc0\xaf\"", "\"\\u00c0\\u00af\\\"\"", false),
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CHECK(write_json(slice_of(cases[i].in, cases[i].len)) == cases[i].utf8);
		if (!CHECK(strcmp(out, cases[i].out) == 0))
			printf("  %s, not %s\n", out, cases[i].out);
	}
}

/* Of every two bytes: nothing comes out raw that JSON or a terminal minds. */
static void test_all(void)
{
	bool all_good = true;

	for (unsigned v = 0; v < 65536; v++) {
		uint8_t in[2] = { (uint8_t)(v >> 8), (uint8_t)v };
		bool utf8 = write_json(slice_of(in, 2)), bad = out[0] != '"' || out_len < 3;

		for (size_t i = 1; i + 1 < out_len; i++) {
			uint8_t c = (uint8_t)out[i];

			bad |= c < 0x20 || c == 0x7f || (!utf8 && c >= 0x80);
			bad |= c == 0xc2 && (uint8_t)out[i + 1] < 0xa0;
			if (c == '\\')
				i++;
			else
				bad |= c == '"';
		}
		all_good &= !bad;
	}
	CHECK(all_good);
}

int main(void)
{
	test_known();
	test_all();
	free(out);
	return test_end();
}
