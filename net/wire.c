#include "net/wire.h"

#include <errno.h>
#include <sys/socket.h>

void wire_open(struct wire *w, int fd)
{
	w->fd = fd;
	w->in_at = w->in_len = w->out_at = w->out_len = 0;
	w->refused = w->full = false;
}

bool wire_read(struct wire *w)
{
	ssize_t n;

	memmove(w->in, w->in + w->in_at, w->in_len);
	w->in_at = 0;
	n = recv(w->fd, w->in + w->in_len, WIRE_MAX - w->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS;
	w->in_len += (size_t)n;
	return n > 0;
}

enum rc wire_next(struct wire *w, enum link_kind *kind, uint8_t **payload, size_t *len)
{
	struct slice left = slice_of(w->in + w->in_at, w->in_len), s;
	enum rc rc = link_next(&left, kind, &s);

	if (rc != RC_OK)
		return rc;
	*payload = w->in + (s.p - w->in);
	*len = s.len;
	w->in_at += w->in_len - left.len;
	w->in_len = left.len;
	return RC_OK;
}

uint8_t *wire_room(struct wire *w, size_t n)
{
	size_t all = LINK_HEAD + n;

	if (w->fd < 0 || w->out_len + all > WIRE_MAX - (all > WIRE_SMALL ? WIRE_RESERVE : 0)) {
		w->refused = true;
		return NULL;
	}
	if (w->out_at + w->out_len + all > WIRE_MAX) {
		memmove(w->out, w->out + w->out_at, w->out_len);
		w->out_at = 0;
	}
	return w->out + w->out_at + w->out_len + LINK_HEAD;
}

void wire_put(struct wire *w, enum link_kind kind, size_t n)
{
	link_head(w->out + w->out_at + w->out_len, kind, n);
	w->out_len += LINK_HEAD + n;
}

bool wire_write(struct wire *w)
{
	ssize_t n;

	if (w->fd < 0 || w->out_len == 0 || w->full)
		return false;
	n = send(w->fd, w->out + w->out_at, w->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	w->full = n < (ssize_t)w->out_len;
	if (n <= 0)
		return false;
	w->out_len -= (size_t)n;
	w->out_at = w->out_len == 0 ? 0 : w->out_at + (size_t)n;
	return true;
}

bool wire_relieved(struct wire *w)
{
	if (w->fd < 0 || !w->refused || w->out_len > WIRE_MAX / 2)
		return false;
	w->refused = false;
	return true;
}
