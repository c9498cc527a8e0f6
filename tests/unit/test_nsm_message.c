/* attest/nsm_message.h against answers written by hand. */
#include "appliance/base/dcbor.h"
#include "attest/nsm_message.h"
#include "tests/unit/test.h"

static uint8_t mem[2048];
static struct wbuf w;

static void begin(void)
{
	w = wbuf_of(mem, sizeof mem);
}

static void text(const char *s)
{
	dcbor_put_text(&w, slice_str(s));
}

static void bytes(size_t n, uint8_t v)
{
	uint8_t b[512];

	memset(b, v, sizeof b);
	dcbor_put_bytes(&w, slice_of(b, n));
}

static void raw(uint8_t b)
{
	wbuf_u8(&w, b);
}

static void requests(void)
{
	static const uint8_t pcr[] = { 0xa1, 0x6b, 'D',  'e',  's', 'c', 'r', 'i', 'b', 'e', 'P',
		                       'C',  'R',  0xa1, 0x65, 'i', 'n', 'd', 'e', 'x', 0x10 };
	static const uint8_t extend[] = { 0xa1, 0x69, 'E',  'x',  't', 'e', 'n', 'd',  'P',
		                          'C',  'R',  0xa2, 0x65, 'i', 'n', 'd', 'e',  'x',
		                          0x18, 0x1f, 0x64, 'd',  'a', 't', 'a', 0x41, 0xaa };
	static const uint8_t data[] = { 0xaa };

	begin();
	nsm_put_describe(&w);
	CHECK(slice_is(wbuf_slice(&w), "\x6b"
	                               "DescribeNSM"));
	begin();
	nsm_put_random(&w);
	CHECK(slice_is(wbuf_slice(&w), "\x69"
	                               "GetRandom"));
	begin();
	nsm_put_pcr(&w, 16);
	CHECK(slice_eq(wbuf_slice(&w), slice_of(pcr, sizeof pcr)));
	begin();
	nsm_put_extend(&w, 31, slice_of(data, 1));
	CHECK(slice_eq(wbuf_slice(&w), slice_of(extend, sizeof extend)));
	begin();
	nsm_put_lock(&w, 16);
	CHECK(w.len == 2 + 7 + 1 + 6 + 1);
	begin();
	nsm_put_lock_range(&w, 32); /* a count: the last register is 31 */
	CHECK(slice_is(wbuf_slice(&w), "\xa1\x68"
	                               "LockPCRs\xa1\x65"
	                               "range\x18\x20"));
	begin();
	nsm_put_attest(&w, slice_str("u"), slice_of(NULL, 0), slice_str("k"));
	CHECK(slice_is(wbuf_slice(&w), "\xa1\x6b"
	                               "Attestation\xa2\x69"
	                               "user_data\x41u\x6a"
	                               "public_key\x41k"));
	begin();
	nsm_put_attest(&w, slice_of(NULL, 0), slice_of(NULL, 0), slice_of(NULL, 0));
	CHECK(slice_is(wbuf_slice(&w), "\xa1\x6b"
	                               "Attestation\xa0"));
}

static void documents(void)
{
	struct slice d;

	begin();
	dcbor_put_map(&w, 1), text("Attestation"), dcbor_put_map(&w, 1), text("document"),
		bytes(500, 9);
	CHECK(nsm_parse_attest(wbuf_slice(&w), &d) == RC_OK && d.len == 500 && d.p[499] == 9);
	CHECK(nsm_parse_random(wbuf_slice(&w), &d) == RC_BAD);
	for (size_t n = 0; n < w.len; n++) {
		struct slice p = test_guard(slice_of(mem, n));

		CHECK(nsm_parse_attest(p, &d) != RC_OK);
		test_unguard(p);
	}
	begin();
	dcbor_put_map(&w, 1), text("Attestation"), dcbor_put_map(&w, 1), text("document"),
		bytes(0, 0);
	CHECK(nsm_parse_attest(wbuf_slice(&w), &d) == RC_BAD);
	begin();
	dcbor_put_map(&w, 1), text("Error"), text("InvalidOperation");
	CHECK(nsm_parse_attest(wbuf_slice(&w), &d) == RC_DENIED);
}

/* A description; `indefinite` writes both maps and the list that way, `junk`
 * adds a field nobody knows. */
static void put_description(bool indefinite, bool junk, const char *digest)
{
	begin();
	if (indefinite)
		raw(0xbf);
	else
		dcbor_put_map(&w, 1);
	text("DescribeNSM");
	if (indefinite)
		raw(0xbf);
	else
		dcbor_put_map(&w, junk ? 8 : 7);
	if (junk) {
		text("news");
		dcbor_put_map(&w, 1);
		text("a");
		dcbor_put_array(&w, 2);
		dcbor_put_uint(&w, 1);
		bytes(3, 1);
	}
	text("version_major"), dcbor_put_uint(&w, 1);
	text("version_minor"), dcbor_put_uint(&w, 2);
	text("version_patch"), dcbor_put_uint(&w, 3);
	text("module_id"), text("i-1\n-enc2");
	text("max_pcrs"), dcbor_put_uint(&w, 32);
	text("locked_pcrs");
	if (indefinite)
		raw(0x9f);
	else
		dcbor_put_array(&w, 3);
	dcbor_put_uint(&w, 0), dcbor_put_uint(&w, 1), dcbor_put_uint(&w, 31);
	if (indefinite)
		raw(0xff);
	text("digest"), text(digest);
	if (indefinite)
		raw(0xff), raw(0xff);
}

static void descriptions(void)
{
	for (int i = 0; i < 4; i++) {
		struct nsm_description d;
		struct slice s;

		put_description((i & 1) != 0, (i & 2) != 0, "SHA384");
		s = test_guard(wbuf_slice(&w));
		CHECK(nsm_parse_describe(s, &d) == RC_OK);
		CHECK(d.major == 1 && d.minor == 2 && d.patch == 3 && d.pcrs == 32);
		CHECK(d.locked == (3u | 1u << 31));
		CHECK(strcmp(d.id, "i-1?-enc2") == 0);
		for (size_t n = 0; n < s.len; n++) {
			struct slice p = test_guard(slice_of(s.p, n));

			CHECK(nsm_parse_describe(p, &d) != RC_OK);
			test_unguard(p);
		}
		test_unguard(s);
		raw(0);
		CHECK(nsm_parse_describe(wbuf_slice(&w), &d) != RC_OK);
	}
}

static void bad_descriptions(void)
{
	struct nsm_description d;

	put_description(false, false, "SHA512");
	CHECK(nsm_parse_describe(wbuf_slice(&w), &d) == RC_BAD);
	begin();
	dcbor_put_map(&w, 1), text("DescribeNSM"), dcbor_put_map(&w, 1);
	text("digest"), text("SHA384");
	CHECK(nsm_parse_describe(wbuf_slice(&w), &d) == RC_BAD); /* the rest is missing */
	begin();
	dcbor_put_map(&w, 1), text("DescribeNSM"), dcbor_put_map(&w, 1);
	text("max_pcrs"), dcbor_put_uint(&w, 33);
	CHECK(nsm_parse_describe(wbuf_slice(&w), &d) == RC_LIMIT);
	begin();
	dcbor_put_map(&w, 1), text("DescribeNSM"), dcbor_put_map(&w, 1);
	text("locked_pcrs"), dcbor_put_array(&w, 1), dcbor_put_uint(&w, 32);
	CHECK(nsm_parse_describe(wbuf_slice(&w), &d) == RC_LIMIT); /* no shift by 32 */
	begin();
	dcbor_put_map(&w, 0);
	CHECK(nsm_parse_describe(wbuf_slice(&w), &d) == RC_BAD);
}

static void put_pcr(const char *name, size_t len, bool lock_field)
{
	begin();
	dcbor_put_map(&w, 1);
	text(name);
	dcbor_put_map(&w, lock_field ? 2 : 1);
	if (lock_field)
		text("lock"), dcbor_put_bool(&w, true);
	text("data"), bytes(len, 0x5a);
}

static void registers(void)
{
	uint8_t value[SHA384_LEN] = { 0 };
	struct nsm_pcr p;

	put_pcr("DescribePCR", 48, true);
	CHECK(nsm_parse_pcr(wbuf_slice(&w), &p) == RC_OK && p.locked && p.value[47] == 0x5a);
	put_pcr("DescribePCR", 47, true);
	CHECK(nsm_parse_pcr(wbuf_slice(&w), &p) == RC_BAD);
	put_pcr("DescribePCR", 49, true);
	CHECK(nsm_parse_pcr(wbuf_slice(&w), &p) != RC_OK);
	put_pcr("DescribePCR", 48, false);
	CHECK(nsm_parse_pcr(wbuf_slice(&w), &p) == RC_BAD);
	put_pcr("ExtendPCR", 48, false);
	CHECK(nsm_parse_extend(wbuf_slice(&w), value) == RC_OK && value[0] == 0x5a);
	CHECK(nsm_parse_pcr(wbuf_slice(&w), &p) == RC_BAD); /* another answer's name */
}

static void randoms(void)
{
	struct slice r;

	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 1), text("random"),
		bytes(256, 7);
	CHECK(nsm_parse_random(wbuf_slice(&w), &r) == RC_OK && r.len == 256 && r.p[255] == 7);
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 1), text("random"),
		bytes(257, 7);
	CHECK(nsm_parse_random(wbuf_slice(&w), &r) == RC_LIMIT);
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 2);
	text("random"), bytes(4, 7), text("random"), bytes(4, 8);
	CHECK(nsm_parse_random(wbuf_slice(&w), &r) == RC_BAD); /* twice */
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 0);
	CHECK(nsm_parse_random(wbuf_slice(&w), &r) == RC_BAD);
}

static void refusals(void)
{
	char reason[NSM_ERROR_MAX + 1];
	struct nsm_pcr p;

	begin();
	dcbor_put_map(&w, 1), text("Error"), text("ReadOnlyIndex");
	CHECK(nsm_parse_lock(wbuf_slice(&w)) == RC_DENIED);
	CHECK(nsm_parse_pcr(wbuf_slice(&w), &p) == RC_DENIED);
	nsm_error(wbuf_slice(&w), reason);
	CHECK(strcmp(reason, "ReadOnlyIndex") == 0);
	begin();
	text("LockPCR");
	CHECK(nsm_parse_lock(wbuf_slice(&w)) == RC_OK);
	nsm_error(wbuf_slice(&w), reason);
	CHECK(reason[0] == '\0');
	raw(0);
	CHECK(nsm_parse_lock(wbuf_slice(&w)) == RC_BAD);
	begin();
	text("LockPCRs");
	CHECK(nsm_parse_lock(wbuf_slice(&w)) == RC_BAD);
	CHECK(nsm_parse_lock_range(wbuf_slice(&w)) == RC_OK);
	CHECK(nsm_parse_lock(slice_of(mem, 0)) != RC_OK);
}

int main(void)
{
	requests();
	descriptions();
	bad_descriptions();
	registers();
	randoms();
	documents();
	refusals();
	return test_end();
}
