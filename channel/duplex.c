#include "channel/duplex.h"

#include <errno.h>
#include <sys/socket.h>

void duplex_init(struct duplex *d, int fd, uint8_t *in, size_t in_max, uint8_t *out, size_t out_max)
{
	*d = (struct duplex){ .fd = fd, .out = wbuf_of(out, out_max), .in = in, .in_max = in_max };
}

/* What a failed call on the socket means. */
static enum rc failed(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return RC_MORE;
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return RC_EOF;
	return RC_IO;
}

enum rc duplex_recv(struct duplex *d)
{
	ssize_t n;

	if (d->start > 0) {
		memmove(d->in, d->in + d->start, d->end - d->start);
		d->end -= d->start;
		d->start = 0;
	}
	n = recv(d->fd, d->in + d->end, d->in_max - d->end, MSG_DONTWAIT);
	if (n < 0)
		return failed();
	if (n == 0)
		return RC_EOF;
	d->end += (size_t)n;
	return RC_OK;
}

enum rc duplex_next(struct duplex *d, enum frame_type *type, struct slice *payload)
{
	struct slice in = slice_of(d->in + d->start, d->end - d->start);
	struct frame f;
	enum rc rc = frame_head(in, &f);

	if (rc != RC_OK)
		return rc;
	if (f.len > d->in_max - FRAME_HEAD)
		return RC_LIMIT;
	if (f.len > in.len - FRAME_HEAD)
		return RC_MORE;
	*type = f.type;
	*payload = slice_of(in.p + FRAME_HEAD, f.len);
	d->start += FRAME_HEAD + f.len;
	return RC_OK;
}

enum rc duplex_send(struct duplex *d)
{
	while (d->sent < d->out.len) {
		ssize_t n = send(d->fd, d->out.p + d->sent, d->out.len - d->sent,
		                 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return failed();
		d->sent += (size_t)n;
	}
	d->out.len = d->sent = 0;
	return RC_OK;
}
