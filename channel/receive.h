/* The receiver of files and trees (PROTOCOL.md "Files and trees"): the
 * enclave's end of push, the host's of pull. Its input is hostile on both.
 *
 * Theory of operation. receive_open makes the stage (stage.h). receive_run
 * reads frames, of which each belongs to one state; anything else ends it.
 * `level` holds what is open, from the stage's `new` down to the directory, or
 * the file, in hand. An entry that does not fit what is at its final name is
 * refused at once. After DONE, when all sums agree, the stage is committed and
 * RESULT sent. Every other way out leaves the final names as they were.
 */
#ifndef CHANNEL_RECEIVE_H
#define CHANNEL_RECEIVE_H

#include <time.h>

#include "channel/failure.h"
#include "channel/stage.h"
#include "channel/stream.h"

enum receive_state {
	RECEIVE_ENTRIES, /* between entries: ENTRY, LEAVE, DONE */
	RECEIVE_START,   /* HAVE was sent: FROM */
	RECEIVE_CONTENT, /* of a file: DATA, HOLE, END */
	RECEIVE_DONE,
};

struct receive_level {
	int fd;
	int final; /* the directory of that name at the destination, or -1 */
	unsigned mode;
	struct timespec mtime;
	uint8_t path[SHA384_LEN];    /* stands for the names down to here */
	char name[NAME_LEN_MAX + 1]; /* the final one */
};

struct receiver {
	struct stream_in in;
	struct digest digest;
	struct sha384 transfer;
	struct totals totals;
	uint8_t file_digest[SHA384_LEN];
	struct stage stage;
	enum receive_state state;
	struct receive_level level[DEPTH_MAX + 2]; /* `new`, directories, a file */
	size_t depth;                              /* open levels, 1 or more */
	int64_t size, at;                          /* of the file in hand */
	unsigned mode_mask; /* permission bits that are kept; the caller's to set */
	size_t tops;        /* entries at the top so far */
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
