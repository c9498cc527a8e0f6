#include "appliance/looks.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/launch.h"
#include "appliance/records.h"
#include "channel/failure.h"
#include "channel/session.h"

enum { OUT_MAX = 4 * (FRAME_HEAD + FRAME_CONTROL_MAX) };

static struct looker {
	int fd; /* valid with used */
	bool used;
	bool ended; /* the last frame is in out */
	bool follow;
	bool console;
	bool behind; /* there are records that have not been looked at */
	uint32_t services, rings;
	uint64_t since_ns, until; /* time; sequence, inclusive */
	struct records_cursor cursor;
	int64_t deadline_ms;
	int64_t due_ms;   /* when it may be given more: of the console alone */
	size_t len, sent; /* of out */
	uint8_t out[OUT_MAX];
} looks[LOOKS_PLACES];

static void release(struct looker *l)
{
	io_close(&l->fd);
	l->used = false;
}

static void put_end(struct looker *l, struct wbuf *w, enum error_code error, const char *text)
{
	if (error != 0)
		error_put(w, error, text);
	else
		number_put(w, FRAME_EXIT, 0);
	l->ended = true;
	l->len = w->len;
}

/* The records that are next, as far as there is room for any. */
static void fill(struct looker *l)
{
	struct wbuf w = wbuf_of(l->out, sizeof l->out);
	uint8_t text[RECORD_TEXT_MAX];
	struct record_head h = { .seq = 0 };
	int n = 0;

	if (l->ended || l->sent < l->len)
		return;
	l->sent = l->len = 0;
	for (int seen = 0; seen < LOOKS_RECORDS && w.len <= sizeof l->out / 2; seen++) {
		n = records_next(&l->cursor, l->rings, &h, text);
		if (n < 0 || h.seq > l->until)
			break;
		if (l->console)
			wbuf_put(&w, text, (size_t)n);
		else if (h.time_ns >= l->since_ns && l->services >> h.service & 1)
			record_put(&w, &h, slice_of(text, (size_t)n));
	}
	l->len = w.len;
	l->behind = n >= 0 && h.seq <= l->until && w.len == 0;
	if (l->follow || (n >= 0 && h.seq <= l->until))
		return;
	if (!l->console)
		put_end(l, &w, 0, NULL);
	else if (l->len == 0)
		release(l);
}

static ssize_t give(struct looker *l, int64_t now_ms)
{
	const uint8_t *p = l->out + l->sent;
	size_t left = l->len - l->sent;
	ssize_t n;

	if (!l->console)
		return send(l->fd, p, left, MSG_DONTWAIT | MSG_NOSIGNAL);
	n = write(l->fd, p, left);
	if (n > 0)
		pace(&l->due_ms, now_ms, 1 + 1000 * n / LOOKS_CONSOLE_MAX, 1000);
	return n;
}

static void flush(struct looker *l, int64_t now_ms)
{
	while (l->used && l->due_ms <= now_ms) {
		ssize_t n;

		fill(l);
		if (l->sent == l->len)
			return;
		n = give(l, now_ms);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			release(l);
			return;
		}
		l->sent += (size_t)n;
		if (!l->follow || l->ended)
			l->deadline_ms = now_ms + (l->ended && l->sent == l->len ? SESSION_CLOSE_MS
			                                                         : LOOKS_STALL_MS);
	}
}

static void begin_look(struct looker *l, const struct request *r, struct wbuf *w)
{
	struct service_status status;

	l->services = r->argc == 0 ? UINT32_MAX : 1; /* 0 is the enclave */
	for (size_t i = 0; i < r->argc; i++) {
		size_t n = launch_find(r->argv[i]);

		if (n == 0) {
			w->len = 0;
			put_end(l, w, ERR_NOT_FOUND, "no such service");
			return;
		}
		l->services |= 1u << n;
	}
	for (size_t n = 1; launch_status(n, &status); n++)
		if (l->services >> n & 1)
			status_put(w, &status);
	l->rings = (r->flags & LOOK_LOGS ? l->services & ~1u : 0) |
	           (r->flags & LOOK_EVENTS ? 1 : 0);
	l->follow = r->flags & LOOK_FOLLOW;
	l->since_ns = r->since;
	l->until = l->follow ? UINT64_MAX : records_sequence();
	l->len = w->len;
}

static void begin(struct looker *l, const struct request *r)
{
	struct wbuf w = wbuf_of(l->out, sizeof l->out);
	enum error_code error;

	frame_put(&w, FRAME_ACCEPT, slice_of(NULL, 0));
	if (r->op == OP_LOOK) {
		begin_look(l, r, &w);
		return;
	}
	error = launch_control(r->argv[0], launch_find(r->argv[1]), r->flags);
	if (error != 0)
		w.len = 0;
	put_end(l, &w, error,
	        error == ERR_NOT_FOUND  ? "no such service"
	        : error == ERR_CONFLICT ? "the service does not run"
	                                : "the enclave stops");
}

void looks_add(int conn, const struct admit_request *m, size_t len, int64_t now_ms)
{
	static struct request r;
	struct looker *l = looks;

	while (l < looks + LOOKS_MAX && l->used)
		l++;
	if (l == looks + LOOKS_MAX || !session_request(&r, m, len)) {
		(void)!failure_tell(conn, ERR_BUSY, "too many look already");
		io_close(&conn);
	} else {
		memset(l, 0, offsetof(struct looker, out));
		l->fd = conn;
		l->used = true;
		l->deadline_ms = now_ms + LOOKS_STALL_MS;
		begin(l, &r);
		if (l->follow)
			l->deadline_ms = INT64_MAX;
		flush(l, now_ms);
	}
}

void looks_console(int fd, uint32_t rings)
{
	struct looker *l = &looks[LOOKS_MAX];

	l->fd = fd;
	l->used = l->follow = l->console = true;
	l->rings = rings;
	l->until = UINT64_MAX;
	l->deadline_ms = INT64_MAX;
}

void looks_watch(struct pollfd p[LOOKS_PLACES], int64_t now_ms)
{
	for (size_t i = 0; i < LOOKS_PLACES; i++) {
		const struct looker *l = &looks[i];
		bool more = l->sent < l->len && l->due_ms <= now_ms;

		p[i] = (struct pollfd){
			.fd = l->used ? l->fd : -1,
			.events = (short)((l->console ? 0 : POLLIN) | (more ? POLLOUT : 0)),
		};
	}
}

void looks_serve(const struct pollfd p[LOOKS_PLACES], int64_t now_ms)
{
	for (size_t i = 0; i < LOOKS_PLACES; i++) {
		struct looker *l = &looks[i];

		/* A peer has nothing to say: its end, and all else, is the end. */
		if (l->used && (l->deadline_ms <= now_ms || p[i].revents & ~POLLOUT))
			release(l);
	}
}

size_t looks_flush(int64_t now_ms)
{
	size_t open = 0;

	for (size_t i = 0; i < LOOKS_PLACES; i++) {
		flush(&looks[i], now_ms);
		open += looks[i].used;
	}
	return open;
}

int64_t looks_deadline(int64_t now_ms)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < LOOKS_PLACES; i++) {
		const struct looker *l = &looks[i];

		if (!l->used)
			continue;
		next = earlier(next, l->behind ? 0 : l->deadline_ms);
		if (l->due_ms > now_ms)
			next = earlier(next, l->due_ms);
	}
	return next;
}

void looks_end(void)
{
	for (size_t i = 0; i < LOOKS_PLACES; i++) {
		looks[i].follow = false;
		looks[i].until = records_sequence();
	}
}
