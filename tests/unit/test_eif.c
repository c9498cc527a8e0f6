#include "tests/unit/test.h"
#include "tools/image/crc32.h"
#include "tools/image/eif.h"

/* A second writer, as plain as can be: what the reader is held against. */
struct section {
	uint16_t type;
	const char *data;
};

static const struct section plain[] = {
	{ EIF_KERNEL, "krn" }, { EIF_CMDLINE, "cl" }, { EIF_METADATA, "{}" },
	{ EIF_RAMDISK, "r0" }, { EIF_RAMDISK, "" },
};

enum { PLAIN = sizeof plain / sizeof *plain, FILE_MAX = 1 << 17 };

static uint8_t file[FILE_MAX];
static size_t file_len;
static bool seen_fault[EIF_BAD_CRC + 1];

static void put(size_t at, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		file[at + i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static void fix_crc(void)
{
	if (file_len >= EIF_HEADER_LEN)
		put(EIF_CRC_OFFSET, 4, eif_crc(slice_of(file, file_len)));
}

static void make(const struct section *s, size_t n)
{
	memset(file, 0, EIF_HEADER_LEN);
	memcpy(file, ".eif", 4);
	put(4, 2, 4);
	put(8, 8, 1 << 30);
	put(16, 8, 2);
	put(26, 2, n);
	file_len = EIF_HEADER_LEN;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(s[i].data);

		if (i < EIF_SECTIONS_MAX) {
			put(EIF_OFFSETS_AT + 8 * i, 8, file_len);
			put(EIF_SIZES_AT + 8 * i, 8, len);
		}
		put(file_len, 2, s[i].type);
		put(file_len + 2, 2, 0);
		put(file_len + 4, 8, len);
		memcpy(file + file_len + EIF_SECTION_HEADER_LEN, s[i].data, len);
		file_len += EIF_SECTION_HEADER_LEN + len;
	}
	fix_crc();
}

static enum eif_fault parse(struct eif *e)
{
	struct slice g = test_guard(slice_of(file, file_len));
	enum eif_fault f = eif_parse(g, e);

	test_unguard(g);
	seen_fault[f] = true;
	return f;
}

static enum eif_fault fault(void)
{
	struct eif e;

	return parse(&e);
}

/* The plain image with n bytes at `at` set to v, its CRC right. */
static enum eif_fault patched(size_t at, size_t n, uint64_t v)
{
	make(plain, PLAIN);
	put(at, n, v);
	fix_crc();
	return fault();
}

static enum eif_fault of_sections(const struct section *s, size_t n)
{
	make(s, n);
	return fault();
}

static void test_good(void)
{
	struct slice g;
	struct eif e;

	make(plain, PLAIN);
	g = test_guard(slice_of(file, file_len));
	CHECK(eif_parse(g, &e) == EIF_OK);
	CHECK(slice_is(e.kernel, "krn") && slice_is(e.cmdline, "cl") && slice_is(e.metadata, "{}"));
	CHECK(e.ramdisks == 2 && slice_is(e.ramdisk[0], "r0") && slice_is(e.ramdisk[1], ""));
	CHECK(!e.is_signed && !e.aarch64 && e.memory == 1 << 30 && e.cpus == 2);
	test_unguard(g);
	CHECK(patched(6, 2, EIF_FLAG_AARCH64) == EIF_OK);
}

static void test_header(void)
{
	CHECK(patched(0, 4, 0x2f656966) == EIF_BAD_MAGIC);
	CHECK(patched(4, 2, 3) == EIF_BAD_VERSION);
	CHECK(patched(4, 2, 5) == EIF_BAD_VERSION);
	CHECK(patched(6, 2, 2) == EIF_BAD_FLAGS);
	CHECK(patched(6, 2, 0x8000) == EIF_BAD_FLAGS);
	CHECK(patched(24, 2, 1) == EIF_BAD_RESERVED);
	CHECK(patched(540, 4, 1) == EIF_BAD_RESERVED);
	CHECK(patched(26, 2, 0) == EIF_TOO_FEW);
	CHECK(patched(26, 2, 1) == EIF_TOO_FEW);
	CHECK(patched(26, 2, 33) == EIF_TOO_MANY);
	CHECK(patched(26, 2, 0xffff) == EIF_TOO_MANY);
	CHECK(patched(EIF_OFFSETS_AT + 8 * PLAIN, 8, 1) == EIF_BAD_UNUSED);
	CHECK(patched(EIF_SIZES_AT + 8 * 31, 8, 1) == EIF_BAD_UNUSED);
	CHECK(patched(26, 2, PLAIN - 1) == EIF_BAD_UNUSED);
	make(plain, PLAIN);
	put(EIF_CRC_OFFSET, 4, eif_crc(slice_of(file, file_len)) ^ 1);
	CHECK(fault() == EIF_BAD_CRC);
}

static void test_bounds(void)
{
	size_t second = EIF_HEADER_LEN + EIF_SECTION_HEADER_LEN + 3;
	size_t last = EIF_SIZES_AT + 8 * (PLAIN - 1);

	CHECK(patched(EIF_OFFSETS_AT, 8, 0) == EIF_OVERLAP);
	CHECK(patched(EIF_OFFSETS_AT, 8, EIF_HEADER_LEN - 1) == EIF_OVERLAP);
	CHECK(patched(EIF_OFFSETS_AT, 8, EIF_HEADER_LEN + 1) == EIF_GAP);
	CHECK(patched(EIF_OFFSETS_AT + 8, 8, second - 1) == EIF_OVERLAP);
	CHECK(patched(EIF_OFFSETS_AT + 8, 8, UINT64_MAX) == EIF_GAP);
	CHECK(patched(EIF_SIZES_AT, 8, 4) == EIF_DISAGREE);
	CHECK(patched(EIF_SIZES_AT, 8, 2) == EIF_DISAGREE);
	CHECK(patched(EIF_HEADER_LEN + 4, 8, 2) == EIF_DISAGREE);
	CHECK(patched(EIF_SIZES_AT, 8, UINT64_MAX) == EIF_TRUNCATED);
	CHECK(patched(EIF_SIZES_AT, 8, UINT64_MAX - EIF_SECTION_HEADER_LEN + 1) == EIF_TRUNCATED);
	CHECK(patched(last, 8, 1) == EIF_TRUNCATED);

	/* Both sizes larger by the same: the sections overlap. */
	make(plain, PLAIN);
	put(EIF_SIZES_AT, 8, 5);
	put(EIF_HEADER_LEN + 4, 8, 5);
	fix_crc();
	CHECK(fault() == EIF_OVERLAP);
	/* Both smaller: a gap, which the table alone would not show. */
	make(plain, PLAIN);
	put(EIF_SIZES_AT, 8, 1);
	put(EIF_HEADER_LEN + 4, 8, 1);
	fix_crc();
	CHECK(fault() == EIF_GAP);
	make(plain, PLAIN);
	file[file_len++] = 0;
	fix_crc();
	CHECK(fault() == EIF_TRAILING);
}

static void test_sections(void)
{
	struct section s[PLAIN];

	CHECK(patched(EIF_HEADER_LEN, 2, 0) == EIF_BAD_TYPE);
	CHECK(patched(EIF_HEADER_LEN, 2, 6) == EIF_BAD_TYPE);
	CHECK(patched(EIF_HEADER_LEN, 2, 0x0101) == EIF_BAD_TYPE);
	CHECK(patched(EIF_HEADER_LEN + 2, 2, 1) == EIF_BAD_SECTION_FLAGS);
	CHECK(of_sections(plain + 1, 4) == EIF_NO_KERNEL);
	CHECK(of_sections(plain, 2) == EIF_NO_METADATA);
	CHECK(of_sections(plain, 3) == EIF_NO_RAMDISK);
	memcpy(s, plain, sizeof s);
	s[1] = plain[2], s[2] = plain[3];
	CHECK(of_sections(s, 3) == EIF_NO_CMDLINE);
	s[1] = plain[1], s[2] = plain[3];
	CHECK(of_sections(s, 3) == EIF_NO_METADATA);
	s[2] = plain[1];
	CHECK(of_sections(s, 4) == EIF_DUPLICATE);
	s[2] = plain[0];
	CHECK(of_sections(s, 4) == EIF_DUPLICATE);
	s[0] = plain[1], s[1] = plain[0], s[2] = plain[2];
	CHECK(of_sections(s, PLAIN) == EIF_BAD_ORDER);
	memcpy(s, plain, sizeof s);
	s[2] = plain[3], s[3] = plain[2];
	CHECK(of_sections(s, PLAIN) == EIF_BAD_ORDER);
	memcpy(s, plain, sizeof s);
	s[3].type = EIF_SIGNATURE;
	CHECK(of_sections(s, PLAIN) == EIF_BAD_ORDER);
	s[4].type = EIF_SIGNATURE;
	CHECK(of_sections(s, PLAIN) == EIF_DUPLICATE);
}

static void test_counts(void)
{
	struct section s[33];
	struct eif e;

	memcpy(s, plain, sizeof plain);
	for (size_t i = 3; i < 33; i++)
		s[i] = (struct section){ EIF_RAMDISK, "x" };
	make(s, 32);
	CHECK(parse(&e) == EIF_OK && e.ramdisks == 29);
	make(s, 33);
	CHECK(parse(&e) == EIF_TOO_MANY);
	s[31].type = EIF_SIGNATURE;
	make(s, 32);
	CHECK(parse(&e) == EIF_OK && e.ramdisks == 28 && e.is_signed && e.signature.len == 1);
	for (size_t i = 0; i < 32; i++)
		s[i] = (struct section){ EIF_RAMDISK, "x" };
	make(s, 32);
	CHECK(parse(&e) == EIF_NO_KERNEL);
}

static void test_long_sections(void)
{
	static char text[EIF_METADATA_MAX + 2];
	static uint8_t big[EIF_METADATA_MAX + 1024];
	struct section s[PLAIN];
	struct eif e;

	memset(text, 'x', EIF_SIGNATURE_MAX + 1);
	memcpy(s, plain, sizeof s);
	s[4] = (struct section){ EIF_SIGNATURE, text };
	CHECK(of_sections(s, PLAIN) == EIF_LONG_SIGNATURE);
	text[EIF_SIGNATURE_MAX] = '\0';
	CHECK(of_sections(s, PLAIN) == EIF_OK);

	/* Too long for `file`: the plain image's metadata made longer here. */
	make(plain, 3);
	memcpy(big, file, file_len);
	for (size_t i = 0; i < 8; i++) {
		uint8_t b = (uint8_t)((uint64_t)(EIF_METADATA_MAX + 1) >> (56 - 8 * i));

		big[EIF_SIZES_AT + 16 + i] = b;
		big[file_len - 2 - 8 + i] = b;
	}
	CHECK(eif_parse(slice_of(big, sizeof big), &e) == EIF_LONG_METADATA);
	seen_fault[EIF_LONG_METADATA] = true;
}

/* With its CRC made right or not, no prefix is an image. */
static void test_prefixes(void)
{
	struct eif e;
	size_t whole;

	make(plain, PLAIN);
	whole = file_len;
	for (size_t n = 0; n < whole; n++) {
		make(plain, PLAIN);
		file_len = n;
		CHECK(parse(&e) == (n < EIF_HEADER_LEN ? EIF_TRUNCATED_HEADER : EIF_TRUNCATED));
		fix_crc();
		CHECK(parse(&e) != EIF_OK);
	}
}

/* Bytes that may be anything: the defaults for memory and CPUs, the contents
 * of sections. Also another architecture, and the last of two ramdisks taken
 * for a signature. */
static bool may_be(size_t at, uint8_t v)
{
	size_t section = EIF_HEADER_LEN;

	if (at == 7)
		return v <= EIF_FLAG_AARCH64;
	if (at < EIF_HEADER_LEN)
		return at >= 8 && at < 24;
	for (size_t i = 0; i < PLAIN; i++) {
		size_t data = section + EIF_SECTION_HEADER_LEN;

		if (at < data)
			return i == PLAIN - 1 && at == section + 1 && v == EIF_SIGNATURE;
		section = data + strlen(plain[i].data);
		if (at < section)
			return true;
	}
	return false;
}

static void test_corrupted(void)
{
	static uint8_t good[1024];
	struct slice s = slice_of(file, 0);
	struct eif e;

	make(plain, PLAIN);
	memcpy(good, file, file_len);
	s.len = file_len;
	for (size_t at = 0; at < file_len; at++)
		for (int v = 0; v < 256; v++) {
			memcpy(file, good, file_len);
			file[at] = (uint8_t)v;
			if (v == good[at])
				continue;
			CHECK(eif_parse(s, &e) != EIF_OK);
			fix_crc();
			if (at >= EIF_CRC_OFFSET && at < EIF_HEADER_LEN)
				CHECK(memcmp(file, good, file_len) == 0);
			else
				CHECK((eif_parse(s, &e) == EIF_OK) == may_be(at, (uint8_t)v));
		}
}

static void test_crc(void)
{
	struct crc32 c;

	crc32_init(&c);
	CHECK(crc32_value(&c) == 0);
	crc32_update(&c, slice_str("123456789"));
	CHECK(crc32_value(&c) == 0xCBF43926); /* the check value of this CRC */
	for (size_t split = 0; split <= 43; split++) {
		struct slice s = slice_str("The quick brown fox jumps over the lazy dog"), head;

		crc32_init(&c);
		slice_take(&s, split, &head);
		crc32_update(&c, head);
		crc32_update(&c, s);
		CHECK(crc32_value(&c) == 0x414FA339);
	}
}

static void test_every_fault(void)
{
	for (int f = 1; f <= EIF_BAD_CRC; f++) {
		CHECK(seen_fault[f]);
		CHECK(strcmp(eif_fault_str((enum eif_fault)f), "unknown fault") != 0);
		for (int g = 0; g < f; g++)
			CHECK(strcmp(eif_fault_str((enum eif_fault)f),
			             eif_fault_str((enum eif_fault)g)) != 0);
	}
}

int main(void)
{
	test_crc();
	test_good();
	test_header();
	test_bounds();
	test_sections();
	test_counts();
	test_long_sections();
	test_prefixes();
	test_corrupted();
	test_every_fault();
	return test_end();
}
