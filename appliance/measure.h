/* What the hardware says about this boot, and what we add to it.
 */
#ifndef APPLIANCE_MEASURE_H
#define APPLIANCE_MEASURE_H

#include "appliance/touchlog.h"

/* The register of the manifest (PCR16). */
enum { PCR_MANIFEST = 16 };

/* Prints PCR0, PCR1 and PCR2 on the console, extends and locks PCR_MANIFEST
 * with SHA-384 of the manifest's bytes in s (which hold the channel mode) and
 * reads it back; PCR_TOUCH must be as it was made. The module's description and
 * all its registers go into s. RC_MISMATCH when a register is not what it must be,
 * else as attest/nsm.h; logged. */
RC_CHECK enum rc measure(int nsm, struct touchlog_shared *s);

#endif
