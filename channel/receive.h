/* The receiver of files and trees (PROTOCOL.md "Files and trees"): the
 * enclave's end of push, the host's of pull. Its input is hostile on both.
 *
 * Theory of operation. receive_open makes the stage (stage.h). receive_run
 * reads frames: with no file open ENTRY, LEAVE or DONE, with one open FROM
 * (when resumed), DATA, HOLE or END; anything else ends it. `level` holds the
 * open directories of the stage, level[0] is the stage's `new`. After DONE,
 * when all sums agree, the stage is committed and RESULT sent. Every other
 * way out leaves the final names as they were.
 */
#ifndef CHANNEL_RECEIVE_H
#define CHANNEL_RECEIVE_H

#include "channel/failure.h"
#include "channel/stage.h"
#include "channel/stream.h"

struct receive_level {
	int fd, old; /* in `new`, and in `old` or -1 */
	unsigned mode;
	int64_t mtime_s;
	uint32_t mtime_ns;
	char name[NAME_LEN_MAX + 1]; /* for messages */
};

struct receiver {
	struct stream_in in;
	struct digest digest;
	struct sha384 transfer;
	struct totals totals;
	uint8_t file_digest[SHA384_LEN];
	struct stage stage;
	struct receive_level level[DEPTH_MAX + 1];
	size_t depth;       /* open levels, 1 or more */
	unsigned mode_mask; /* permission bits that are kept; the caller's to set */
	unsigned umask;
	/* The file in hand. */
	int file; /* -1: none */
	int64_t size, at;
	unsigned mode;
	int64_t mtime_s;
	uint32_t mtime_ns;
	bool taken; /* from an earlier attempt */
	bool await_from;
	char name[NAME_LEN_MAX + 1];
	size_t tops; /* entries at the top so far */
	struct progress progress;
	struct failure *failure;
};

/* fd: connected, blocking; not closed. RC_OK, or RC_DENIED (*failure) with
 * nothing left behind. */
RC_CHECK enum rc receive_open(struct receiver *r, int fd, const char *dst, bool into, bool resume,
                              struct failure *f);

/* From after ACCEPT to RESULT. RC_OK or RC_DENIED. */
RC_CHECK enum rc receive_run(struct receiver *r);

/* Always called once after a receive_open that was RC_OK. */
void receive_close(struct receiver *r);

#endif
