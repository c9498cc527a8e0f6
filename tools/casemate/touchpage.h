/* A page of the touch log as GET /touch gives it:
 *
 *     {"touches":N, "head":HEX, "first":K, "base":HEX, "next":M or null,
 *      "records":[{"record":BASE64, …}, …]}
 *
 * Only what can be proved is read: what else a record's object says in words
 * is in its bytes too. Pure; the enclave may be hostile.
 */
#ifndef TOOL_TOUCHPAGE_H
#define TOOL_TOUCHPAGE_H

#include "attest/https.h"

enum { TOUCHPAGE_RECORDS = HTTPS_TOUCHES };

struct touchpage {
	uint64_t first; /* number of the first record in it */
	uint8_t base[SHA384_LEN];
	uint64_t next; /* 0: it is the last */
	size_t records;
	struct {
		size_t len;
		uint8_t bytes[TOUCH_RECORD_MAX];
	} record[TOUCHPAGE_RECORDS];
};

/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF. */
RC_CHECK enum rc touchpage_parse(struct slice in, struct touchpage *p);

#endif
