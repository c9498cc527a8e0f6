#include "tests/unit/test.h"

#include "attest/body.h"

static void put(struct body *b)
{
	body_put(b, "{'a':%u,'b':%q,'c':%x,'d':%x,'e':%b,'f':'%s'}", UINT64_MAX,
	         slice_of("q\"\\\n\x7f\xC3\xA9 ~", 9), slice_of("\x00\xAB", 2), slice_of(NULL, 0),
	         slice_of("\xFB\xFF\x00\x10", 4), "it's 100%");
}

static const char whole[] =
	"{\"a\":18446744073709551615,\"b\":\"q\\\"\\\\\\u000a\\u007f\\u00c3\\u00a9 ~\","
	"\"c\":\"00ab\",\"d\":null,\"e\":\"+/8AEA==\",\"f\":\"it's 100%\"}";

/* Any window shows that part, and the same length of all. */
static void test_windows(void)
{
	size_t len = sizeof whole - 1;
	uint8_t out[sizeof whole + 8];

	for (size_t from = 0; from <= len + 1; from++) {
		for (size_t max = 0; max <= len + 1; max++) {
			struct body b = { .from = from, .w = wbuf_of(out, max) };
			size_t left = from < len ? len - from : 0;

			memset(out, '#', sizeof out);
			put(&b);
			CHECK(b.at == len && !b.w.over && b.w.len == (left < max ? left : max));
			CHECK(memcmp(out, whole + (left ? from : 0), b.w.len) == 0);
			CHECK(out[b.w.len] == '#');
		}
	}
}

/* RFC 4648 §10 */
static void test_base64(void)
{
	static const char *const cases[][2] = {
		{ "", "\"\"" },
		{ "f", "\"Zg==\"" },
		{ "fo", "\"Zm8=\"" },
		{ "foo", "\"Zm9v\"" },
		{ "foob", "\"Zm9vYg==\"" },
		{ "fooba", "\"Zm9vYmE=\"" },
		{ "foobar", "\"Zm9vYmFy\"" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t out[32];
		struct body b = { .w = wbuf_of(out, sizeof out) };

		body_put(&b, "%b", slice_str(cases[i][0]));
		CHECK(slice_is(wbuf_slice(&b.w), cases[i][1]));
	}
}

int main(void)
{
	test_windows();
	test_base64();
	return test_end();
}
