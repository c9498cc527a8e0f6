/* The version a Linux x86 kernel image says it has (Documentation/arch/x86/
 * boot.rst: "HdrS" at 0x202, u16 little-endian kernel_version at 0x20E, plus
 * 0x200 the offset of a text). For the unmeasured metadata only.
 */
#ifndef IMAGE_BZIMAGE_H
#define IMAGE_BZIMAGE_H

#include "appliance/base/slice.h"

enum {
	BZIMAGE_VERSION_MAX = 64,
	BZIMAGE_HEAD = 0x200 + 0xFFFF + BZIMAGE_VERSION_MAX, /* as far as it can lie */
};

/* The version's first word ("6.12.107") as a string; "unknown" when head, the
 * beginning of a file, is not such a kernel's. */
void bzimage_version(struct slice head, char version[BZIMAGE_VERSION_MAX]);

#endif
