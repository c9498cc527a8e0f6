/* EIF, the enclave image file: its layout and a reader that believes nothing.
 *
 * Specification: AWS's image-format library, version 4. All integers are
 * big-endian. The header, EIF_HEADER_LEN bytes:
 *
 *     0  4    magic ".eif"
 *     4  u16  version, 4
 *     6  u16  flags, bit 0: 0 x86_64, 1 aarch64
 *     8  u64  default memory, bytes
 *    16  u64  default number of CPUs
 *    24  u16  reserved, 0
 *    26  u16  number of sections, 2 to 32
 *    28  u64  offset of each section, 32 entries, 0 where unused
 *   284  u64  size of each section, 32 entries, 0 where unused
 *   540  u32  unused, 0
 *   544  u32  CRC-32 over the whole file but these four bytes
 *
 * and after it, without gaps, the sections: u16 type, u16 flags 0, u64 size,
 * then that many bytes. A table offset points at the section's header, the
 * size leaves the header out. Order: kernel, command line, metadata, ramdisks
 * (one or more), signature (at most one).
 *
 * AWS's tools walk the sections and the hypervisor follows the table, so a
 * file whose two views differ would show one thing and boot another: it is
 * refused, as is every byte that belongs to neither.
 *
 * The input is controlled by anybody. The reader is pure: it points into the
 * input and reads nothing outside it.
 */
#ifndef IMAGE_EIF_H
#define IMAGE_EIF_H

#include <stdbool.h>
#include <stdint.h>

#include "appliance/base/slice.h"

enum {
	EIF_VERSION = 4,
	EIF_HEADER_LEN = 548,
	EIF_CRC_OFFSET = 544,
	EIF_OFFSETS_AT = 28,
	EIF_SIZES_AT = 284,
	EIF_SECTION_HEADER_LEN = 12,
	EIF_SECTIONS_MIN = 2,
	EIF_SECTIONS_MAX = 32,
	EIF_SIGNATURE_MAX = 32768,  /* the format's own limit */
	EIF_METADATA_MAX = 1 << 20, /* ours: AWS allows 4 KiB of custom metadata */
	EIF_FLAG_AARCH64 = 1,
};

enum eif_type {
	EIF_KERNEL = 1,
	EIF_CMDLINE = 2,
	EIF_RAMDISK = 3,
	EIF_SIGNATURE = 4,
	EIF_METADATA = 5,
};

/* Why a file is refused; eif_fault_str() has a phrase for each. */
enum eif_fault {
	EIF_OK = 0,
	EIF_BAD_MAGIC = 1,
	EIF_TRUNCATED_HEADER = 2,
	EIF_BAD_VERSION = 3,
	EIF_BAD_FLAGS = 4,
	EIF_BAD_RESERVED = 5,
	EIF_TOO_FEW = 6,
	EIF_TOO_MANY = 7,
	EIF_BAD_UNUSED = 8, /* an unused table entry is not zero */
	EIF_OVERLAP = 9,    /* a section begins inside the previous one */
	EIF_GAP = 10,       /* a section begins after the previous one's end */
	EIF_TRUNCATED = 11, /* a section ends after the file */
	EIF_DISAGREE = 12,  /* table and section header have two sizes */
	EIF_BAD_TYPE = 13,
	EIF_BAD_SECTION_FLAGS = 14,
	EIF_DUPLICATE = 15,
	EIF_BAD_ORDER = 16,
	EIF_LONG_METADATA = 17,
	EIF_LONG_SIGNATURE = 18,
	EIF_TRAILING = 19, /* bytes after the last section */
	EIF_NO_KERNEL = 20,
	EIF_NO_CMDLINE = 21,
	EIF_NO_METADATA = 22,
	EIF_NO_RAMDISK = 23,
	EIF_BAD_CRC = 24,
};

struct eif {
	bool aarch64;
	uint64_t memory, cpus; /* the defaults for who runs it */
	struct slice kernel, cmdline, metadata;
	struct slice ramdisk[EIF_SECTIONS_MAX];
	size_t ramdisks; /* 1 to 29 */
	bool is_signed;
	struct slice signature; /* not looked into, see signature.h */
	size_t section;         /* on a fault: the section it is about, from 0 */
};

/* Reads a whole file. Everything but the sections' contents is checked, the
 * CRC last; on a fault only e->section is meaningful. */
enum eif_fault eif_parse(struct slice in, struct eif *e);

/* A phrase for a message, e.g. "bad magic"; never NULL. */
const char *eif_fault_str(enum eif_fault f);

/* Whether the fault is about one section, so that e->section is worth saying. */
bool eif_fault_of_section(enum eif_fault f);

/* The CRC a file of at least EIF_HEADER_LEN bytes should carry. */
uint32_t eif_crc(struct slice in);

#endif
