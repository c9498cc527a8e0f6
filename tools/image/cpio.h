/* A deterministic newc archive (the kernel's buffer-format.txt) for ramdisks.
 *
 * Regular files only, in the order they are added, named without a folder, so
 * that no entry for one is needed. Owner 0:0, mtime 0, one link, inodes from
 * 1 up: nothing of the machine or of the source file gets in but its bytes.
 * The archive's length is a multiple of CPIO_ALIGN: the kernel takes an
 * uncompressed archive only at a multiple of 4 from the first ramdisk's
 * beginning, so whatever precedes one has to end there.
 */
#ifndef IMAGE_CPIO_H
#define IMAGE_CPIO_H

#include <stdint.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	CPIO_ALIGN = 4,
	CPIO_NAME_MAX = 255,
	CPIO_FILE_MAX = 0xFFFFFFFFLL, /* eight hexadecimal digits */
};

struct cpio {
	int fd; /* written at its position */
	uint32_t inode;
	uint64_t written;
};

struct cpio cpio_of(int fd);

/* mode: permission bits. RC_IO leaves errno. */
RC_CHECK enum rc cpio_add(struct cpio *c, const char *name, uint32_t mode, struct slice data);

/* The content is everything of `from`, a regular file, from its beginning.
 * RC_LIMIT over CPIO_FILE_MAX, RC_MISMATCH when its size changed meanwhile,
 * RC_IO with errno. */
RC_CHECK enum rc cpio_add_fd(struct cpio *c, const char *name, uint32_t mode, int from);

RC_CHECK enum rc cpio_end(struct cpio *c);

/* The content of a file of an archive of ours, which may be anybody's; false when it
 * is not there, or what comes before it is no such archive. */
bool cpio_find(struct slice archive, const char *name, struct slice *data);

/* Whether name may be given: 1 to CPIO_NAME_MAX bytes, no slash, not the
 * trailer's. */
bool cpio_name_ok(const char *name);

#endif
