/* What a document of ours says in user_data: deterministic CBOR, at most
 * CLAIMS_MAX bytes, put there by PID 1 alone.
 *
 * A map with unsigned keys:
 *
 *   1  version, 1
 *   2  purpose: text, "tls", "file" or "app"
 *   3  number of touches since boot, below 2^63
 *   4  head of the touch log's chain (attest/touch.h), 48 bytes
 *   5  root of the file hash tree, 48 bytes; left out when there is none
 *   6  SHA-384 of what was asked, 48 bytes; only with "file" and "app"
 *
 * Pure functions; input may be anybody's.
 */
#ifndef ATTEST_CLAIMS_H
#define ATTEST_CLAIMS_H

#include "appliance/base/rc.h"
#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"

enum { CLAIMS_MAX = 512, CLAIMS_VERSION = 1 };

enum purpose { PURPOSE_TLS = 0, PURPOSE_FILE = 1, PURPOSE_APP = 2 };

struct claims {
	enum purpose purpose;
	uint64_t touches;
	uint8_t head[SHA384_LEN];
	struct slice tree;   /* empty or SHA384_LEN bytes; points into the input */
	struct slice digest; /* likewise */
};

/* The purpose's text, as above. */
const char *claims_purpose(enum purpose p);

void claims_put(struct wbuf *w, const struct claims *c);
/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF as dcbor.h; RC_BAD also for keys that are not
 * above, or a digest that is there with "tls" or missing with the others. */
RC_CHECK enum rc claims_parse(struct slice in, struct claims *c);

#endif
