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

/* One file of the enclave's that is wanted in memory. */
struct transfer_file {
	const char *path;
	uint8_t *mem; /* the caller's, max bytes */
	size_t max, len;
	bool there; /* len bytes of it are in mem, whole and checked */
};

/* Fetches the content of files, at most REQUEST_ARGS_MAX (message.h). RC_OK:
 * they are all there. RC_ABSENT: one does not exist, and then none may be there,
 * since a pull is of all or nothing. RC_DENIED: *f says why, if only that one is
 * larger than max or no regular file. */
RC_CHECK enum rc transfer_read(int conn, struct transfer_file *files, size_t count,
                               struct failure *f);

#endif
