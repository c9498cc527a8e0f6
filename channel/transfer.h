/* The host's end of push and pull.
 *
 * On pull the enclave's frames are hostile: nothing is written outside dst,
 * no symlink is followed below it, and every size and digest is checked.
 */
#ifndef CHANNEL_TRANSFER_H
#define CHANNEL_TRANSFER_H

#include "channel/message.h"

struct failure {
	enum error_code code;
	bool remote;                    /* the other end said it */
	char text[ERROR_TEXT_MAX + 64]; /* printable, one line */
};

struct transfer {
	bool resume;
	/* Called now and then with the bytes moved so far and the name in hand;
	 * NULL for none. */
	void (*progress)(void *ctx, uint64_t bytes, uint64_t files, const char *name);
	void *progress_ctx;
	struct totals totals;           /* set on RC_OK */
	uint8_t file_digest[SHA384_LEN]; /* of the only file, when files is 1 */
	struct failure failure;         /* set on any other result */
};

/* Sends src (count of them; "DIR/." stands for DIR's content) to dst in the
 * enclave over conn. into: dst must be a directory. */
RC_CHECK enum rc transfer_push(int conn, struct transfer *t, char *const *src, size_t count,
                               const char *dst, bool into);

/* Fetches src paths of the enclave to dst here. */
RC_CHECK enum rc transfer_pull(int conn, struct transfer *t, char *const *src, size_t count,
                               const char *dst, bool into);

#endif
