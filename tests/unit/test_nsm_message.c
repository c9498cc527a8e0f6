/* attest/nsm.h and attest/nsm_message.h against answers written by hand: the
 * device is this file. */
#include "attest/lcbor.h"
#include "attest/nsm.h"
#include "tests/unit/test.h"

static uint8_t mem[2048], asked_mem[NSM_REQUEST_MAX];
static struct wbuf w, asked; /* what the module answers, and what it was asked */
static enum rc exchange_rc;

/* While on, the answers to the three requests of a seal instead. */
static struct seal {
	uint8_t extended[SHA384_LEN], read[SHA384_LEN];
	bool on, locked, refuses_lock;
} seal;

static void answer_seal(struct slice request, struct wbuf *answer)
{
	bool lock = request.len > 2 && request.p[2] == 'L', extend = request.p[2] == 'E';

	if (lock && !seal.refuses_lock) {
		dcbor_put_text(answer, slice_str("LockPCR"));
		return;
	}
	dcbor_put_map(answer, 1);
	dcbor_put_text(answer, slice_str(lock ? "Error" : extend ? "ExtendPCR" : "DescribePCR"));
	if (lock) {
		dcbor_put_text(answer, slice_str("InternalError"));
		return;
	}
	dcbor_put_map(answer, extend ? 1 : 2);
	dcbor_put_text(answer, slice_str("data"));
	dcbor_put_bytes(answer, slice_of(extend ? seal.extended : seal.read, SHA384_LEN));
	if (!extend) {
		dcbor_put_text(answer, slice_str("lock"));
		dcbor_put_bool(answer, seal.locked);
	}
}

enum rc nsm_open(const char *path, int *fd)
{
	(void)path;
	*fd = 0;
	return RC_OK;
}

enum rc nsm_exchange(int fd, struct slice request, struct wbuf *answer)
{
	(void)fd;
	asked = wbuf_of(asked_mem, sizeof asked_mem);
	wbuf_put(&asked, request.p, request.len);
	if (seal.on)
		answer_seal(request, answer);
	else
		wbuf_put(answer, w.p, w.len);
	return exchange_rc;
}

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

static bool was_asked(const char *bytes, size_t n)
{
	return slice_eq(wbuf_slice(&asked), slice_of(bytes, n));
}

static void requests(void)
{
	struct nsm_description d;
	uint8_t random[4], big[NSM_EXTEND_MAX + 1] = { 0 };
	struct nsm_pcr p;
	struct slice none = { 0 }, document;

	begin();
	CHECK(nsm_describe(0, &d) != RC_OK && was_asked("\x6b"
	                                                "DescribeNSM",
	                                                12));
	CHECK(nsm_random(0, random, 4) != RC_OK && was_asked("\x69"
	                                                     "GetRandom",
	                                                     10));
	CHECK(nsm_read_pcr(0, 16, &p) != RC_OK && was_asked("\xa1\x6b"
	                                                    "DescribePCR\xa1\x65index\x10",
	                                                    21));
	CHECK(nsm_extend_pcr(0, 31, slice_str("\xaa"), p.value) != RC_OK);
	CHECK(was_asked("\xa1\x69"
	                "ExtendPCR\xa2\x65index\x18\x1f\x64"
	                "data\x41\xaa",
	                27));
	CHECK(nsm_extend_pcr(0, 31, slice_of(big, sizeof big), p.value) == RC_LIMIT);
	CHECK(nsm_lock_pcr(0, 16) != RC_OK && was_asked("\xa1\x67LockPCR\xa1\x65index\x10", 17));
	CHECK(nsm_attest(0, slice_str("u"), none, slice_str("k"), &document) != RC_OK);
	CHECK(was_asked("\xa1\x6b"
	                "Attestation\xa2\x69user_data\x41u\x6apublic_key\x41k",
	                39));
	CHECK(nsm_attest(0, none, none, none, &document) != RC_OK);
	CHECK(was_asked("\xa1\x6b"
	                "Attestation\xa0",
	                14));
	exchange_rc = RC_IO;
	CHECK(nsm_lock_pcr(0, 16) == RC_IO);
	exchange_rc = RC_OK;
}

static void documents(void)
{
	struct slice d, none = { 0 };
	uint8_t one;

	begin();
	dcbor_put_map(&w, 1), text("Attestation"), dcbor_put_map(&w, 1), text("document"),
		bytes(500, 9);
	CHECK(nsm_attest(0, none, none, none, &d) == RC_OK && d.len == 500 && d.p[499] == 9);
	CHECK(nsm_random(0, &one, 1) == RC_BAD);
	for (w.len--; w.len > 0; w.len--)
		CHECK(nsm_attest(0, none, none, none, &d) != RC_OK);
	begin();
	dcbor_put_map(&w, 1), text("Attestation"), dcbor_put_map(&w, 1), text("document"),
		bytes(0, 0);
	CHECK(nsm_attest(0, none, none, none, &d) == RC_BAD);
	begin();
	dcbor_put_map(&w, 1), text("Error"), text("InvalidOperation");
	CHECK(nsm_attest(0, none, none, none, &d) == RC_DENIED);
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

/* The same by the parser alone, which must not read beyond. */
static enum rc parse_guarded(size_t n)
{
	struct slice map = { 0 }, s = test_guard(slice_of(mem, n));
	struct dcbor c = lcbor_of(slice_of(NULL, 0));
	char reason[NSM_ERROR_MAX + 1];
	enum rc rc = nsm_parse(s, "DescribeNSM", &map, reason);

	CHECK(reason[0] == '\0');
	CHECK(rc != RC_OK ||
	      (dcbor_uint(lcbor_at(&c, map, "version_patch"), 3) == 3 &&
	       dcbor_uint(lcbor_at(&c, map, "version_major"), 1) == 1 &&
	       slice_is(dcbor_text(lcbor_at(&c, map, "digest"), 6), "SHA384") && c.rc == RC_OK));
	test_unguard(s);
	return rc;
}

static void descriptions(void)
{
	for (int i = 0; i < 4; i++) {
		struct nsm_description d;
		size_t len;

		put_description((i & 1) != 0, (i & 2) != 0, "SHA384");
		len = w.len;
		CHECK(parse_guarded(len) == RC_OK && nsm_describe(0, &d) == RC_OK);
		CHECK(d.major == 1 && d.minor == 2 && d.patch == 3 && d.pcrs == 32);
		CHECK(strcmp(d.id, "i-1?-enc2") == 0);
		for (size_t n = 0; n < len; n++) {
			CHECK(parse_guarded(n) != RC_OK);
			w.len = n;
			CHECK(nsm_describe(0, &d) != RC_OK);
		}
		w.len = len;
		raw(0);
		CHECK(parse_guarded(w.len) != RC_OK && nsm_describe(0, &d) != RC_OK);
	}
}

static void bad_descriptions(void)
{
	struct nsm_description d;

	put_description(false, false, "SHA512");
	CHECK(nsm_describe(0, &d) == RC_BAD);
	begin();
	dcbor_put_map(&w, 1), text("DescribeNSM"), dcbor_put_map(&w, 1);
	text("digest"), text("SHA384");
	CHECK(nsm_describe(0, &d) == RC_BAD); /* the rest is missing */
	put_description(false, false, "SHA384");
	mem[w.len - sizeof "\x6flocked_pcrs\x83\0\1\x18\x1f\x66"
	                   "digest\x66"
	                   "SHA384"] = 33;
	CHECK(nsm_describe(0, &d) == RC_LIMIT);
	begin();
	dcbor_put_map(&w, 0);
	CHECK(nsm_describe(0, &d) == RC_BAD);
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
	CHECK(nsm_read_pcr(0, 1, &p) == RC_OK && p.locked && p.value[47] == 0x5a);
	put_pcr("DescribePCR", 47, true);
	CHECK(nsm_read_pcr(0, 1, &p) == RC_BAD);
	put_pcr("DescribePCR", 49, true);
	CHECK(nsm_read_pcr(0, 1, &p) == RC_LIMIT);
	put_pcr("DescribePCR", 48, false);
	CHECK(nsm_read_pcr(0, 1, &p) == RC_BAD);
	put_pcr("ExtendPCR", 48, false);
	CHECK(nsm_extend_pcr(0, 1, slice_str("x"), value) == RC_OK && value[0] == 0x5a);
	CHECK(nsm_read_pcr(0, 1, &p) == RC_BAD); /* another answer's name */
}

static void randoms(void)
{
	uint8_t r[256] = { 0 }, none[256] = { 0 };

	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 1), text("random"),
		bytes(256, 7);
	CHECK(nsm_random(0, r, 256) == RC_OK && r[0] == 7 && r[255] == 7);
	memset(r, 0, sizeof r);
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 1), text("random"),
		bytes(257, 7);
	CHECK(nsm_random(0, r, 256) == RC_LIMIT && memcmp(r, none, sizeof r) == 0);
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 1), text("random"),
		bytes(100, 7);
	CHECK(nsm_random(0, r, 101) == RC_EOF && memcmp(r, none, sizeof r) == 0);
	CHECK(nsm_random(0, r, 99) == RC_OK && r[98] == 7 && r[99] == 0);
	memset(r, 0, sizeof r);
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 1), text("random"), bytes(0, 7);
	CHECK(nsm_random(0, r, 1) == RC_EOF && memcmp(r, none, sizeof r) == 0);
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 2);
	text("random"), bytes(4, 7), text("random"), bytes(4, 8);
	CHECK(nsm_random(0, r, 4) == RC_BAD); /* twice */
	begin();
	dcbor_put_map(&w, 1), text("GetRandom"), dcbor_put_map(&w, 0);
	CHECK(nsm_random(0, r, 4) == RC_BAD);
}

static enum rc parse_lock(const char *name, char reason[NSM_ERROR_MAX + 1])
{
	return nsm_parse(wbuf_slice(&w), name, NULL, reason);
}

static void refusals(void)
{
	char reason[NSM_ERROR_MAX + 1];
	struct nsm_pcr p;

	begin();
	dcbor_put_map(&w, 1), text("Error"), text("ReadOnly\nIndex");
	CHECK(parse_lock("LockPCR", reason) == RC_DENIED);
	CHECK(strcmp(reason, "ReadOnly?Index") == 0);
	CHECK(nsm_lock_pcr(0, 1) == RC_DENIED && nsm_read_pcr(0, 1, &p) == RC_DENIED);
	begin();
	text("LockPCR");
	CHECK(parse_lock("LockPCR", reason) == RC_OK && reason[0] == '\0');
	CHECK(nsm_lock_pcr(0, 1) == RC_OK);
	CHECK(nsm_read_pcr(0, 1, &p) == RC_BAD);
	raw(0);
	CHECK(nsm_lock_pcr(0, 1) == RC_BAD);
	begin();
	text("LockPCRs");
	CHECK(nsm_lock_pcr(0, 1) == RC_BAD && parse_lock("LockPCRs", reason) == RC_OK);
	begin();
	text("Error");
	CHECK(parse_lock("LockPCR", reason) == RC_BAD);
	begin();
	dcbor_put_map(&w, 1), text("LockPCR"), dcbor_put_map(&w, 0);
	CHECK(parse_lock("LockPCR", reason) == RC_BAD);
	w.len = 0;
	CHECK(nsm_lock_pcr(0, 1) != RC_OK);
	put_pcr("DescribePCR", 48, true);
	memmove(mem, mem + 1, --w.len); /* the name, and the map behind it */
	CHECK(nsm_read_pcr(0, 1, &p) == RC_BAD);
}

/* A module that says one thing and does another. */
static void seals(void)
{
	static const uint8_t digest[SHA384_LEN] = { 1, 2, 3 };
	static const enum rc rc[] = { RC_OK, RC_MISMATCH, RC_MISMATCH, RC_DENIED, RC_MISMATCH };
	uint8_t value[SHA384_LEN] = { 0 };
	struct nsm_pcr p;

	sha384_extend(value, digest, sizeof digest);
	for (unsigned wrong = 0; wrong < 5; wrong++) {
		seal = (struct seal){ .on = true, .locked = wrong != 4 };
		memcpy(seal.extended, value, sizeof value);
		memcpy(seal.read, value, sizeof value);
		seal.extended[SHA384_LEN - 1] ^= wrong == 1;
		seal.read[0] ^= wrong == 2;
		seal.refuses_lock = wrong == 3;
		CHECK(nsm_seal_pcr(0, 17, digest, &p) == rc[wrong]);
	}
	seal.on = false;
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
	seals();
	return test_end();
}
