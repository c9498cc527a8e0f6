/* The touch log's records and their hash chain.
 *
 * A record is deterministic CBOR of at most TOUCH_RECORD_MAX bytes, a map:
 *
 *   1  number, from 1
 *   2  time, seconds since 1970 by the enclave's clock
 *   3  operation: text, "exec", "push", "pull", "stop" or "control"
 *   4  user: text, who was admitted ("open" when anybody is)
 *   5  SHA-384 of the whole request, 48 bytes, computed by PID 1
 *   6  summary: text of the arguments as the channel role reports them, cut
 *      to TOUCH_SUMMARY_MAX bytes of printable ASCII; not proved by anything
 *
 * The chain: head 0 is 48 zero bytes, head n = SHA-384(head n-1 ‖ record n).
 * PCR17 is extended once, with head 1, and locked before that first operation
 * starts: its value is SHA-384(48 zero bytes ‖ head 1).
 *
 * Pure functions; input may be anybody's.
 */
#ifndef ATTEST_TOUCH_H
#define ATTEST_TOUCH_H

#include "appliance/base/rc.h"
#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"

enum {
	PCR_TOUCH = 17,
	TOUCH_RECORD_MAX = 224,
	TOUCH_SUMMARY_MAX = 96,
	TOUCH_WORD_MAX = 16, /* bytes of operation and user */
	/* The last records that an enclave shows at the least, all while there are
	 * no more. It keeps some more (TOUCHLOG_RING): the writer needs two, and there
	 * may be new ones between a document and the log that is fetched for it. */
	TOUCH_KEPT_MIN = 1920,
};

struct touch_record {
	uint64_t number;
	uint64_t time_s;
	struct slice operation, user, summary;
	struct slice digest; /* SHA384_LEN */
};

void touch_put(struct wbuf *w, const struct touch_record *r);
/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF as dcbor.h. All six keys must be there, the
 * operation one of those above, user not empty, user and summary printable. */
RC_CHECK enum rc touch_parse(struct slice in, struct touch_record *r);
void touch_chain(uint8_t head[SHA384_LEN], struct slice record);

#endif
