/* The sender of files and trees (PROTOCOL.md "Files and trees"): the host's
 * end of push, the enclave's of pull.
 *
 * Streams depth first without a round trip a file, never follows a symlink,
 * holds one descriptor and 4 KiB a level (walk.h). Between buffers it looks
 * whether the receiver has said ERROR. A file is read up to the size it had when
 * it was opened; one that is shorter, longer or newer at its end is a failure
 * (ERR_CHANGED).
 */
#ifndef CHANNEL_SEND_H
#define CHANNEL_SEND_H

#include "channel/failure.h"
#include "channel/stream.h"
#include "channel/walk.h"

struct sender {
	struct stream_out out;
	struct stream_in in;
	struct digest digest;   /* of the file in hand */
	struct sha384 transfer; /* the transfer digest */
	struct totals totals;
	uint8_t file_digest[SHA384_LEN]; /* of the last file */
	struct walk walk;
	bool resume;
	struct progress progress;
	struct failure *failure;
};

/* fd is a connected blocking socket, after ACCEPT; it is not closed. */
void send_begin(struct sender *s, int fd, bool resume, struct failure *f);

/* Sends one file, symlink or tree. "DIR/.", "." and "/" stand for what the
 * directory holds. RC_OK or RC_DENIED (*failure). */
RC_CHECK enum rc send_path(struct sender *s, const char *path);

/* Sends DONE and waits for the receiver's RESULT. RC_OK or RC_DENIED. */
RC_CHECK enum rc send_finish(struct sender *s);

/* Ends the digest's thread; always called once after send_begin. */
void send_end(struct sender *s);

#endif
