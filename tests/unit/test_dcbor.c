#include "appliance/base/dcbor.h"
#include "tests/unit/test.h"

/* One item of each kind, as RFC 8949 appendix A encodes it. */
static const struct {
	const char *hex;
	char kind;     /* u i b t a m o(bool) */
	int64_t value; /* or length */
} items[] = {
	{ "00", 'u', 0 },
	{ "17", 'u', 23 },
	{ "1818", 'u', 24 },
	{ "18ff", 'u', 255 },
	{ "190100", 'u', 256 },
	{ "19ffff", 'u', 65535 },
	{ "1a00010000", 'u', 65536 },
	{ "1affffffff", 'u', 4294967295 },
	{ "1b0000000100000000", 'u', 4294967296 },
	{ "1b7fffffffffffffff", 'u', INT64_MAX },
	{ "20", 'i', -1 },
	{ "37", 'i', -24 },
	{ "3818", 'i', -25 },
	{ "3903e7", 'i', -1000 },
	{ "3a00010000", 'i', -65537 },
	{ "3b0000000100000000", 'i', -4294967297 },
	{ "3b7fffffffffffffff", 'i', INT64_MIN },
	{ "1818", 'i', 24 },
	{ "40", 'b', 0 },
	{ "4401020304", 'b', 4 },
	{ "60", 't', 0 },
	{ "6449455446", 't', 4 },
	{ "80", 'a', 0 },
	{ "83", 'a', 3 },
	{ "9818", 'a', 24 },
	{ "a0", 'm', 0 },
	{ "a2", 'm', 2 },
	{ "f4", 'o', 0 },
	{ "f5", 'o', 1 },
};

/* What no reader may take: another length of head than the shortest, no
 * definite length, tags, floats, null, undefined, reserved numbers. */
static const char *const refused[] = {
	"1800",
	"1817",
	"190000",
	"1900ff",
	"1a00000000",
	"1a0000ffff",
	"1b0000000000000000",
	"1b00000000ffffffff",
	"3800",
	"3817",
	"3900ff",
	"3a0000ffff",
	"3b00000000ffffffff",
	"5800",
	"580101",
	"590001ff",
	"5a0000000100",
	"5b000000000000000100",
	"7800",
	"780161",
	"9800",
	"9817",
	"990018",
	"b800",
	"b801",
	"5f",
	"5f4101ff",
	"7f",
	"7f6161ff",
	"9f",
	"9fff",
	"bf",
	"bfff",
	"ff",
	"c0",
	"c100",
	"d81800",
	"d9d9f700",
	"f6",
	"f7",
	"f0",
	"f820",
	"f814",
	"f815",
	"f90000",
	"fa00000000",
	"fb0000000000000000",
	"1c",
	"1d",
	"1e",
	"1f",
	"3c",
	"5c",
	"7c",
	"9c",
	"bc",
	"dc",
	"fc",
	"fd",
	"fe",
};

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static int64_t read_kind(struct dcbor *d, char kind)
{
	switch (kind) {
	case 'u': return (int64_t)dcbor_uint(d, UINT64_MAX);
	case 'i': return dcbor_int(d);
	case 'b': return (int64_t)dcbor_bytes(d, 1000).len;
	case 't': return (int64_t)dcbor_text(d, 1000).len;
	case 'a': return (int64_t)dcbor_array(d, 1000);
	case 'm': return (int64_t)dcbor_map(d, 1000);
	default: return dcbor_bool(d);
	}
}

static void write_kind(struct wbuf *w, char kind, int64_t value, const uint8_t *data)
{
	switch (kind) {
	case 'u': dcbor_put_uint(w, (uint64_t)value); break;
	case 'i': dcbor_put_int(w, value); break;
	case 'b': dcbor_put_bytes(w, slice_of(data, (size_t)value)); break;
	case 't': dcbor_put_text(w, slice_of(data, (size_t)value)); break;
	case 'a': dcbor_put_array(w, (size_t)value); break;
	case 'm': dcbor_put_map(w, (size_t)value); break;
	case 'o': dcbor_put_bool(w, value != 0); break;
	}
}

static void test_items(void)
{
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		uint8_t in[32], out[32];
		size_t n = unhex(items[i].hex, in), tail = 0;
		struct slice s = test_guard(slice_of(in, n));
		struct dcbor d = dcbor_of(s);
		struct wbuf w = wbuf_of(out, sizeof out);

		CHECK(read_kind(&d, items[i].kind) == items[i].value);
		CHECK(dcbor_end(&d) == RC_OK);
		if (items[i].kind == 'b' || items[i].kind == 't')
			tail = (size_t)items[i].value;
		write_kind(&w, items[i].kind, items[i].value, in + n - tail);
		CHECK(!w.over && slice_eq(wbuf_slice(&w), s));
		test_unguard(s);
		for (size_t cut = 0; cut < n; cut++) { /* every prefix */
			s = test_guard(slice_of(in, cut));
			d = dcbor_of(s);
			CHECK(read_kind(&d, items[i].kind) == 0 && d.rc == RC_EOF);
			test_unguard(s);
		}
	}
}

static void test_refused(void)
{
	static const char kinds[] = "uibtamo";

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		uint8_t in[32];
		struct slice s = test_guard(slice_of(in, unhex(refused[i], in)));

		for (const char *k = kinds; *k; k++) {
			struct dcbor d = dcbor_of(s);

			read_kind(&d, *k);
			if (!CHECK(d.rc == RC_BAD || d.rc == RC_EOF))
				printf("  %s read as %c\n", refused[i], *k);
		}
		test_unguard(s);
	}
}

static void test_other_kinds(void)
{
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		for (const char *k = "ubtamo"; *k; k++) {
			uint8_t in[32];
			struct dcbor d = dcbor_of(slice_of(in, unhex(items[i].hex, in)));

			if (items[i].kind == *k || (items[i].kind == 'i' && items[i].value >= 0))
				continue;
			read_kind(&d, *k);
			CHECK(d.rc == RC_BAD);
		}
}

static void test_limits(void)
{
	static const struct {
		const char *hex;
		char kind;
		size_t length;
	} cases[] = {
		{ "18ff", 'u', 255 }, { "43616263", 'b', 3 }, { "63616263", 't', 3 },
		{ "83", 'a', 3 },     { "a3", 'm', 3 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int over = 0; over < 2; over++) {
			uint8_t in[32];
			struct dcbor d = dcbor_of(slice_of(in, unhex(cases[i].hex, in)));
			size_t max = cases[i].length - (size_t)over;

			switch (cases[i].kind) {
			case 'u': dcbor_uint(&d, max); break;
			case 'b': dcbor_bytes(&d, max); break;
			case 't': dcbor_text(&d, max); break;
			case 'a': dcbor_array(&d, max); break;
			case 'm': dcbor_map(&d, max); break;
			}
			CHECK(d.rc == (over ? RC_LIMIT : RC_OK));
		}
}

/* A declared length beyond everything is no allocation and no overrun. */
static void test_huge(void)
{
	static const char *const huge[] = { "5bffffffffffffffff", "7bffffffffffffffff",
		                            "5b7fffffffffffffff", "7affffffff" };

	for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
		uint8_t in[32];
		struct slice s = test_guard(slice_of(in, unhex(huge[i], in)));
		struct dcbor b = dcbor_of(s), t = dcbor_of(s);

		CHECK(dcbor_bytes(&b, SIZE_MAX).len == 0 && b.rc != RC_OK);
		CHECK(dcbor_text(&t, SIZE_MAX).len == 0 && t.rc != RC_OK);
		test_unguard(s);
	}
	{
		uint8_t in[32];
		struct dcbor d = dcbor_of(slice_of(in, unhex("1bffffffffffffffff", in)));

		CHECK(dcbor_int(&d) == 0 && d.rc == RC_LIMIT);
		d = dcbor_of(slice_of(in, unhex("3bffffffffffffffff", in)));
		CHECK(dcbor_int(&d) == 0 && d.rc == RC_LIMIT);
	}
}

/* Key 1 must be there, 2 and 70000 may. */
static enum rc read_record(const char *hex)
{
	uint8_t in[64];
	struct slice s = test_guard(slice_of(in, unhex(hex, in)));
	struct dcbor d = dcbor_of(s);
	enum rc rc;

	dcbor_record(&d);
	dcbor_uint(dcbor_need(&d, 1), 100);
	if (dcbor_has(&d, 2))
		dcbor_uint(&d, 100);
	if (dcbor_has(&d, 70000))
		dcbor_uint(&d, 100);
	rc = dcbor_end(&d);
	test_unguard(s);
	return rc;
}

static void test_records(void)
{
	static const char whole[] = "a3010102021a0001117003";

	CHECK(read_record(whole) == RC_OK);
	for (size_t cut = 0; cut < sizeof whole - 1; cut += 2) {
		char part[sizeof whole];

		memcpy(part, whole, cut);
		part[cut] = '\0';
		CHECK(read_record(part) == RC_EOF);
	}
	CHECK(read_record("a10101") == RC_OK);
	CHECK(read_record("a201011a0001117003") == RC_OK);
	CHECK(read_record("a0") == RC_BAD);             /* no key 1 */
	CHECK(read_record("a10202") == RC_BAD);         /* another */
	CHECK(read_record("a202020101") == RC_BAD);     /* descending */
	CHECK(read_record("a201010101") == RC_BAD);     /* twice */
	CHECK(read_record("a201010303") == RC_BAD);     /* unknown */
	CHECK(read_record("a3010102020303") == RC_BAD); /* unknown, too */
	CHECK(read_record("a201010202"
	                  "00") == RC_BAD);                     /* trailing */
	CHECK(read_record("a4010102021a0001117003") == RC_BAD); /* fewer than it says */
	CHECK(read_record("a2010118"
	                  "0202") == RC_BAD); /* not the shortest */
	CHECK(read_record("a201016161"
	                  "02") == RC_BAD); /* text key */
	CHECK(read_record("a2010141"
	                  "0202") == RC_BAD); /* byte string key */
	CHECK(read_record("a2010121"
	                  "02") == RC_BAD); /* negative key */
	CHECK(read_record("a2010118"
	                  "6502") == RC_BAD);                   /* unknown, of two bytes */
	CHECK(read_record("bf0101ff") == RC_BAD);               /* indefinite */
	CHECK(read_record("bbffffffffffffffff0101") == RC_EOF); /* more than there are */
	CHECK(read_record("a2011864020a") == RC_OK);            /* 100 */
	CHECK(read_record("a2011865020a") == RC_LIMIT);         /* 101 */
	CHECK(read_record("810101") == RC_BAD);                 /* no map */
}

static void test_latch(void)
{
	uint8_t in[] = { 0xf6, 0x01, 0x41, 0x02 };
	struct dcbor d = dcbor_of(slice_of(in, sizeof in));

	CHECK(dcbor_uint(&d, 100) == 0 && d.rc == RC_BAD);
	CHECK(dcbor_uint(&d, 100) == 0);
	CHECK(dcbor_bytes(&d, 100).len == 0 && dcbor_array(&d, 100) == 0 && !dcbor_bool(&d));
	CHECK(dcbor_int(&d) == 0 && d.rc == RC_BAD && d.in.len == sizeof in);
	CHECK(dcbor_end(&d) == RC_BAD);
}

static void test_writer_full(void)
{
	uint8_t buf[16];

	for (size_t max = 0; max < 6; max++) {
		struct wbuf w = wbuf_of(buf, max);

		dcbor_put_bytes(&w, slice_of("abcd", 4));
		CHECK(w.over == (max < 5));
	}
}

int main(void)
{
	test_items();
	test_refused();
	test_other_kinds();
	test_limits();
	test_huge();
	test_records();
	test_latch();
	test_writer_full();
	return test_end();
}
