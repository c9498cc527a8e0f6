#include "channel/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static bool has(int fd, short event)
{
	struct pollfd p = { fd, event, 0 };

	return poll(&p, 1, 0) > 0;
}

enum rc stream_file(int fd, struct digest *d, int file, int64_t at, int64_t max, int64_t *n)
{
	uint8_t buf[DIGEST_INLINE_MAX];

	digest_wait(d, d->jobs);
	for (*n = 0; *n < max;) {
		int64_t left = max - *n;
		size_t most = left < (int64_t)sizeof buf ? (size_t)left : sizeof buf;
		ssize_t got = pread(file, buf, most, at + *n);

		if (got <= 0)
			return got < 0 ? RC_IO : RC_OK;
		if (*n > 0 && has(fd, POLLRDHUP))
			return RC_EOF;
		digest_add(d, buf, (size_t)got);
		*n += got;
	}
	return RC_OK;
}

static void ring_init(struct stream_ring *r, struct digest *d)
{
	r->cur = 0;
	r->digest = d;
	memset(r->jobs, 0, sizeof r->jobs);
}

/* The next buffer, once the digest is through with it. */
static uint8_t *ring_next(struct stream_ring *r)
{
	if (r->digest) {
		r->jobs[r->cur] = r->digest->jobs;
		r->cur = (r->cur + 1) % STREAM_BUFS;
		digest_wait(r->digest, r->jobs[r->cur]);
	}
	return r->mem[r->cur];
}

/* After a failed or empty call with these flags: is it to be tried again, or what
 * is it? */
static enum rc io_result(ssize_t n, int flags)
{
	if (n == 0 || errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return RC_EOF;
	if (errno == EINTR)
		return RC_OK;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return flags & MSG_DONTWAIT ? RC_MORE : RC_TIMEOUT;
	return RC_IO;
}

/* *s is left with what has not gone. */
static enum rc send_all(int fd, struct slice *s, int flags)
{
	enum rc rc = RC_OK;

	while (rc == RC_OK && s->len > 0) {
		ssize_t n = send(fd, s->p, s->len, flags | MSG_NOSIGNAL);

		if (n > 0)
			*s = slice_of(s->p + n, s->len - (size_t)n);
		else
			rc = io_result(n, flags);
	}
	return rc;
}

enum rc stream_send(int fd, struct slice s)
{
	return send_all(fd, &s, 0);
}

enum rc stream_push(int fd, struct wbuf *w, size_t *sent)
{
	struct slice left = slice_of(w->p + *sent, w->len - *sent);
	enum rc rc = send_all(fd, &left, MSG_DONTWAIT);

	*sent = w->len - left.len;
	if (rc == RC_OK)
		w->len = *sent = 0;
	return rc;
}

void stream_out_init(struct stream_out *o, int fd, struct digest *d)
{
	o->fd = fd;
	o->rc = RC_OK;
	ring_init(&o->ring, d);
	o->w = wbuf_of(o->ring.mem[0], STREAM_BUF);
}

enum rc stream_out_flush(struct stream_out *o)
{
	if (o->rc == RC_OK)
		o->rc = has(o->fd, POLLIN) ? RC_DENIED : stream_send(o->fd, wbuf_slice(&o->w));
	o->w = wbuf_of(ring_next(&o->ring), STREAM_BUF);
	return o->rc;
}

struct wbuf *stream_out_control(struct stream_out *o)
{
	if (o->w.max - o->w.len < FRAME_HEAD + FRAME_CONTROL_MAX)
		(void)!stream_out_flush(o);
	return &o->w;
}

uint8_t *stream_out_data(struct stream_out *o, size_t *room)
{
	size_t left;

	if (o->w.max - o->w.len < FRAME_HEAD + STREAM_ROOM_MIN)
		(void)!stream_out_flush(o);
	if (o->rc != RC_OK)
		return NULL;
	left = o->w.max - o->w.len - FRAME_HEAD;
	*room = left < FRAME_DATA_MAX ? left : FRAME_DATA_MAX;
	return o->w.p + o->w.len + FRAME_HEAD;
}

void stream_out_data_end(struct stream_out *o, size_t n)
{
	frame_put_head(o->w.p + o->w.len, FRAME_DATA, n);
	o->w.len += FRAME_HEAD + n;
}

void stream_in_init(struct stream_in *s, int fd, int flags, struct digest *d)
{
	struct timeval t = { STREAM_TIMEOUT_MS / 1000, 0 };

	/* A socket without them only waits longer. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	s->fd = fd;
	s->flags = flags;
	s->start = s->end = s->rest.len = 0;
	ring_init(&s->ring, d);
}

bool stream_in_ready(const struct stream_in *s)
{
	return s->end > s->start || has(s->fd, POLLIN);
}

/* Behind what is left of the current buffer, which is less than a control frame
 * and is moved to a fresh one when space runs out. */
enum rc stream_in_read(struct stream_in *s)
{
	uint8_t *mem = s->ring.mem[s->ring.cur];
	ssize_t n;

	if (s->start == s->end || STREAM_BUF - s->end < FRAME_HEAD + FRAME_CONTROL_MAX) {
		const uint8_t *tail = mem + s->start;

		mem = ring_next(&s->ring);
		s->end -= s->start;
		s->start = 0;
		memmove(mem, tail, s->end);
	}
	n = recv(s->fd, mem + s->end, STREAM_BUF - s->end, s->flags);
	if (n <= 0)
		return io_result(n, s->flags);
	s->end += (size_t)n;
	return RC_OK;
}

enum rc stream_in_take(struct stream_in *s, enum frame_type *type, struct slice *payload)
{
	struct slice in = slice_of(s->ring.mem[s->ring.cur] + s->start, s->end - s->start);
	struct frame f = s->rest;
	size_t head = f.len > 0 ? 0 : FRAME_HEAD, len;
	enum rc rc = head > 0 ? frame_head(in, &f) : RC_OK;

	if (rc != RC_OK)
		return rc;
	/* It is read before a stream begins, and larger than the buffers. */
	if (f.type == FRAME_REQUEST)
		return RC_BAD;
	len = in.len - head < f.len ? in.len - head : f.len;
	if (len < f.len && (len == 0 || !frame_is_data(f.type)))
		return RC_MORE;
	*type = f.type;
	*payload = slice_of(in.p + head, len);
	s->start += head + len;
	s->rest = (struct frame){ f.type, f.len - len };
	return RC_OK;
}

enum rc stream_in_next(struct stream_in *s, enum frame_type *type, struct slice *payload)
{
	enum rc rc;

	while ((rc = stream_in_take(s, type, payload)) == RC_MORE)
		if ((rc = stream_in_read(s)) != RC_OK)
			break;
	return rc;
}
