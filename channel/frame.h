/* The channel's frames: heads, types, limits (PROTOCOL.md "Frames").
 *
 * Pure functions over bounded slices. Input comes from the other end of the
 * vsock, which on either side may be hostile.
 */
#ifndef CHANNEL_FRAME_H
#define CHANNEL_FRAME_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	CHANNEL_PORT = 7000,
	FRAME_HEAD = 4,           /* bytes */
	FRAME_DATA_MAX = 262144,  /* payload of a data frame */
	FRAME_CONTROL_MAX = 8192, /* payload of every other, but REQUEST */
	FRAME_REQUEST_MAX = 65536,
};

enum frame_type {
	FRAME_REQUEST = 0x01,
	FRAME_ACCEPT = 0x02,
	FRAME_ERROR = 0x03,
	FRAME_STDIN = 0x10, /* empty: its end */
	FRAME_STDOUT = 0x11,
	FRAME_STDERR = 0x12,
	FRAME_WINSIZE = 0x14,
	FRAME_SIGNAL = 0x15,
	FRAME_CREDIT = 0x16,
	FRAME_EXIT = 0x17,
	FRAME_ENTRY = 0x20,
	FRAME_DATA = 0x21,
	FRAME_HOLE = 0x22,
	FRAME_END = 0x23,
	FRAME_LEAVE = 0x24,
	FRAME_HAVE = 0x25,
	FRAME_FROM = 0x26,
	FRAME_DONE = 0x27,
	FRAME_RESULT = 0x28,
	FRAME_SERVICE = 0x30,
	FRAME_RECORD = 0x31,
};

struct frame {
	enum frame_type type;
	size_t len; /* bytes of payload */
};

/* Reads the head at the front of in. RC_OK: *f is set and its length is
 * within the limit of its type, which may be unknown: who takes frames knows which
 * are in turn. RC_MORE: fewer than FRAME_HEAD bytes. RC_BAD: an empty data frame
 * other than STDIN.
 * RC_LIMIT: too long for its type. */
RC_CHECK enum rc frame_head(struct slice in, struct frame *f);

/* Is this a type whose payload is a stream of bytes? */
bool frame_is_data(enum frame_type type);

/* Writes a head; len is within the limit of type. */
void frame_put_head(uint8_t out[FRAME_HEAD], enum frame_type type, size_t len);

/* Around the writing of a payload in place: frame_begin leaves room for the
 * head and says where it is, frame_end fills it in. */
size_t frame_begin(struct wbuf *w);
void frame_end(struct wbuf *w, size_t at, enum frame_type type);

/* Appends a whole frame. */
void frame_put(struct wbuf *w, enum frame_type type, struct slice payload);

#endif
