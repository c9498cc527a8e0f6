/* The measurements Nitro takes of an image.
 *
 * A register that was extended once: SHA384(48 zero bytes, SHA384(contents)).
 *   PCR0  kernel, command line, every ramdisk
 *   PCR1  kernel, command line, ramdisk 0
 *   PCR2  ramdisks 1 and up (of nothing when there is one ramdisk)
 *   PCR8  the signing certificate's DER (signature.h)
 * Contents only, without any framing: one register alone therefore does not
 * say where the kernel ends, compare 0, 1 and 2 together.
 */
#ifndef IMAGE_PCR_H
#define IMAGE_PCR_H

#include "appliance/base/sha384.h"
#include "tools/image/eif.h"

struct pcrs {
	uint8_t pcr[3][SHA384_LEN];
};

void pcr_measure(const struct eif *e, struct pcrs *out);

/* The register that holds nothing but one extension with SHA384(contents). */
void pcr_of(struct slice contents, uint8_t out[SHA384_LEN]);

#endif
