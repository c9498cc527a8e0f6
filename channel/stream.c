#include "channel/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

volatile sig_atomic_t stream_stop;

void stream_timeouts(int fd)
{
	struct timeval t = { STREAM_TIMEOUT_MS / 1000, 0 };

	/* A socket without them only waits longer. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

bool stream_gone(int fd)
{
	struct pollfd p = { fd, POLLRDHUP, 0 };

	return stream_stop || poll(&p, 1, 0) > 0;
}

enum rc stream_zeros(int fd, struct digest *d, uint64_t n)
{
	while (n > 0) {
		uint64_t k = n < STREAM_ZEROS ? n : STREAM_ZEROS;

		if (n > STREAM_ZEROS && stream_gone(fd))
			return RC_EOF;
		digest_zeros(d, k);
		n -= k;
	}
	return RC_OK;
}

static void ring_init(struct stream_ring *r, struct digest *d)
{
	memset(r->held, 0, sizeof r->held);
	r->cur = 0;
	r->digest = d;
}

/* The next buffer, once the digest is through with it. */
static uint8_t *ring_next(struct stream_ring *r)
{
	r->cur = (r->cur + 1) % STREAM_BUFS;
	digest_wait(r->digest, r->held[r->cur]);
	return r->mem[r->cur];
}

/* After a failed or empty call: is it to be tried again, or what is it? */
static enum rc io_result(ssize_t n)
{
	if (n == 0)
		return RC_EOF;
	if (errno == EINTR && !stream_stop)
		return RC_OK;
	return errno == EAGAIN || errno == EWOULDBLOCK ? RC_TIMEOUT : RC_IO;
}

enum rc stream_send(int fd, struct slice s)
{
	while (s.len > 0) {
		ssize_t n = send(fd, s.p, s.len, MSG_NOSIGNAL);
		enum rc rc = n > 0 ? RC_OK : io_result(n);

		if (rc != RC_OK)
			return rc;
		if (n > 0) {
			s.p += n;
			s.len -= (size_t)n;
		}
	}
	return RC_OK;
}

void stream_out_init(struct stream_out *o, int fd, struct digest *d)
{
	o->fd = fd;
	o->rc = RC_OK;
	ring_init(&o->ring, d);
	o->w = wbuf_of(o->ring.mem[0], STREAM_BUF);
}

static void flush(struct stream_out *o)
{
	if (o->rc == RC_OK)
		o->rc = stream_send(o->fd, wbuf_slice(&o->w));
	o->w = wbuf_of(ring_next(&o->ring), STREAM_BUF);
}

enum rc stream_out_flush(struct stream_out *o)
{
	flush(o);
	return o->rc;
}

struct wbuf *stream_out_control(struct stream_out *o)
{
	if (o->w.max - o->w.len < FRAME_HEAD + FRAME_CONTROL_MAX)
		flush(o);
	return &o->w;
}

uint8_t *stream_out_data(struct stream_out *o, size_t *room)
{
	size_t left;

	if (o->w.max - o->w.len < FRAME_HEAD + STREAM_ROOM_MIN)
		flush(o);
	if (o->rc != RC_OK)
		return NULL;
	left = o->w.max - o->w.len - FRAME_HEAD;
	*room = left < FRAME_DATA_MAX ? left : FRAME_DATA_MAX;
	return o->w.p + o->w.len + FRAME_HEAD;
}

void stream_out_data_end(struct stream_out *o, enum frame_type type, size_t n)
{
	frame_put_head(o->w.p + o->w.len, type, n);
	o->w.len += FRAME_HEAD + n;
}

void stream_out_hold(struct stream_out *o, uint64_t job)
{
	o->ring.held[o->ring.cur] = job;
}

void stream_in_init(struct stream_in *s, int fd, struct digest *d)
{
	s->fd = fd;
	s->start = s->end = s->data_left = 0;
	s->rc = RC_OK;
	ring_init(&s->ring, d);
}

void stream_in_hold(struct stream_in *s, uint64_t job)
{
	s->ring.held[s->ring.cur] = job;
}

bool stream_in_ready(const struct stream_in *s)
{
	struct pollfd p = { s->fd, POLLIN, 0 };

	return s->end > s->start || poll(&p, 1, 0) > 0;
}

/* Reads more behind what is left of the current buffer, which is less than a
 * control frame and is moved to a fresh one when space runs out. */
static void fill(struct stream_in *s)
{
	uint8_t *mem = s->ring.mem[s->ring.cur];
	ssize_t n;

	if (s->start == s->end || STREAM_BUF - s->end < FRAME_HEAD + FRAME_CONTROL_MAX) {
		const uint8_t *tail = mem + s->start;
		size_t len = s->end - s->start;

		mem = ring_next(&s->ring);
		memcpy(mem, tail, len);
		s->start = 0;
		s->end = len;
	}
	n = read(s->fd, mem + s->end, STREAM_BUF - s->end);
	if (n > 0)
		s->end += (size_t)n;
	else
		s->rc = io_result(n);
}

static bool next_piece(struct stream_in *s, struct frame *f, struct slice *payload)
{
	size_t have = s->end - s->start;

	if (have == 0)
		return false;
	f->type = s->data_type;
	f->len = have < s->data_left ? have : s->data_left;
	*payload = slice_of(s->ring.mem[s->ring.cur] + s->start, f->len);
	s->start += f->len;
	s->data_left -= f->len;
	return true;
}

/* RC_MORE when the frame is not here whole. */
static enum rc next_frame(struct stream_in *s, struct frame *f, struct slice *payload)
{
	struct slice in = slice_of(s->ring.mem[s->ring.cur] + s->start, s->end - s->start);
	enum rc rc = frame_head(in, f);

	if (rc != RC_OK)
		return rc;
	if (f->type == FRAME_REQUEST)
		return RC_BAD; /* read before a stream begins, and larger than its buffers */
	if (frame_is_data(f->type)) {
		s->data_type = f->type;
		s->data_left = f->len;
		s->start += FRAME_HEAD;
		return next_piece(s, f, payload) ? RC_OK : RC_MORE;
	}
	if (in.len - FRAME_HEAD < f->len)
		return RC_MORE;
	*payload = slice_of(in.p + FRAME_HEAD, f->len);
	s->start += FRAME_HEAD + f->len;
	return RC_OK;
}

enum rc stream_in_next(struct stream_in *s, struct frame *f, struct slice *payload)
{
	while (s->rc == RC_OK) {
		if (s->data_left > 0) {
			if (next_piece(s, f, payload))
				return RC_OK;
		} else {
			enum rc rc = next_frame(s, f, payload);

			if (rc == RC_OK)
				return RC_OK;
			if (rc != RC_MORE) {
				s->rc = rc;
				break;
			}
		}
		fill(s);
	}
	return s->rc;
}
