/* The half of claims.h that only who verifies needs: what any version of an enclave may
 * say. Pure; input may be anybody's.
 */
#ifndef ATTEST_CLAIMS_READ_H
#define ATTEST_CLAIMS_READ_H

#include "appliance/base/rc.h"
#include "attest/claims.h"

enum purpose { PURPOSE_TLS = 0, PURPOSE_FILE = 1, PURPOSE_APP = 2 };

struct claims {
	enum purpose purpose;
	uint64_t touches;
	uint8_t head[SHA384_LEN];
	struct slice tree;   /* empty or SHA384_LEN bytes; points into the input */
	struct slice digest; /* likewise */
};

/* The purpose's text, as in claims.h. */
const char *claims_purpose(enum purpose p);

/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF as dcbor.h; RC_BAD also for keys that claims.h
 * does not list, or a digest that is there with "tls" or missing with the others. */
RC_CHECK enum rc claims_parse(struct slice in, struct claims *c);

#endif
