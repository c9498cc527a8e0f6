/* attest/document.h and attest/cose.h: every prefix of a good one against a guard
 * page, and what is wrong in one way. */
#include "appliance/base/dcbor.h"
#include "attest/document.h"
#include "tests/unit/forge.h"
#include "tests/unit/test.h"

static uint8_t buf[DOCUMENT_MAX];

static enum rc parse(struct slice s, struct document *d)
{
	struct slice copy = test_guard(s);
	enum rc rc = document_parse(copy, d);

	test_unguard(copy);
	return rc;
}

static void good(void)
{
	int64_t algorithm;
	struct document d;
	struct forge f;

	forge_init(&f);
	f.nonce = slice_str("nonce");
	f.user_data = slice_of("", 0);
	for (int form = 0; form < 4; form++) {
		f.indefinite = form & 1;
		f.tag = form & 2;
		CHECK(document_parse(slice_of(buf, forge_document(&f, buf)), &d) == RC_OK);
		CHECK(d.timestamp_ms == f.timestamp_ms && d.pcrs == f.pcrs && d.certs == 3);
		CHECK(slice_is(d.nonce, "nonce") && d.user_data.len == 0 && d.public_key.len == 0);
		CHECK(slice_is(d.module_id, f.module_id));
		CHECK(cose_algorithm(&d.cose, &algorithm) == RC_OK && algorithm == COSE_ALG_ES384);
		CHECK(d.cose.signature.len == 96);
		CHECK(memcmp(d.pcr[16].p, f.pcr[16], SHA384_LEN) == 0 && d.pcr[5].p == NULL);
	}
	f.leave_out = 7u << 6; /* the optional ones */
	CHECK(parse(slice_of(buf, forge_document(&f, buf)), &d) == RC_OK);
	CHECK(d.nonce.len == 0);
}

static void prefixes(void)
{
	struct document d;
	struct forge f;
	size_t len;

	forge_init(&f);
	f.indefinite = true;
	len = forge_document(&f, buf);
	for (size_t n = 0; n < len; n++)
		CHECK(parse(slice_of(buf, n), &d) != RC_OK);
	CHECK(parse(slice_of(buf, len), &d) == RC_OK);
	buf[len] = 0;
	CHECK(parse(slice_of(buf, len + 1), &d) == RC_BAD);
	CHECK(document_parse(slice_of(buf, DOCUMENT_MAX + 1), &d) == RC_LIMIT);
}

/* Every byte changed to some others: parsed or not, nothing is read beyond. */
static void bytes(void)
{
	static const uint8_t other[] = { 0x00, 0x5b, 0x7f, 0x9b, 0xbf, 0xf6, 0xff };
	struct document d;
	struct forge f;
	size_t len;

	forge_init(&f);
	len = forge_document(&f, buf);
	for (size_t i = 0; i < len; i++)
		for (size_t j = 0; j < sizeof other; j++) {
			struct slice copy;
			uint8_t was = buf[i];
			enum rc rc;

			buf[i] = other[j];
			copy = test_guard(slice_of(buf, len));
			rc = document_parse(copy, &d);
			for (size_t k = 0; rc == RC_OK && k < d.certs; k++)
				CHECK(d.cabundle[k].p + d.cabundle[k].len <= copy.p + len);
			test_unguard(copy);
			buf[i] = was;
		}
}

static void missing(void)
{
	struct document d;
	struct forge f;

	for (unsigned i = 0; i < 6; i++) {
		forge_init(&f);
		f.leave_out = 1u << i;
		CHECK(parse(slice_of(buf, forge_document(&f, buf)), &d) == RC_BAD);
	}
}

/* One more pair in the payload's map, in place of a field or beside it. */
static enum rc with_pair(const char *name, uint32_t instead, const void *value, size_t len)
{
	uint8_t pair[2048];
	struct wbuf w = wbuf_of(pair, sizeof pair);
	struct document d;
	struct forge f;

	forge_init(&f);
	dcbor_put_text(&w, slice_str(name));
	wbuf_put(&w, value, len);
	f.append = wbuf_slice(&w);
	f.appended = 1;
	f.leave_out = instead;
	return parse(slice_of(buf, forge_document(&f, buf)), &d);
}

static void values(void)
{
	static const uint8_t null[] = { 0xf6 }, undefined[] = { 0xf7 }, zero[] = { 0x00 };
	static const uint8_t empty[] = { 0x40 }, none[] = { 0x80 }, no_map[] = { 0xa0 };
	static const uint8_t hello[] = { 0x65, 'h', 'e', 'l', 'l', 'o' };
	static const uint8_t newline[] = { 0x61, '\n' }, no_text[] = { 0x60 };
	static const uint8_t huge[] = { 0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t hole[] = { 0x81, 0x40 }, chunks[] = { 0x5f, 0x41, 0, 0xff };

	CHECK(with_pair("nonce", 0, null, 1) == RC_BAD); /* twice */
	CHECK(with_pair("timestamp", 0, zero, 1) == RC_BAD);
	CHECK(with_pair("nonce", 1u << 8, null, 1) == RC_OK);
	CHECK(with_pair("nonce", 1u << 8, empty, 1) == RC_OK);
	CHECK(with_pair("nonce", 1u << 8, undefined, 1) == RC_BAD);
	CHECK(with_pair("nonce", 1u << 8, zero, 1) == RC_BAD);
	CHECK(with_pair("nonce", 1u << 8, chunks, sizeof chunks) == RC_BAD);
	CHECK(with_pair("module_id", 1u << 0, hello, sizeof hello) == RC_OK);
	CHECK(with_pair("module_id", 1u << 0, no_text, 1) == RC_BAD);
	CHECK(with_pair("module_id", 1u << 0, newline, sizeof newline) == RC_BAD);
	CHECK(with_pair("digest", 1u << 1, hello, sizeof hello) == RC_BAD);
	CHECK(with_pair("timestamp", 1u << 2, huge, sizeof huge) == RC_LIMIT);
	CHECK(with_pair("timestamp", 1u << 2, hello, sizeof hello) == RC_BAD);
	CHECK(with_pair("pcrs", 1u << 3, no_map, 1) == RC_BAD);
	CHECK(with_pair("certificate", 1u << 4, empty, 1) == RC_BAD);
	CHECK(with_pair("certificate", 1u << 4, null, 1) == RC_BAD);
	CHECK(with_pair("cabundle", 1u << 5, none, 1) == RC_BAD);
	CHECK(with_pair("cabundle", 1u << 5, hole, sizeof hole) == RC_BAD);
	CHECK(with_pair("modul_id", 0, hello, sizeof hello) == RC_DENIED);
}

/* A map of n PCRs from first on, each with len bytes. */
static enum rc with_pcrs(unsigned first, unsigned step, unsigned n, size_t len)
{
	static const uint8_t value[64];
	uint8_t map[2048];
	struct wbuf w = wbuf_of(map, sizeof map);

	dcbor_put_map(&w, n);
	for (unsigned i = 0; i < n; i++) {
		dcbor_put_uint(&w, first + i * step);
		dcbor_put_bytes(&w, slice_of(value, len));
	}
	return with_pair("pcrs", 1u << 3, map, w.len);
}

static void pcrs(void)
{
	CHECK(with_pcrs(0, 1, 32, 48) == RC_OK);
	CHECK(with_pcrs(31, 1, 1, 48) == RC_OK);
	CHECK(with_pcrs(32, 1, 1, 48) == RC_LIMIT);
	CHECK(with_pcrs(0, 1, 33, 48) == RC_LIMIT);
	CHECK(with_pcrs(5, 0, 2, 48) == RC_BAD);
	CHECK(with_pcrs(0, 1, 3, 47) == RC_BAD);
	CHECK(with_pcrs(0, 1, 3, 32) == RC_BAD);
	CHECK(with_pcrs(0, 1, 3, 49) == RC_LIMIT);
}

/* COSE_Sign1s with that protected header, and how they are parsed. */
static void headers(void)
{
	static const struct {
		const char *what;
		enum rc rc;
		int64_t algorithm;
		size_t len;
		uint8_t bytes[12];
	} cases[] = {
		{ "none", RC_OK, 0, 0, { 0 } },
		{ "empty map", RC_OK, 0, 1, { 0xa0 } },
		{ "ES384", RC_OK, -35, 4, { 0xa1, 1, 0x38, 0x22 } },
		{ "and a content type", RC_OK, -7, 5, { 0xa2, 1, 0x26, 3, 0 } },
		{ "indefinite", RC_OK, -35, 5, { 0xbf, 1, 0x38, 0x22, 0xff } },
		{ "a longer head", RC_OK, -35, 5, { 0xa1, 0x18, 1, 0x38, 0x22 } },
		{ "twice", RC_BAD, 0, 7, { 0xa2, 1, 0x38, 0x22, 1, 0x38, 0x22 } },
		{ "crit", RC_BAD, 0, 7, { 0xa2, 1, 0x38, 0x22, 2, 0x81, 3 } },
		{ "text label", RC_BAD, 0, 4, { 0xa1, 0x61, 'a', 0 } },
		{ "text algorithm", RC_BAD, 0, 6, { 0xa1, 1, 0x63, 'E', 'S', '3' } },
		{ "trailing", RC_BAD, 0, 5, { 0xa1, 1, 0x38, 0x22, 0 } },
		{ "cut", RC_EOF, 0, 3, { 0xa1, 1, 0x38 } },
		{ "no map", RC_BAD, 0, 1, { 0x80 } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct wbuf w = wbuf_of(buf, sizeof buf);
		struct cose_sign1 c;
		int64_t algorithm;

		dcbor_put_array(&w, 4);
		dcbor_put_bytes(&w, slice_of(cases[i].bytes, cases[i].len));
		dcbor_put_map(&w, 0);
		dcbor_put_bytes(&w, slice_str("payload"));
		dcbor_put_bytes(&w, slice_str("signature"));
		CHECK(cose_parse(wbuf_slice(&w), &c) == RC_OK);
		if (!CHECK(cose_algorithm(&c, &algorithm) == cases[i].rc) ||
		    !CHECK(cases[i].rc != RC_OK || algorithm == cases[i].algorithm))
			printf("  %s\n", cases[i].what);
	}
}

static void frames(void)
{
	static const struct {
		const char *what;
		enum rc rc;
		size_t len;
		uint8_t bytes[12];
	} cases[] = {
		{ "four", RC_OK, 5, { 0x84, 0x40, 0xa0, 0x40, 0x40 } },
		{ "tag 18", RC_OK, 6, { 0xd2, 0x84, 0x40, 0xa0, 0x40, 0x40 } },
		{ "an unprotected parameter", RC_OK, 7, { 0x84, 0x40, 0xa1, 4, 0x40, 0x40, 0x40 } },
		{ "tag 18 twice", RC_BAD, 7, { 0xd2, 0xd2, 0x84, 0x40, 0xa0, 0x40, 0x40 } },
		{ "tag 18 in two bytes", RC_BAD, 7, { 0xd8, 18, 0x84, 0x40, 0xa0, 0x40, 0x40 } },
		{ "tag 17", RC_BAD, 6, { 0xd1, 0x84, 0x40, 0xa0, 0x40, 0x40 } },
		{ "tag 19", RC_BAD, 6, { 0xd3, 0x84, 0x40, 0xa0, 0x40, 0x40 } },
		{ "the tag alone", RC_EOF, 1, { 0xd2 } },
		{ "three", RC_BAD, 4, { 0x83, 0x40, 0xa0, 0x40 } },
		{ "three, indefinite", RC_BAD, 5, { 0x9f, 0x40, 0xa0, 0x40, 0xff } },
		{ "five", RC_LIMIT, 6, { 0x85, 0x40, 0xa0, 0x40, 0x40, 0x40 } },
		{ "five, indefinite", RC_LIMIT, 7, { 0x9f, 0x40, 0xa0, 0x40, 0x40, 0x40, 0xff } },
		{ "no header map", RC_BAD, 5, { 0x84, 0x40, 0x40, 0x40, 0x40 } },
		{ "a detached payload", RC_BAD, 5, { 0x84, 0x40, 0xa0, 0xf6, 0x40 } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cose_sign1 c;
		struct slice s = test_guard(slice_of(cases[i].bytes, cases[i].len));

		if (!CHECK(cose_parse(s, &c) == cases[i].rc))
			printf("  %s\n", cases[i].what);
		test_unguard(s);
	}
}

int main(void)
{
	good();
	prefixes();
	bytes();
	missing();
	values();
	pcrs();
	headers();
	frames();
	return test_end();
}
