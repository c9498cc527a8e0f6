/* Frames both ways at once over one socket, without ever waiting.
 *
 * For exec, where each end polls many descriptors. (Transfers are one-way and
 * wait: stream.h.) The buffers are the caller's and fixed; the input holds a
 * whole frame of the largest kind that the caller accepts, and what does not
 * fit is RC_LIMIT before it is read. Input comes from the other end.
 *
 * Back-pressure is the caller's: it polls for POLLOUT while sent is less than
 * out.len, and puts frames only where there is room.
 */
#ifndef CHANNEL_DUPLEX_H
#define CHANNEL_DUPLEX_H

#include "channel/frame.h"

struct duplex {
	int fd;          /* a socket, not owned; may be blocking */
	struct wbuf out; /* whole frames are put here */
	size_t sent;     /* bytes of out that have gone */
	uint8_t *in;
	size_t in_max;
	size_t start, end; /* unread bytes of in */
};

/* in_max is at least FRAME_HEAD + FRAME_CONTROL_MAX. */
void duplex_init(struct duplex *d, int fd, uint8_t *in, size_t in_max, uint8_t *out,
                 size_t out_max);

/* Reads what is there. RC_OK: something came; RC_MORE: nothing now; RC_EOF:
 * the peer closed, or the connection was reset; RC_IO: errno. To be called
 * after duplex_next said RC_MORE. */
RC_CHECK enum rc duplex_recv(struct duplex *d);

/* Takes the next whole frame; payload lives until the next duplex_recv.
 * RC_MORE: it is not here yet. RC_BAD, RC_LIMIT as frame_head, and RC_LIMIT
 * when it does not fit into in; the input stays where it is. */
RC_CHECK enum rc duplex_next(struct duplex *d, enum frame_type *type, struct slice *payload);

/* Sends what the socket takes. RC_OK: all has gone; RC_MORE: the rest later;
 * RC_EOF, RC_IO as duplex_recv. */
RC_CHECK enum rc duplex_send(struct duplex *d);

#endif
