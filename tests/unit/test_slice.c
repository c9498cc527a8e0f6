#include "tests/unit/test.h"

static void test_take(void)
{
	struct slice s = test_guard(slice_str("abcde")), all = s, t;

	CHECK(!slice_take(&s, 6, &t));
	CHECK(s.len == 5 && s.p == all.p);
	CHECK(!slice_take(&s, SIZE_MAX, &t));
	CHECK(slice_take(&s, 2, &t) && slice_is(t, "ab"));
	CHECK(slice_take(&s, 0, &t) && t.len == 0);
	CHECK(slice_take(&s, 3, &t) && slice_is(t, "cde"));
	CHECK(s.len == 0 && !slice_take(&s, 1, &t));
	test_unguard(all);
}

static void test_cut(void)
{
	struct slice s = test_guard(slice_str("a:b::")), all = s, t;

	CHECK(slice_cut(&s, ':', &t) && slice_is(t, "a"));
	CHECK(slice_cut(&s, ':', &t) && slice_is(t, "b"));
	CHECK(slice_cut(&s, ':', &t) && t.len == 0 && s.len == 0);
	CHECK(!slice_cut(&s, ':', &t) && t.len == 0);
	s = slice_of(all.p, 1);
	CHECK(!slice_cut(&s, ':', &t) && slice_is(t, "a") && s.len == 0);
	s = slice_of(NULL, 0);
	CHECK(!slice_cut(&s, ':', &t) && t.len == 0);
	test_unguard(all);
}

static void test_integers(void)
{
	static const uint8_t in[] = { 1, 2, 0x80, 0, 0, 1, 0xff, 0, 0, 0, 0, 0, 0, 2 };
	struct slice s = test_guard(slice_of(in, sizeof in)), all = s;
	uint16_t a = 0;
	uint32_t b = 0;
	uint64_t c = 0;

	CHECK(slice_u16_be(&s, &a) && a == 0x0102);
	CHECK(slice_u32_be(&s, &b) && b == 0x80000001);
	CHECK(slice_u64_be(&s, &c) && c == 0xff00000000000002);
	CHECK(s.len == 0);
	for (size_t n = 0; n < 8; n++) {
		struct slice cut = slice_of(all.p + all.len - n, n), before = cut;

		CHECK(!slice_u64_be(&cut, &c) && cut.p == before.p && cut.len == n);
		CHECK(slice_u32_be(&cut, &b) == (n >= 4));
		cut = before;
		CHECK(slice_u16_be(&cut, &a) == (n >= 2));
	}
	test_unguard(all);
}

static void test_equal(void)
{
	CHECK(slice_eq(slice_of(NULL, 0), slice_str("")));
	CHECK(!slice_eq(slice_str("a"), slice_str("b")));
	CHECK(!slice_is(slice_str("ab"), "a"));
	CHECK(slice_is(slice_str("ab"), "ab"));
}

static void test_wbuf(void)
{
	uint8_t buf[16];
	struct wbuf w = wbuf_of(buf, 15);

	buf[15] = 0xEE;
	wbuf_u8(&w, 1);
	wbuf_u16_be(&w, 0x0203);
	wbuf_u32_be(&w, 0x04050607);
	wbuf_u64_be(&w, 0x08090a0b0c0d0e0f);
	CHECK(!w.over && w.len == 15);
	for (uint8_t i = 0; i < 15; i++)
		CHECK(buf[i] == i + 1);
	wbuf_put(&w, NULL, 0);
	CHECK(!w.over);
	wbuf_u8(&w, 9);
	CHECK(w.over && w.len == 15 && buf[15] == 0xEE);
}

/* What does not fit latches, so that a shorter thing later cannot slip in. */
static void test_wbuf_latch(void)
{
	uint8_t buf[4];
	struct wbuf w = wbuf_of(buf, sizeof buf);

	wbuf_put(&w, "abcde", 5);
	CHECK(w.over && w.len == 0);
	wbuf_u8(&w, 1);
	CHECK(w.over && w.len == 0);
	w = wbuf_of(buf, sizeof buf);
	wbuf_u8(&w, 1);
	wbuf_put(&w, buf, SIZE_MAX);
	CHECK(w.over && w.len == 1);
}

static void test_hex(void)
{
	char out[9];

	hex_put(out, slice_of("\x00\x9f\xa0\xff", 4));
	CHECK(strcmp(out, "009fa0ff") == 0);
	hex_put(out, slice_of(NULL, 0));
	CHECK(out[0] == '\0');
}

int main(void)
{
	test_take();
	test_cut();
	test_integers();
	test_equal();
	test_wbuf();
	test_wbuf_latch();
	test_hex();
	return test_end();
}
