/* tools/casemate/text: nothing a hostile enclave says moves a terminal. */
#include "tests/unit/test.h"

#include "tools/casemate/text.h"

static bool cleans(const char *in, size_t n, bool lines, const char *expect)
{
	struct slice g = test_guard(slice_of(in, n));
	char out[64];
	size_t len = text_clean(out, sizeof out, (const char *)g.p, n, lines);
	bool ok = len == strlen(expect) && strcmp(out, expect) == 0;

	if (!ok)
		printf("got \"%s\", expected \"%s\"\n", out, expect);
	test_unguard(g);
	return ok;
}

#define CLEANS(in, lines, expect) CHECK(cleans(in, sizeof(in) - 1, lines, expect))

static void test_clean(void)
{
	CLEANS("plain", false, "plain");
	CLEANS("", false, "");
	CLEANS("a\nb\tc", false, "a?b?c");
	CLEANS("a\nb\tc\r", true, "a\nb\tc?");
	CLEANS("\033[2J\a\x7f", true, "?[2J??");
	CLEANS("nul\0nul", true, "nul?nul");
	CLEANS("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82", false,
	       "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82");
	CLEANS("\xc2\x9b"
	       "31m",
	       false, "?31m"); /* C1: CSI */
	/* Right-to-left override and isolate, not written as literals: a reader of
	 * this file is to see what is there. */
	for (int last = 0xaa; last <= 0xae; last++)
		CHECK(cleans((char[]){ '\xe2', '\x80', (char)last, 'x' }, 4, false, "?x"));
	for (int last = 0xa6; last <= 0xa9; last++)
		CHECK(cleans((char[]){ '\xe2', '\x81', (char)last, 'x' }, 4, false, "?x"));
	CLEANS("\xe2\x80\xa8x", true, "?x"); /* line separator */
}

static void test_not_utf8(void)
{
	CLEANS("\x9b"
	       "31m",
	       false, "?31m");
	CLEANS("\xc0\x80", false, "??"); /* overlong */
	CLEANS("\xe0\x9f\xbf", false, "???");
	CLEANS("\xed\xa0\x80", false, "???");      /* surrogate */
	CLEANS("\xf4\x90\x80\x80", false, "????"); /* above U+10FFFF */
	CLEANS("\xf5\x80\x80\x80", false, "????");
	CLEANS("\xe2\x82", false, "??"); /* cut */
	CLEANS("\xf0\x9f\x99", false, "???");
	CLEANS("\xc3"
	       "a",
	       false, "?a");
}

/* Whatever the input, the output fits and is clean itself. */
static void test_every_pair(void)
{
	char out[8], again[8];
	bool ok = true;

	for (unsigned v = 0; v < 65536; v++) {
		char in[2] = { (char)(v >> 8), (char)v };
		size_t n = text_clean(out, sizeof out, in, 2, false);

		ok = ok && n <= 2 && out[n] == '\0' &&
		     text_clean(again, sizeof again, out, n, false) == n && strcmp(out, again) == 0;
	}
	CHECK(ok);
}

static void test_cut(void)
{
	char out[4];

	CHECK(text_clean(out, 4, "abcdef", 6, false) == 3 && strcmp(out, "abc") == 0);
	/* No part of a sequence is left. */
	CHECK(text_clean(out, 4, "ab\xe2\x82\xac", 5, false) == 2 && strcmp(out, "ab") == 0);
	CHECK(text_clean(out, 1, "abc", 3, false) == 0 && out[0] == '\0');
}

static bool bytes_are(uint64_t n, const char *expect)
{
	char out[TEXT_NUMBER_MAX];

	text_bytes(out, n);
	return strcmp(out, expect) == 0;
}

static bool duration_is(int64_t s, const char *expect)
{
	char out[TEXT_NUMBER_MAX];

	text_duration(out, s);
	return strcmp(out, expect) == 0;
}

static void test_numbers(void)
{
	uint32_t v = 0;

	CHECK(bytes_are(0, "0 B") && bytes_are(1023, "1023 B") && bytes_are(1024, "1.0 KiB"));
	CHECK(bytes_are(1536, "1.5 KiB") && bytes_are(67108864, "64.0 MiB"));
	CHECK(bytes_are((1u << 20) - 1, "1023.9 KiB"));
	CHECK(bytes_are(UINT64_MAX, "16383.9 PiB"));
	CHECK(duration_is(0, "0 s") && duration_is(59, "59 s") && duration_is(60, "1 min"));
	CHECK(duration_is(3 * 3600 + 720, "3 h 12 min") && duration_is(90000, "1 d 1 h"));
	CHECK(text_number("0", 0, 9, &v) && v == 0);
	CHECK(text_number("4294967295", 0, UINT32_MAX, &v) && v == UINT32_MAX);
	CHECK(!text_number("4294967296", 0, UINT32_MAX, &v));
	CHECK(!text_number("99999999999999999999999", 0, UINT32_MAX, &v));
	CHECK(!text_number("", 0, 9, &v) && !text_number("-1", 0, 9, &v));
	CHECK(!text_number("+1", 0, 9, &v) && !text_number(" 1", 0, 9, &v));
	CHECK(!text_number("1x", 0, 9, &v) && !text_number("0x1", 0, 9, &v));
	CHECK(!text_number("3", 4, 9, &v) && !text_number("10", 4, 9, &v));
}

int main(void)
{
	test_clean();
	test_not_utf8();
	test_every_pair();
	test_cut();
	test_numbers();
	return test_end();
}
