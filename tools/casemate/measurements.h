/* The PCRs that an image will have, as `casemate-image eif describe` and
 * nitro-cli print them:
 *
 *     { "Measurements": { "HashAlgorithm": "Sha384 { ... }",
 *                         "PCR0": HEX, "PCR1": HEX, "PCR2": HEX }, … }
 *
 * Pure. The file is the user's, who may have it from anybody.
 */
#ifndef TOOL_MEASUREMENTS_H
#define TOOL_MEASUREMENTS_H

#include "appliance/base/rc.h"
#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"

enum { MEASUREMENTS_PCRS = 32, MEASUREMENTS_MAX = 65536 };

struct measurements {
	uint32_t pcrs; /* bit n: PCR n is there */
	uint8_t pcr[MEASUREMENTS_PCRS][SHA384_LEN];
};

/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF when it is not such JSON, RC_ABSENT when
 * there is no Measurements object in it, or PCR0, 1 and 2 are not in that. */
RC_CHECK enum rc measurements_parse(struct slice in, struct measurements *m);

/* "PCR0" to "PCR31", or without a prefix of "0" to "31"; -1 for another text. */
int measurements_index(struct slice name, const char *prefix);

#endif
