#include "tools/image/eif.h"

#include "tools/image/crc32.h"

struct header {
	uint16_t sections;
	uint64_t offset[EIF_SECTIONS_MAX];
	uint64_t size[EIF_SECTIONS_MAX];
	uint32_t crc;
};

/* The caller has checked that the header is there, so no read can fall short
 * and their results need no look. */
static enum eif_fault parse_header(struct slice in, struct eif *e, struct header *h)
{
	struct slice skip;
	uint16_t version = 0, flags = 0, reserved = 0;
	uint32_t unused = 0;

	slice_take(&in, 4, &skip);
	slice_u16_be(&in, &version);
	slice_u16_be(&in, &flags);
	slice_u64_be(&in, &e->memory);
	slice_u64_be(&in, &e->cpus);
	slice_u16_be(&in, &reserved);
	slice_u16_be(&in, &h->sections);
	for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
		slice_u64_be(&in, &h->offset[i]);
	for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
		slice_u64_be(&in, &h->size[i]);
	slice_u32_be(&in, &unused);
	slice_u32_be(&in, &h->crc);

	e->aarch64 = flags == EIF_FLAG_AARCH64;
	if (version != EIF_VERSION)
		return EIF_BAD_VERSION;
	if (flags & ~EIF_FLAG_AARCH64)
		return EIF_BAD_FLAGS;
	if (reserved != 0 || unused != 0)
		return EIF_BAD_RESERVED;
	if (h->sections < EIF_SECTIONS_MIN)
		return EIF_TOO_FEW;
	if (h->sections > EIF_SECTIONS_MAX)
		return EIF_TOO_MANY;
	for (size_t i = h->sections; i < EIF_SECTIONS_MAX; i++)
		if (h->offset[i] != 0 || h->size[i] != 0)
			return EIF_BAD_UNUSED;
	return EIF_OK;
}

/* Where a type stands in the order; 0 for a type that does not exist. */
static unsigned rank_of(uint16_t type)
{
	switch (type) {
	case EIF_KERNEL: return 1;
	case EIF_CMDLINE: return 2;
	case EIF_METADATA: return 3;
	case EIF_RAMDISK: return 4;
	case EIF_SIGNATURE: return 5;
	}
	return 0;
}

/* `seen` has a bit for each rank that occurred. */
static enum eif_fault place(struct eif *e, uint16_t type, struct slice data, unsigned *seen)
{
	unsigned rank = rank_of(type);

	if (rank == 0)
		return EIF_BAD_TYPE;
	if (type != EIF_RAMDISK && (*seen >> rank & 1))
		return EIF_DUPLICATE;
	if (*seen >> (rank + 1))
		return EIF_BAD_ORDER;
	*seen |= 1u << rank;

	if (type == EIF_KERNEL) {
		e->kernel = data;
	} else if (type == EIF_CMDLINE) {
		e->cmdline = data;
	} else if (type == EIF_METADATA) {
		e->metadata = data;
		if (data.len > EIF_METADATA_MAX)
			return EIF_LONG_METADATA;
	} else if (type == EIF_SIGNATURE) {
		e->signature = data;
		e->is_signed = true;
		if (data.len > EIF_SIGNATURE_MAX)
			return EIF_LONG_SIGNATURE;
	} else {
		e->ramdisk[e->ramdisks++] = data;
	}
	return EIF_OK;
}

/* Takes one section off *in, whose first byte is byte `at` of the file. */
static enum eif_fault parse_section(struct slice *in, uint64_t at, uint64_t offset, uint64_t size,
                                    struct eif *e, unsigned *seen)
{
	struct slice data;
	uint16_t type = 0, flags = 0;
	uint64_t inner = 0;

	if (offset < at)
		return EIF_OVERLAP;
	if (offset > at)
		return EIF_GAP;
	if (in->len < EIF_SECTION_HEADER_LEN || size > in->len - EIF_SECTION_HEADER_LEN)
		return EIF_TRUNCATED;
	slice_u16_be(in, &type);
	slice_u16_be(in, &flags);
	slice_u64_be(in, &inner);
	if (inner != size)
		return EIF_DISAGREE;
	if (flags != 0)
		return EIF_BAD_SECTION_FLAGS;
	slice_take(in, (size_t)size, &data);
	return place(e, type, data, seen);
}

static enum eif_fault check_complete(unsigned seen)
{
	static const struct {
		uint16_t type;
		enum eif_fault fault;
	} needed[] = {
		{ EIF_KERNEL, EIF_NO_KERNEL },
		{ EIF_CMDLINE, EIF_NO_CMDLINE },
		{ EIF_METADATA, EIF_NO_METADATA },
		{ EIF_RAMDISK, EIF_NO_RAMDISK },
	};

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!(seen >> rank_of(needed[i].type) & 1))
			return needed[i].fault;
	return EIF_OK;
}

enum eif_fault eif_parse(struct slice in, struct eif *e)
{
	struct header h;
	struct slice left = in, head;
	enum eif_fault f;
	unsigned seen = 0;

	memset(e, 0, sizeof *e);
	if (in.len >= 4 && memcmp(in.p, ".eif", 4) != 0)
		return EIF_BAD_MAGIC;
	if (in.len < EIF_HEADER_LEN)
		return EIF_TRUNCATED_HEADER;
	f = parse_header(in, e, &h);
	slice_take(&left, EIF_HEADER_LEN, &head);
	for (; f == EIF_OK && e->section < h.sections; e->section++) {
		size_t i = e->section;

		f = parse_section(&left, in.len - left.len, h.offset[i], h.size[i], e, &seen);
		if (f != EIF_OK)
			return f;
	}
	if (f == EIF_OK && left.len > 0)
		f = EIF_TRAILING;
	if (f == EIF_OK)
		f = check_complete(seen);
	if (f == EIF_OK && eif_crc(in) != h.crc)
		f = EIF_BAD_CRC;
	return f;
}

uint32_t eif_crc(struct slice in)
{
	struct crc32 c;
	struct slice head, own;

	crc32_init(&c);
	slice_take(&in, EIF_CRC_OFFSET, &head);
	slice_take(&in, 4, &own);
	crc32_update(&c, head);
	crc32_update(&c, in);
	return crc32_value(&c);
}

const char *eif_fault_str(enum eif_fault f)
{
	switch (f) {
	case EIF_OK: return "ok";
	case EIF_BAD_MAGIC: return "bad magic, this is not an EIF";
	case EIF_TRUNCATED_HEADER: return "truncated: the file ends inside its header";
	case EIF_BAD_VERSION: return "unknown version, only 4 is known";
	case EIF_BAD_FLAGS: return "unknown flags in the header";
	case EIF_BAD_RESERVED: return "a reserved field of the header is not zero";
	case EIF_TOO_FEW: return "fewer than 2 sections";
	case EIF_TOO_MANY: return "more than 32 sections";
	case EIF_BAD_UNUSED: return "an unused entry of the section table is not zero";
	case EIF_OVERLAP: return "overlap: it begins before the end of what precedes it";
	case EIF_GAP: return "gap: it begins after the end of what precedes it";
	case EIF_TRUNCATED: return "truncated: it ends after the end of the file";
	case EIF_DISAGREE: return "the section table and the section's header disagree on its size";
	case EIF_BAD_TYPE: return "unknown section type";
	case EIF_BAD_SECTION_FLAGS: return "unknown section flags";
	case EIF_DUPLICATE: return "a second section of a type that occurs once";
	case EIF_BAD_ORDER:
		return "out of order (kernel, command line, metadata, ramdisks, signature)";
	case EIF_LONG_METADATA: return "metadata longer than 1 MiB";
	case EIF_LONG_SIGNATURE: return "signature longer than 32768 bytes";
	case EIF_TRAILING: return "bytes after the last section";
	case EIF_NO_KERNEL: return "no kernel section";
	case EIF_NO_CMDLINE: return "no command line section";
	case EIF_NO_METADATA: return "no metadata section";
	case EIF_NO_RAMDISK: return "no ramdisk section";
	case EIF_BAD_CRC: return "wrong CRC: the file is damaged";
	}
	return "unknown fault";
}

bool eif_fault_of_section(enum eif_fault f)
{
	return f >= EIF_OVERLAP && f <= EIF_LONG_SIGNATURE;
}
