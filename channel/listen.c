/* Theory of operation.
 *
 * A connection takes a place and passes through
 *
 *   READ → ASKED → (free: a session has it)
 *      ╲       ╲
 *       ╰───────┴→ LINGER → (free)
 *
 * READ reads the REQUEST, to its last byte and no further. ASKED waits for PID
 * 1, which always answers; the pair to it holds a question for every place.
 * LINGER has been sent its last frame and what it still sends is dropped. READ
 * and LINGER have deadlines and may be evicted when all places are taken; ASKED
 * lasts as long as PID 1 takes and is not in epoll, since nothing of the peer's
 * may be touched any more.
 *
 * Everything is non-blocking. When no place can be freed, or the kernel is
 * short of something, the listener is not looked at until retry_ms.
 */
#include "channel/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/filter.h"
#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/base/port.h"
#include "channel/admit.h"
#include "channel/message.h"

enum state { FREE, READ, ASKED, LINGER };

enum {
	PAGE = 4096,
	/* Tags of epoll beside the indices of places. */
	TAG_LISTENER = PENDING_MAX,
	TAG_ADMIT,
	EVENTS = 64,
	TEXT_MAX = 64,
};

struct place {
	enum state state;
	int fd;
	bool stop;           /* what it asks for, from ASKED on */
	int64_t since_ms;    /* when it came */
	int64_t deadline_ms; /* READ, LINGER */
	size_t got, want;    /* bytes of the frame read, and its length as far as known */
};

/* A place's frame. 17 MiB in all, of which only touched pages exist: a page a
 * place, unless peers send large requests. */
static uint8_t frames[PENDING_MAX][(FRAME_HEAD + FRAME_REQUEST_MAX + PAGE - 1) / PAGE * PAGE]
	__attribute__((aligned(PAGE)));

static struct {
	struct place place[PENDING_MAX];
	int epoll, listener, admit;
	bool ending; /* PID 1 has shut the pair down */
	int64_t now_ms;
	int64_t retry_ms; /* when the listener is looked at again; 0: it is */
} s;

static void watch(int fd, int op, uint32_t events, uint32_t tag)
{
	struct epoll_event e = { .events = events, .data.u32 = tag };

	if (epoll_ctl(s.epoll, op, fd, &e) != 0)
		log_line("epoll_ctl(%d, %d): %m", op, fd);
}

static uint32_t index_of(const struct place *p)
{
	return (uint32_t)(p - s.place);
}

static bool in_epoll(const struct place *p)
{
	return p->state == READ || p->state == LINGER;
}

/* Gives the place back. Only we hold a connection that is in epoll, so that
 * closing takes it out. */
static void release(struct place *p)
{
	io_close(&p->fd);
	if (p->got > PAGE)
		madvise(frames[index_of(p)] + PAGE, sizeof frames[0] - PAGE, MADV_DONTNEED);
	p->got = 0;
	p->state = FREE;
}

/* Sends the last frame, ERROR or, for code 0, ACCEPT; as far as the socket takes
 * it: a peer that does not read does not get it. */
static void answer(struct place *p, enum error_code code, const char *text)
{
	uint8_t mem[FRAME_HEAD + TEXT_MAX + 16];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	if (code == 0)
		accept_put(&w, 0);
	else
		error_put(&w, code, text);
	if (send(p->fd, w.p, w.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		release(p);
		return;
	}
	if (!in_epoll(p))
		watch(p->fd, EPOLL_CTL_ADD, EPOLLIN, index_of(p));
	p->state = LINGER;
	p->deadline_ms = s.now_ms + (code == 0 ? PENDING_STOP_MS : PENDING_LINGER_MS);
}

/* A sealed copy of the request: the session reads what we have checked. */
static enum rc make_memfd(struct slice request, int *fd)
{
	enum rc rc = RC_IO;

	*fd = memfd_create("request", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd >= 0)
		rc = io_write_full(*fd, request.p, request.len);
	if (rc == RC_OK &&
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		rc = RC_IO;
	if (rc != RC_OK)
		io_close(fd);
	return rc;
}

/* Asks PID 1. What fails here is short of descriptors or memory. */
static void submit(struct place *p, const struct admit_request *ask, struct slice request)
{
	int fds[PASS_FDS] = { p->fd, -1 };
	enum rc rc = make_memfd(request, &fds[1]);

	if (rc == RC_OK)
		rc = pass_send(s.admit, ask, sizeof *ask, fds);
	if (rc == RC_OK) {
		watch(p->fd, EPOLL_CTL_DEL, 0, 0);
		p->state = ASKED;
	} else {
		log_line("cannot ask for a session: %m");
		answer(p, ERR_BUSY, "no room for another session");
	}
	io_close(&fds[1]);
}

static void summarize(struct admit_request *ask, struct slice word)
{
	if (ask->summary_len > 0 && ask->summary_len < ADMIT_SUMMARY_MAX)
		ask->summary[ask->summary_len++] = ' ';
	for (size_t i = 0; i < word.len && ask->summary_len < ADMIT_SUMMARY_MAX; i++)
		ask->summary[ask->summary_len++] =
			word.p[i] >= 0x20 && word.p[i] < 0x7f ? (char)word.p[i] : '?';
}

static void check_request(struct place *p)
{
	static struct request r;
	struct slice request = slice_of(frames[index_of(p)] + FRAME_HEAD, p->want - FRAME_HEAD);
	struct admit_request ask = { .place = index_of(p), .len = (uint32_t)request.len };

	switch (request_parse(request, &r)) {
	case RC_OK:
		ask.op = r.op;
		p->stop = r.op == OP_STOP;
		summarize(&ask, r.path);
		for (size_t i = 0; i < r.argc; i++)
			summarize(&ask, r.argv[i]);
		submit(p, &ask, request);
		break;
	case RC_DENIED: answer(p, ERR_VERSION, "this enclave speaks version 1"); break;
	case RC_LIMIT: answer(p, ERR_OVER_LIMIT, "a field of the request is too long"); break;
	default: answer(p, ERR_PROTOCOL, "the request is malformed"); break;
	}
}

/* After more of the frame has come. */
static void check_frame(struct place *p)
{
	struct frame f;
	enum rc rc = frame_head(slice_of(frames[index_of(p)], p->got), &f);

	if (rc == RC_MORE)
		return;
	if (rc != RC_OK || f.type != FRAME_REQUEST) {
		answer(p, ERR_PROTOCOL, "not a REQUEST, or too long");
		return;
	}
	p->want = FRAME_HEAD + f.len;
	if (p->got == p->want)
		check_request(p);
}

/* Reads up to max bytes; 0: nothing is there, or the peer has gone and with it
 * its place. */
static size_t take(struct place *p, uint8_t *to, size_t max)
{
	ssize_t n = recv(p->fd, to, max, MSG_DONTWAIT);

	if (n > 0)
		return (size_t)n;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		release(p);
	return 0;
}

/* Reads on as far as the frame goes and the socket gives. */
static void read_frame(struct place *p)
{
	size_t n;

	while (p->state == READ &&
	       (n = take(p, frames[index_of(p)] + p->got, p->want - p->got)) > 0) {
		p->got += n;
		check_frame(p);
	}
}

static void on_place(struct place *p)
{
	static uint8_t scrap[16384];

	if (p->state == READ)
		read_frame(p);
	else if (p->state == LINGER)
		(void)take(p, scrap, sizeof scrap);
}

/* The one of those that may be evicted that came first. */
static struct place *oldest(void)
{
	struct place *first = NULL;

	for (size_t i = 0; i < PENDING_MAX; i++)
		if (in_epoll(&s.place[i]) && (!first || s.place[i].since_ms < first->since_ms))
			first = &s.place[i];
	return first;
}

/* A place that is free, or can be freed now. */
static struct place *find_place(void)
{
	struct place *p;

	for (size_t i = 0; i < PENDING_MAX; i++)
		if (s.place[i].state == FREE)
			return &s.place[i];
	p = oldest();
	if (p && p->since_ms + PENDING_EVICT_MS <= s.now_ms)
		return p;
	s.retry_ms = p ? p->since_ms + PENDING_EVICT_MS : s.now_ms + PENDING_RETRY_MS;
	return NULL;
}

static void evict(struct place *p)
{
	if (p->state == READ)
		answer(p, ERR_DEADLINE, "others are waiting for this place");
	if (p->state != FREE)
		release(p);
}

/* It stays in epoll, so that no shortage can keep it out. */
static void look_at_listener(bool on)
{
	watch(s.listener, EPOLL_CTL_MOD, on ? EPOLLIN : 0, TAG_LISTENER);
}

static void begin(struct place *p, int fd)
{
	evict(p);
	*p = (struct place){ .state = READ,
		             .fd = fd,
		             .since_ms = s.now_ms,
		             .want = FRAME_HEAD,
		             .deadline_ms = s.now_ms + PENDING_DEADLINE_MS };
	watch(fd, EPOLL_CTL_ADD, EPOLLIN, index_of(p));
	/* Most requests come with the connection. */
	read_frame(p);
}

/* One a wakeup: an accept that finds nothing sleeps until the kernel's next
 * tick on a vsock listener, non-blocking or not. */
static void on_listener(void)
{
	struct place *p = find_place();
	int fd;

	if (p) {
		fd = port_accept(s.listener);
		if (fd >= 0) {
			begin(p, fd);
		} else if (errno != EAGAIN && errno != ECONNABORTED) {
			log_line("accept: %m; trying again");
			s.retry_ms = s.now_ms + PENDING_RETRY_MS;
		}
	}
	if (s.retry_ms > 0)
		look_at_listener(false);
}

static void on_reply(const struct admit_reply *r)
{
	struct place *p = r->place < PENDING_MAX ? &s.place[r->place] : NULL;

	if (!p || p->state != ASKED)
		return;
	if (r->error == 0 && !p->stop)
		release(p);
	else
		answer(p, (enum error_code)r->error,
		       r->error == ERR_BUSY ? "too many sessions"
		                            : "the session cannot be started");
}

/* The enclave stops: only who asked for it is still owed something. */
static void begin_ending(void)
{
	s.ending = true;
	s.retry_ms = 0;
	watch(s.admit, EPOLL_CTL_DEL, 0, 0);
	watch(s.listener, EPOLL_CTL_DEL, 0, 0);
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (s.place[i].state != FREE && !(s.place[i].state == LINGER && s.place[i].stop))
			release(&s.place[i]);
}

static void on_admit(void)
{
	struct admit_reply r;
	ssize_t n = recv(s.admit, &r, sizeof r, MSG_DONTWAIT);

	if (n == sizeof r)
		on_reply(&r);
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		begin_ending();
}

static void expire(void)
{
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct place *p = &s.place[i];

		if (!in_epoll(p) || p->deadline_ms > s.now_ms)
			continue;
		if (p->state == LINGER)
			release(p);
		else
			answer(p, ERR_DEADLINE, "no request in time");
	}
	if (s.retry_ms > 0 && s.retry_ms <= s.now_ms) {
		s.retry_ms = 0;
		look_at_listener(true);
	}
}

/* Milliseconds until the next deadline, -1 for none: nobody reads or lingers. */
static int timeout(void)
{
	int64_t next = s.retry_ms > 0 ? s.retry_ms : INT64_MAX;

	for (size_t i = 0; i < PENDING_MAX; i++)
		if (in_epoll(&s.place[i]) && s.place[i].deadline_ms < next)
			next = s.place[i].deadline_ms;
	if (next == INT64_MAX)
		return -1;
	return next > s.now_ms ? (int)(next - s.now_ms) : 0;
}

static void dispatch(const struct epoll_event *e)
{
	if (e->data.u32 < PENDING_MAX)
		on_place(&s.place[e->data.u32]);
	else if (s.ending)
		return;
	else if (e->data.u32 == TAG_LISTENER)
		on_listener();
	else
		on_admit();
}

/* An event may concern a place that was freed and taken again in the same
 * wakeup: harmless, since every read is non-blocking. */
int listen_serve(int listener, int admit)
{
	struct epoll_event events[EVENTS];
	int wait_ms;

	s.listener = listener;
	s.admit = admit;
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s.epoll < 0) {
		log_line("epoll_create: %m");
		return 1;
	}
	s.now_ms = clock_mono_ms();
	watch(admit, EPOLL_CTL_ADD, EPOLLIN, TAG_ADMIT);
	watch(listener, EPOLL_CTL_ADD, EPOLLIN, TAG_LISTENER);
	while ((wait_ms = timeout()) >= 0 || !s.ending) {
		int n = epoll_wait(s.epoll, events, EVENTS, wait_ms);

		s.now_ms = clock_mono_ms();
		for (int i = 0; i < n; i++)
			dispatch(&events[i]);
		expire();
	}
	return 0;
}

/* What the loop above calls, and the log's write. The clock is read without
 * a call where the vDSO has it. */
static const int calls[] = {
	SYS_epoll_create1, SYS_epoll_ctl,       SYS_epoll_pwait, SYS_accept4,
	SYS_recvfrom,      SYS_sendto,          SYS_sendmsg,     SYS_close,
	SYS_memfd_create,  SYS_write,           SYS_fcntl,       SYS_madvise,
	SYS_clock_gettime, SYS_restart_syscall, SYS_exit,        SYS_exit_group,
};

int listen_main(void)
{
	static const uint8_t ready = ADMIT_READY;

	if (fcntl(ADMIT_FD, F_SETFL, O_NONBLOCK) != 0 ||
	    filter_allow(calls, sizeof calls / sizeof calls[0]) != RC_OK ||
	    send(ADMIT_FD, &ready, 1, MSG_NOSIGNAL) != 1) {
		log_line("cannot start: %m");
		return 1;
	}
	return listen_serve(ADMIT_LISTENER_FD, ADMIT_FD);
}
