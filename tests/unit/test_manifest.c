#include "appliance/base/manifest.h"
#include "tests/unit/test.h"

static struct manifest sample(void)
{
	struct manifest m = { .channel = CHANNEL_OPEN, .argc = 3, .envc = 2, .idc = 3 };

	m.argv[0] = slice_str("/bin/server");
	m.argv[1] = slice_str("");
	m.argv[2] = slice_of("\xff -x", 4); /* bytes, not UTF-8 */
	m.env[0] = slice_str("A=");
	m.env[1] = slice_str("B=c=d");
	m.cwd = slice_str("/d");
	m.ids[0] = 1000;
	m.ids[2] = INT32_MAX;
	return m;
}

static struct slice encode(uint8_t *buf, const struct manifest *m)
{
	struct wbuf w = wbuf_of(buf, MANIFEST_MAX);

	manifest_put(&w, m);
	CHECK(!w.over);
	return wbuf_slice(&w);
}

static enum rc parse(const void *p, size_t n)
{
	struct slice s = test_guard(slice_of(p, n));
	struct manifest m;
	enum rc rc = manifest_parse(s, &m);

	test_unguard(s);
	return rc;
}

/* No command, nothing of its own, root in /. */
#define REST  "\x04\x80\x05\x41/\x06\x82\x00\x00"
#define LEAST "\xa6\x01\x02\x02\x00\x03\x80" REST

static void test_round_trip(void)
{
	static const uint8_t want[] = "\xa6\x01\x02\x02\x01\x03\x83\x4b/bin/server\x40\x44\xff -x"
				      "\x04\x82\x42"
				      "A="
				      "\x45"
				      "B=c=d"
				      "\x05\x42/d"
				      "\x06\x83\x19\x03\xe8\x00\x1a\x7f\xff\xff\xff";
	static uint8_t buf[MANIFEST_MAX];
	struct manifest m = sample(), back;
	struct slice s = encode(buf, &m), g = test_guard(s);

	CHECK(slice_eq(s, slice_of(want, sizeof want - 1)));
	CHECK(manifest_parse(g, &back) == RC_OK);
	CHECK(back.channel == CHANNEL_OPEN && back.argc == 3);
	for (size_t i = 0; i < 3; i++)
		CHECK(slice_eq(back.argv[i], m.argv[i]));
	CHECK(back.envc == 2 && slice_is(back.env[1], "B=c=d") && slice_is(back.cwd, "/d"));
	CHECK(back.idc == 3 && memcmp(back.ids, m.ids, sizeof back.ids) == 0);
	test_unguard(g);
	for (size_t n = 0; n < s.len; n++)
		CHECK(parse(s.p, n) != RC_OK);
	m = (struct manifest){ .channel = CHANNEL_OFF, .cwd = slice_str("/"), .idc = 2 };
	s = encode(buf, &m);
	CHECK(slice_eq(s, slice_of(LEAST, sizeof LEAST - 1)));
	CHECK(manifest_parse(s, &back) == RC_OK && back.argc == 0 && back.channel == CHANNEL_OFF);
}

/* Whatever one byte becomes: refused, or another manifest whose one encoding
 * it is. */
static void test_corrupted(void)
{
	static uint8_t buf[MANIFEST_MAX], again[MANIFEST_MAX];
	struct manifest m = sample(), back;
	struct slice s = encode(buf, &m);

	for (size_t i = 0; i < s.len; i++)
		for (int v = 0; v < 256; v++) {
			uint8_t keep = buf[i];
			struct wbuf w = wbuf_of(again, sizeof again);

			buf[i] = (uint8_t)v;
			if (manifest_parse(s, &back) == RC_OK) {
				manifest_put(&w, &back);
				CHECK(slice_eq(wbuf_slice(&w), s));
			}
			buf[i] = keep;
		}
}

#define PARSE(text) parse(text, sizeof text - 1)

static void test_refused(void)
{
	CHECK(PARSE(LEAST) == RC_OK);
	CHECK(PARSE("\xa6\x01\x01\x02\x00\x03\x80" REST) == RC_BAD);   /* version 1 */
	CHECK(PARSE("\xa6\x01\x03\x02\x00\x03\x80" REST) == RC_BAD);   /* version 3 */
	CHECK(PARSE("\xa6\x01\x02\x02\x02\x03\x80" REST) == RC_LIMIT); /* unknown mode */
	CHECK(PARSE(LEAST "\x00") == RC_BAD);                          /* trailing */
	CHECK(PARSE("\xa5\x01\x02\x02\x00" REST) == RC_BAD);           /* no command */
	CHECK(PARSE("\xa5\x01\x02\x03\x80" REST) == RC_BAD);           /* no mode */
	CHECK(PARSE("\xa5\x02\x00\x03\x80" REST) == RC_BAD);           /* no version */
	CHECK(PARSE("\xa6\x01\x02\x03\x80\x02\x00" REST) == RC_BAD);   /* order */
	CHECK(PARSE("\xa6\x01\x02\x01\x02\x03\x80" REST) == RC_BAD);   /* twice */
	CHECK(PARSE("\xa6\x01\x02\x02\x00\x00\x80" REST) == RC_BAD);   /* key 0 */
	CHECK(PARSE("\xa7\x01\x02\x02\x00\x03\x80" REST "\x07\x00") == RC_BAD);
}

#define COMMAND(words) PARSE("\xa6\x01\x02\x02\x00\x03" words REST)
#define REST_IS(rest)  PARSE("\xa6\x01\x02\x02\x00\x03\x80" rest)

static void test_refused_values(void)
{
	CHECK(COMMAND("\x81\x41x") == RC_OK);
	CHECK(COMMAND("\x81\x61x") == RC_BAD);   /* text, not bytes */
	CHECK(COMMAND("\x81\x40") == RC_BAD);    /* empty command */
	CHECK(COMMAND("\x81\x42x\0") == RC_BAD); /* NUL */
	CHECK(COMMAND("\x98\x41") == RC_LIMIT);  /* 65 words */
	CHECK(COMMAND("\x81\x59\x10\x01") != RC_OK);
	CHECK(REST_IS("\x04\x81\x42"
	              "A="
	              "\x05\x41/\x06\x82\x00\x00") == RC_OK);
	CHECK(REST_IS("\x04\x81\x41"
	              "A"
	              "\x05\x41/\x06\x82\x00\x00") == RC_BAD);
	CHECK(REST_IS("\x04\x81\x42=A\x05\x41/\x06\x82\x00\x00") == RC_BAD);
	CHECK(REST_IS("\x04\x81\x43=A=\x05\x41/\x06\x82\x00\x00") == RC_BAD);
	CHECK(REST_IS("\x04\x81\x40\x05\x41/\x06\x82\x00\x00") == RC_BAD);
	CHECK(REST_IS("\x04\x99\x01\x01") == RC_LIMIT); /* 257 variables */
	CHECK(REST_IS("\x04\x80\x05\x40\x06\x82\x00\x00") == RC_BAD);
	CHECK(REST_IS("\x04\x80\x05\x42./\x06\x82\x00\x00") == RC_BAD);
	CHECK(REST_IS("\x04\x80\x05\x41/\x06\x80") == RC_BAD);
	CHECK(REST_IS("\x04\x80\x05\x41/\x06\x81\x00") == RC_BAD); /* no group */
	CHECK(REST_IS("\x04\x80\x05\x41/\x06\x82\x00\x1a\x80\0\0\0") == RC_LIMIT);
	CHECK(REST_IS("\x04\x80\x05\x41/\x06\x82\x00\x20") == RC_BAD); /* -1 */
	CHECK(REST_IS("\x04\x80\x05\x41/\x06\x98\x43") == RC_LIMIT);   /* 67 */
	CHECK(PARSE("") == RC_EOF);
}

static void test_limits(void)
{
	static uint8_t buf[MANIFEST_MAX + 1], word[MANIFEST_ARG_MAX + 1];
	struct manifest m = { .argc = MANIFEST_ARGV_MAX, .cwd = slice_str("/"), .idc = 2 }, back;
	struct slice s;
	struct wbuf w;

	memset(word, 'x', sizeof word);
	for (size_t i = 0; i < m.argc; i++)
		m.argv[i] = slice_of(word, 100);
	s = encode(buf, &m);
	CHECK(manifest_parse(s, &back) == RC_OK && back.argc == MANIFEST_ARGV_MAX);
	m.argc = 1;
	m.argv[0] = slice_of(word, MANIFEST_ARG_MAX);
	s = encode(buf, &m);
	CHECK(manifest_parse(s, &back) == RC_OK);
	m.argv[0].len++;
	s = encode(buf, &m);
	CHECK(manifest_parse(s, &back) == RC_LIMIT);
	CHECK(manifest_parse(slice_of(buf, MANIFEST_MAX + 1), &back) == RC_LIMIT);
	w = wbuf_of(buf, 100);
	manifest_put(&w, &m);
	CHECK(w.over);
}

int main(void)
{
	test_round_trip();
	test_corrupted();
	test_refused();
	test_refused_values();
	test_limits();
	return test_end();
}
