/* The kernel's random numbers come from the security module, or there is no
 * boot: keys made later are as good as this step.
 */
#ifndef BOOT_ENTROPY_H
#define BOOT_ENTROPY_H

#include <stdint.h>

#include "appliance/base/rc.h"

/* Bytes of the module's to credit: twice what the kernel's generator holds. */
enum { ENTROPY_SEED_LEN = 64 };

/* As linux/random.h's rand_pool_info, with its bytes. */
struct entropy_seed {
	int bits, len; /* entropy_credit sets them */
	uint8_t bytes[ENTROPY_SEED_LEN];
};

/* RC_OK when the generator that the kernel reads (path is its rng_current) is
 * the security module's, RC_MISMATCH or RC_LIMIT when it is another, RC_IO.
 * Logs why not. */
RC_CHECK enum rc entropy_source(const char *path);

/* Hands the bytes, which only the caller and the module know, to the kernel with
 * full credit, has it reseed, and checks that it gives numbers without
 * waiting. Wipes them. RC_IO. */
RC_CHECK enum rc entropy_credit(struct entropy_seed *seed);

#endif
