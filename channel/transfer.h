/* The host's end of push and pull.
 *
 * On pull the enclave's frames are hostile: nothing is written outside dst,
 * no symlink is followed below it, and every size and digest is checked.
 */
#ifndef CHANNEL_TRANSFER_H
#define CHANNEL_TRANSFER_H

#include "channel/failure.h"

struct transfer {
	bool resume;
	struct progress progress;
	struct totals totals;            /* set on RC_OK */
	uint8_t file_digest[SHA384_LEN]; /* of the only file, when files is 1 */
	struct failure failure;          /* set on any other result */
};

/* Sends src (count of them; "DIR/." stands for DIR's content) to dst in the
 * enclave over conn. into: dst must be a directory. */
RC_CHECK enum rc transfer_push(int conn, struct transfer *t, char *const *src, size_t count,
                               const char *dst, bool into);

/* Fetches src paths of the enclave to dst here. */
RC_CHECK enum rc transfer_pull(int conn, struct transfer *t, char *const *src, size_t count,
                               const char *dst, bool into);

#endif
