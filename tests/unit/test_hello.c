/* The server name of a ClientHello: every prefix, however the records are cut, and
 * every way to have another name, none, or two. */
#include "net/hello.h"
#include "tests/unit/test.h"

static uint8_t hello[20000], stream[40000];
static size_t hello_len;

/* Extensions, with their heads. */
static void make(const void *extensions, size_t len)
{
	struct wbuf w = wbuf_of(hello, sizeof hello);

	wbuf_put(&w, "\1\0\0\0\3\3", 6);
	for (unsigned i = 0; i < 32; i++)
		wbuf_u8(&w, (uint8_t)i);
	wbuf_u8(&w, 32); /* a session */
	for (unsigned i = 0; i < 32; i++)
		wbuf_u8(&w, (uint8_t)i);
	wbuf_put(&w, "\0\4\x13\1\x13\2\1\0", 8);
	wbuf_u16_be(&w, (uint16_t)len);
	wbuf_put(&w, extensions, len);
	hello_len = w.len;
	hello[2] = (uint8_t)((w.len - 4) >> 8);
	hello[3] = (uint8_t)(w.len - 4);
}

/* hello in records of at most size bytes. */
static size_t records(size_t size)
{
	struct wbuf w = wbuf_of(stream, sizeof stream);

	for (size_t at = 0; at < hello_len; at += size) {
		size_t n = hello_len - at < size ? hello_len - at : size;

		wbuf_put(&w, "\x16\3\1", 3);
		wbuf_u16_be(&w, (uint16_t)n);
		wbuf_put(&w, hello + at, n);
	}
	return w.len;
}

static enum rc read_name(size_t len, char name[HELLO_NAME_MAX + 1])
{
	struct slice g = test_guard(slice_of(stream, len));
	uint8_t bytes[HELLO_NAME_MAX];
	size_t n = 0;
	enum rc rc = hello_name(g, bytes, &n);

	test_unguard(g);
	if (CHECK(n <= HELLO_NAME_MAX))
		memcpy(name, bytes, n);
	name[rc == RC_OK ? n : 0] = '\0';
	return rc;
}

static enum rc judged(char name[HELLO_NAME_MAX + 1])
{
	return read_name(records(16384), name);
}

/* Of a name, with another extension before and behind it. */
static void named(const char *name)
{
	uint8_t e[1024];
	struct wbuf w = wbuf_of(e, sizeof e);
	size_t n = strlen(name);

	wbuf_put(&w, "\0\x0a\0\4\0\2\0\x1d\0\0", 10);
	wbuf_u16_be(&w, (uint16_t)(n + 5));
	wbuf_u16_be(&w, (uint16_t)(n + 3));
	wbuf_u8(&w, 0);
	wbuf_u16_be(&w, (uint16_t)n);
	wbuf_put(&w, name, n);
	wbuf_put(&w, "\0\x2b\0\3\2\3\4", 7);
	make(e, w.len);
}

static void test_prefixes(void)
{
	static const size_t sizes[] = { 16384, 200, 60, 7, 1 };
	char name[HELLO_NAME_MAX + 1];

	named("Www.example-1._x");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t len = records(sizes[i]);

		for (size_t n = 0; n < len; n++)
			CHECK(read_name(n, name) == RC_MORE);
		CHECK(read_name(len, name) == RC_OK && strcmp(name, "www.example-1._x") == 0);
		memset(stream + len, 0xaa, 100); /* what follows is not looked at */
		CHECK(read_name(len + 100, name) == RC_OK);
	}
}

static void test_names(void)
{
	static const char *good[] = { "a", "a.b", "xn--a.b", "1.2", "a_b", "*.a" };
	/* What is none is policy_named's to judge. */
	static const char *bad[] = { ".", ".a", "a..b", "a b", "[::1]", "\xc3\xa4", "a\n" };
	char name[HELLO_NAME_MAX + 1], longest[HELLO_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		named(good[i]);
		CHECK(judged(name) == RC_OK && strcmp(name, good[i]) == 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		named(bad[i]);
		CHECK(judged(name) == RC_OK && strcmp(name, bad[i]) == 0);
	}
	named("");
	CHECK(judged(name) == RC_BAD);
	named("A\xc3");
	CHECK(judged(name) == RC_OK && strcmp(name, "a\xc3") == 0);
	memset(longest, 'a', sizeof longest);
	longest[HELLO_NAME_MAX + 1] = '\0';
	named(longest);
	CHECK(judged(name) == RC_BAD);
	named(longest + 1);
	CHECK(judged(name) == RC_OK && strlen(name) == HELLO_NAME_MAX);
}

static void test_extensions(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum rc rc;
	} cases[] = {
		{ "", 0, RC_BAD },                                        /* none at all */
		{ "\0\x2b\0\3\2\3\4", 7, RC_BAD },                        /* not that one */
		{ "\0\0\0\6\0\4\0\0\1a", 10, RC_OK },                     /* as it is to be */
		{ "\0\0\0\6\0\4\0\0\1a\0\0\0\6\0\4\0\0\1a", 20, RC_BAD }, /* twice */
		{ "\0\0\0\6\0\4\0\0\1a\0\0\0\0", 14, RC_BAD },            /* and an empty one */
		{ "\0\0\0\6\0\4\0\0\1a\0\0\0\7\0\5\0\0\2bx\1\0\0", 24, RC_BAD },
		{ "\0\0\0\0", 4, RC_BAD },                      /* as servers send it */
		{ "\0\0\0\2\0\0", 6, RC_BAD },                  /* an empty list */
		{ "\0\0\0\6\0\4\1\0\1a", 10, RC_BAD },          /* of another kind */
		{ "\0\0\0\12\0\10\0\0\1a\0\0\1b", 14, RC_BAD }, /* two in one list */
		{ "\0\0\0\6\0\3\0\0\1a", 10, RC_BAD },          /* lengths that differ */
		{ "\0\0\0\6\0\5\0\0\1a", 10, RC_BAD },
		{ "\0\0\0\6\0\4\0\0\2a", 10, RC_BAD },
		{ "\0\0\0\6\0\4\0\0\0a", 10, RC_BAD },
		{ "\0\0\0\7\0\4\0\0\1a", 10, RC_BAD },
		{ "\0\0\0\5\0\4\0\0\1a", 10, RC_BAD },
		{ "\0\0\0\6\0\4\0\0\1a\0", 11, RC_BAD }, /* the beginning of another */
		{ "\0\0\0\6\0\4\0\0\1a\0\1\0\1", 14, RC_BAD },
	};
	char name[HELLO_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		make(cases[i].bytes, cases[i].len);
		if (!CHECK(judged(name) == cases[i].rc))
			printf("  case %zu\n", i);
	}
	for (unsigned how = 0; how < 3; how++) { /* the length of all extensions */
		make("\0\0\0\6\0\4\0\0\1a", 10);
		hello[hello_len - 11] = (uint8_t)(9 + how);
		CHECK(judged(name) == (how == 1 ? RC_OK : RC_BAD));
	}
	make("", 0); /* as TLS 1.2 without extensions: not even their length */
	hello_len -= 2;
	hello[3] -= 2;
	CHECK(judged(name) == RC_BAD);
}

static void test_records(void)
{
	char name[HELLO_NAME_MAX + 1];
	size_t len;

	named("a.example");
	for (unsigned type = 0; type < 256; type++) {
		len = records(100);
		stream[0] = (uint8_t)type;
		CHECK(read_name(len, name) == (type == 22 ? RC_OK : RC_BAD));
		len = records(50);
		stream[55] = (uint8_t)type; /* the second one's */
		CHECK(read_name(len, name) == (type == 22 ? RC_OK : RC_BAD));
		len = records(16384);
		stream[1] = (uint8_t)type;
		CHECK(read_name(len, name) == (type == 3 ? RC_OK : RC_BAD));
		len = records(16384);
		stream[5] = (uint8_t)type; /* the message's */
		CHECK(read_name(len, name) == (type == 1 ? RC_OK : RC_BAD));
	}
	hello_len++; /* something behind it in its last record */
	CHECK(judged(name) == RC_BAD);
	hello_len--;
	len = records(16384);
	memmove(stream + 5, stream, len); /* an empty record in front */
	stream[3] = stream[4] = 0;
	CHECK(read_name(len + 5, name) == RC_BAD);
	stream[3] = 0x40;
	stream[4] = 1; /* longer than there are */
	CHECK(read_name(200, name) == RC_BAD);
}

/* Each byte of it changed in every way: nothing is read outside, and a name is a
 * name. */
static void test_bytes(void)
{
	char name[HELLO_NAME_MAX + 1];
	size_t len;

	named("a.example");
	len = records(60);
	for (size_t i = 0; i < len; i++) {
		uint8_t was = stream[i];

		for (unsigned c = 0; c < 256; c++) {
			enum rc rc;

			stream[i] = (uint8_t)c;
			rc = read_name(len, name);
			CHECK(rc == RC_OK || rc == RC_MORE || rc == RC_BAD);
			CHECK(rc == RC_OK || name[0] == '\0');
		}
		stream[i] = was;
	}
}

/* As large as they get: a post-quantum key share, in two records. */
static void test_large(void)
{
	static uint8_t e[17000];
	struct wbuf w = wbuf_of(e, sizeof e);
	char name[HELLO_NAME_MAX + 1];

	wbuf_put(&w, "\0\x33\x41\0", 4);
	w.len += 0x4100;
	wbuf_put(&w, "\0\0\0\6\0\4\0\0\1a", 10);
	make(e, w.len);
	CHECK(judged(name) == RC_OK && strcmp(name, "a") == 0);
}

int main(void)
{
	test_prefixes();
	test_names();
	test_extensions();
	test_records();
	test_bytes();
	test_large();
	return test_end();
}
