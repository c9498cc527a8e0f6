/* CRC-32 as in zlib and Ethernet (reflected 0x04C11DB7), eight bytes a step.
 *
 * The tables live in the caller's context, so that there is no state to
 * initialise once: building them takes as long as 8 KiB of input.
 */
#ifndef IMAGE_CRC32_H
#define IMAGE_CRC32_H

#include <stdint.h>

#include "appliance/base/slice.h"

struct crc32 {
	uint32_t table[8][256];
	uint32_t state;
};

void crc32_init(struct crc32 *c);
void crc32_update(struct crc32 *c, struct slice s);

/* The value of everything so far; c can go on afterwards. */
uint32_t crc32_value(const struct crc32 *c);

#endif
