/* Frames over a socket, buffered: for transfers, which wait, and for exec, where
 * each end polls many descriptors and nothing here does.
 *
 * The direction of file contents uses a ring of STREAM_BUFS buffers, so that the
 * digest's thread may still read some while the next is filled: a buffer is used
 * again once the digest is through with it. No memory grows with the size of a file
 * or of a frame.
 *
 * Results: RC_EOF the peer closed, or the connection was reset; RC_IO errno;
 * RC_TIMEOUT no byte moved for STREAM_TIMEOUT_MS, where that is waited for, or
 * else RC_MORE; RC_BAD and RC_LIMIT as frame_head. stream_out latches the first.
 */
#ifndef CHANNEL_STREAM_H
#define CHANNEL_STREAM_H

#include "channel/digest.h"
#include "channel/frame.h"

enum {
	STREAM_TIMEOUT_MS = 60000,
	STREAM_BUFS = 4,
	/* Room for one data frame of the largest size, and a control frame left
	 * over from the buffer before. */
	STREAM_BUF = FRAME_HEAD + FRAME_DATA_MAX + FRAME_HEAD + FRAME_CONTROL_MAX,
	STREAM_ROOM_MIN = 65536, /* a data frame is not begun in less */
};

struct stream_ring {
	uint8_t mem[STREAM_BUFS][STREAM_BUF];
	unsigned cur;
	struct digest *digest;    /* NULL: none, and one buffer will do */
	size_t jobs[STREAM_BUFS]; /* of the digest, when a buffer was left */
};

struct stream_out {
	int fd;
	struct wbuf w; /* over the current buffer */
	enum rc rc;
	struct stream_ring ring;
};

struct stream_in {
	int fd;
	int flags;         /* of recv(2) */
	size_t start, end; /* unread bytes of the current buffer */
	struct frame rest; /* of a data frame being read, what is to come */
	struct stream_ring ring;
};

/* Digests file from at on, at most max bytes; *n is how many there were. A hole,
 * which a peer announces for nothing, takes hours at most: RC_EOF once the peer of
 * fd is gone. RC_IO with errno. */
RC_CHECK enum rc stream_file(int fd, struct digest *d, int file, int64_t at, int64_t max,
                             int64_t *n);

/* Sends all of s at once, beside any stream_out. */
RC_CHECK enum rc stream_send(int fd, struct slice s);

/* Sends what the socket takes of w, of which *sent bytes have gone, without
 * waiting: RC_MORE. RC_OK: that was all, and w is empty again. */
RC_CHECK enum rc stream_push(int fd, struct wbuf *w, size_t *sent);

void stream_out_init(struct stream_out *o, int fd, struct digest *d);
/* Appends a whole frame made by put functions: they write to the wbuf that
 * this returns, which has room for a control frame. */
struct wbuf *stream_out_control(struct stream_out *o);
/* Where up to *room bytes of a data frame may be put; *room is at least
 * STREAM_ROOM_MIN; NULL after an error. */
uint8_t *stream_out_data(struct stream_out *o, size_t *room);
/* Ends that DATA frame: n bytes, 1 to room. */
void stream_out_data_end(struct stream_out *o, size_t n);
/* Sends what there is, as the two above do when the buffer is full. RC_DENIED: the
 * peer has spoken, though it is not asked for anything before it has all of this. */
RC_CHECK enum rc stream_out_flush(struct stream_out *o);

/* Sets the socket's time-outs, too, for both directions. flags: 0, or MSG_DONTWAIT
 * when the socket is not to be waited for. d may be NULL. */
void stream_in_init(struct stream_in *s, int fd, int flags, struct digest *d);
/* Reads more, once. To be called after stream_in_take said RC_MORE. */
RC_CHECK enum rc stream_in_read(struct stream_in *s);
/* The next frame; of data the next piece, and more may follow. RC_MORE: it is
 * not here yet. The payload lives until the next call of stream_in_read, with
 * a digest until it is digested. */
RC_CHECK enum rc stream_in_take(struct stream_in *s, enum frame_type *type, struct slice *payload);
/* Both: waits for the next frame. */
RC_CHECK enum rc stream_in_next(struct stream_in *s, enum frame_type *type, struct slice *payload);
/* Is there something to read without waiting? */
bool stream_in_ready(const struct stream_in *s);

#endif
