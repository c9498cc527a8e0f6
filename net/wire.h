/* A link's descriptor and what is on its way through it: frames (link.h) that
 * were read and not looked at yet, and frames that wait to be written.
 *
 * The descriptor is a connected stream socket, non-blocking, whose other end is
 * hostile. Nothing here waits; both buffers are bounded.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "net/link.h"

enum {
	/* Some packets of full size, and as many while they are dealt with. A page is
	 * used when it is first needed; a host that fills all links takes 8 MiB. */
	WIRE_MAX = 8 * LINK_FRAME_MAX,
	/* The last part of what waits to be written is for packets that carry
	 * nothing: acknowledgements and resets pass when data does not. */
	WIRE_RESERVE = 16384,
	WIRE_SMALL = 128,
};

struct wire {
	int fd; /* -1: none. The owner's to close */
	size_t in_at, in_len, out_at, out_len;
	bool refused; /* wire_room() had no room, and wire_relieved() was not true since */
	bool full;    /* a write found no room; the owner's to take back once there is some */
	uint8_t in[WIRE_MAX], out[WIRE_MAX];
};

void wire_open(struct wire *w, int fd);

/* Reads once; false at the end of the stream. Then wire_next() gives the frames
 * that came, which are the caller's to write to until the next wire_read():
 * RC_MORE when there are no more, RC_BAD when the stream makes no sense. */
bool wire_read(struct wire *w);
RC_CHECK enum rc wire_next(struct wire *w, enum link_kind *kind, uint8_t **payload, size_t *len);

/* Room for a payload of at most n bytes; NULL when there is none, or no wire. It
 * is on its way once wire_put() says what it became, up to n; nothing else is to
 * be called in between. */
uint8_t *wire_room(struct wire *w, size_t n);
void wire_put(struct wire *w, enum link_kind kind, size_t n);
/* Writes what can be written; false when that was nothing. An error shows when
 * the wire is read. Once the descriptor has no room it is not asked again until the
 * owner has heard of some (EPOLLOUT) and full is false. */
bool wire_write(struct wire *w);
/* True once after wire_room() has found no room: when half of the buffer is free. */
bool wire_relieved(struct wire *w);

#endif
