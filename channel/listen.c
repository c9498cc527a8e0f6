/* Theory of operation.
 *
 * A connection takes a place and passes through
 *
 *   HEAD → BODY → SUBMIT → ASKED → (free: a session has it)
 *      ╲      ╲       ╲       ╲
 *       ╰──────┴───────┴───────┴→ LINGER → (free)
 *
 * HEAD and BODY read the REQUEST, to its last byte and no further. SUBMIT has
 * a checked request that PID 1 has not been asked about yet (it is asked at
 * once; the state lasts only when the pair is full). ASKED waits for PID 1,
 * which always answers. LINGER has been sent its last frame and what it still
 * sends is dropped. HEAD, BODY and LINGER have deadlines and may be evicted
 * when all places are taken; SUBMIT and ASKED last as long as PID 1 takes and
 * are not in epoll, since nothing of the peer's may be touched any more.
 *
 * Everything is non-blocking. When no place can be freed, or the kernel is
 * short of something, the listener leaves epoll until retry_ms.
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

enum state { FREE, HEAD, BODY, SUBMIT, ASKED, LINGER };

enum {
	PAGE = 4096,
	/* Tags of epoll beside the indices of places. */
	TAG_LISTENER = PENDING_MAX,
	TAG_ADMIT,
	DROP_BUDGET = 65536, /* bytes a wakeup, of one that lingers */
	EVENTS = 64,
	TEXT_MAX = 64,
};

struct place {
	enum state state;
	int fd;
	struct admit_request ask; /* from SUBMIT on */
	int64_t since_ms;         /* when it came */
	int64_t deadline_ms;      /* HEAD, BODY, LINGER */
	size_t got, want;         /* bytes of the frame read, and its whole length */
};

/* A place's frame. 8.5 MiB in all, of which only touched pages exist: a page a
 * place, unless peers send large requests. */
static uint8_t frames[PENDING_MAX][(FRAME_HEAD + FRAME_REQUEST_MAX + PAGE - 1) / PAGE * PAGE]
	__attribute__((aligned(PAGE)));

static struct {
	struct place place[PENDING_MAX];
	int epoll, listener, admit;
	bool accepting; /* the listener is in epoll */
	bool ending;    /* PID 1 has shut the pair down */
	int64_t now_ms;
	int64_t retry_ms; /* 0: nothing to try again */
} s;

static bool watch(int fd, int op, uint32_t events, uint32_t tag)
{
	struct epoll_event e = { .events = events, .data.u32 = tag };

	if (epoll_ctl(s.epoll, op, fd, &e) == 0)
		return true;
	log_line("epoll_ctl(%d, %d): %m", op, fd);
	return false;
}

static uint32_t index_of(const struct place *p)
{
	return (uint32_t)(p - s.place);
}

static bool in_epoll(const struct place *p)
{
	return p->state == HEAD || p->state == BODY || p->state == LINGER;
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

/* Sends the last frame, as far as the socket takes it: a peer that does not
 * read does not get it. */
static void last_frame(struct place *p, struct slice frame, int64_t linger_ms)
{
	if (send(p->fd, frame.p, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		release(p);
		return;
	}
	if (!in_epoll(p))
		watch(p->fd, EPOLL_CTL_ADD, EPOLLIN, index_of(p));
	p->state = LINGER;
	p->deadline_ms = s.now_ms + linger_ms;
}

static void refuse(struct place *p, enum error_code code, const char *text)
{
	uint8_t mem[FRAME_HEAD + TEXT_MAX + 16];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	error_put(&w, code, text);
	last_frame(p, wbuf_slice(&w), PENDING_LINGER_MS);
}

/* A stop is answered here, since its session is the whole enclave. */
static void accept_stop(struct place *p)
{
	uint8_t mem[FRAME_HEAD + 16];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	accept_put(&w, 0);
	last_frame(p, wbuf_slice(&w), PENDING_STOP_MS);
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

/* Is errno about a shortage that passes? */
static bool transient(void)
{
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EMFILE ||
	       errno == ENFILE || errno == ETOOMANYREFS;
}

/* Asks PID 1; later again when it cannot be asked now. */
static void submit(struct place *p)
{
	struct slice request = slice_of(frames[index_of(p)] + FRAME_HEAD, p->want - FRAME_HEAD);
	int fds[PASS_FDS] = { p->fd, -1 };
	enum rc rc = make_memfd(request, &fds[1]);

	if (rc == RC_OK)
		rc = pass_send(s.admit, &p->ask, sizeof p->ask, fds);
	if (rc == RC_OK) {
		p->state = ASKED;
	} else if (transient()) {
		s.retry_ms = s.now_ms + PENDING_RETRY_MS;
	} else {
		log_line("cannot ask for a session: %m");
		refuse(p, ERR_SYSTEM, "the session cannot be started");
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

	switch (request_parse(request, &r)) {
	case RC_OK:
		p->ask = (struct admit_request){
			index_of(p), r.op, (uint32_t)request.len, 0, { 0 }
		};
		summarize(&p->ask, r.path);
		for (size_t i = 0; i < r.argc; i++)
			summarize(&p->ask, r.argv[i]);
		watch(p->fd, EPOLL_CTL_DEL, 0, 0);
		p->state = SUBMIT;
		submit(p);
		break;
	case RC_DENIED: refuse(p, ERR_VERSION, "this enclave speaks version 1"); break;
	case RC_LIMIT: refuse(p, ERR_OVER_LIMIT, "a field of the request is too long"); break;
	default: refuse(p, ERR_PROTOCOL, "the request is malformed"); break;
	}
}

/* After more of the head has come. */
static void check_head(struct place *p)
{
	struct frame f;
	enum rc rc = frame_head(slice_of(frames[index_of(p)], p->got), &f);

	if (rc == RC_MORE)
		return;
	if (rc != RC_OK || f.type != FRAME_REQUEST) {
		refuse(p, ERR_PROTOCOL, "not a REQUEST, or too long");
		return;
	}
	p->want = FRAME_HEAD + f.len;
	p->state = BODY;
	if (f.len == 0)
		check_request(p);
}

/* Reads up to max bytes; 0: nothing is there, or the peer has gone and with it
 * its place. */
static size_t take(struct place *p, uint8_t *to, size_t max)
{
	ssize_t n;

	do
		n = recv(p->fd, to, max, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return (size_t)n;
	if (n == 0 || errno != EAGAIN)
		release(p);
	return 0;
}

/* Reads on as far as the frame goes and the socket gives. */
static void read_frame(struct place *p)
{
	size_t n;

	while (p->state == HEAD || p->state == BODY) {
		n = take(p, frames[index_of(p)] + p->got, p->want - p->got);
		if (n == 0)
			return;
		p->got += n;
		if (p->state == HEAD)
			check_head(p);
		else if (p->got == p->want)
			check_request(p);
	}
}

static void drop_input(struct place *p)
{
	static uint8_t scrap[16384];
	size_t dropped = 0, n;

	while (dropped < DROP_BUDGET && (n = take(p, scrap, sizeof scrap)) > 0)
		dropped += n;
}

static void on_place(struct place *p)
{
	if (p->state == LINGER)
		drop_input(p);
	else
		read_frame(p);
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
	if (p->state == HEAD || p->state == BODY)
		refuse(p, ERR_DEADLINE, "others are waiting for this place");
	if (p->state != FREE)
		release(p);
}

static void accepting(bool on)
{
	int op = on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;

	if (s.accepting != on && !watch(s.listener, op, EPOLLIN, TAG_LISTENER) && on) {
		s.retry_ms = s.now_ms + PENDING_RETRY_MS;
		return;
	}
	s.accepting = on;
}

static void accept_one(struct place *p, int fd)
{
	evict(p);
	*p = (struct place){ .state = HEAD,
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

	if (!p) {
		accepting(false);
		return;
	}
	fd = port_accept(s.listener);
	if (fd >= 0) {
		accept_one(p, fd);
	} else if (errno != EAGAIN && transient()) {
		log_line("accept: %m; trying again");
		accepting(false);
		s.retry_ms = s.now_ms + PENDING_RETRY_MS;
	}
}

static void on_reply(const struct admit_reply *r)
{
	struct place *p = r->place < PENDING_MAX ? &s.place[r->place] : NULL;

	if (!p || p->state != ASKED)
		return;
	if (r->error == ERR_BUSY)
		refuse(p, ERR_BUSY, "too many sessions");
	else if (r->error != 0)
		refuse(p, r->error <= ERROR_CODE_LAST ? (enum error_code)r->error : ERR_SYSTEM,
		       "the session cannot be started");
	else if (p->ask.op == OP_STOP)
		accept_stop(p);
	else
		release(p);
}

/* The enclave stops: only who asked for it is still owed something. */
static void begin_ending(void)
{
	s.ending = true;
	watch(s.admit, EPOLL_CTL_DEL, 0, 0);
	accepting(false);
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (s.place[i].state != FREE &&
		    (s.place[i].state != LINGER || s.place[i].ask.op != OP_STOP))
			release(&s.place[i]);
}

static void on_admit(void)
{
	struct admit_reply r;

	for (;;) {
		ssize_t n = recv(s.admit, &r, sizeof r, MSG_DONTWAIT);

		if (n == sizeof r) {
			on_reply(&r);
		} else if (n < 0 && errno == EAGAIN) {
			return;
		} else if (n >= 0 || errno != EINTR) {
			begin_ending();
			return;
		}
	}
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
			refuse(p, ERR_DEADLINE, "no request in time");
	}
	if (s.ending || s.retry_ms == 0 || s.retry_ms > s.now_ms)
		return;
	s.retry_ms = 0;
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (s.place[i].state == SUBMIT)
			submit(&s.place[i]);
	accepting(true);
}

/* Milliseconds until the next deadline, -1 for none. */
static int timeout(void)
{
	int64_t next = s.retry_ms > 0 && !s.ending ? s.retry_ms : INT64_MAX;

	for (size_t i = 0; i < PENDING_MAX; i++)
		if (in_epoll(&s.place[i]) && s.place[i].deadline_ms < next)
			next = s.place[i].deadline_ms;
	if (next == INT64_MAX)
		return -1;
	return next > s.now_ms ? (int)(next - s.now_ms) : 0;
}

static bool lingering(void)
{
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (s.place[i].state == LINGER)
			return true;
	return false;
}

static void dispatch(const struct epoll_event *e)
{
	if (e->data.u32 == TAG_LISTENER)
		on_listener();
	else if (e->data.u32 == TAG_ADMIT)
		on_admit();
	else if (in_epoll(&s.place[e->data.u32]))
		on_place(&s.place[e->data.u32]);
}

/* An event may concern a place that was freed and taken again in the same
 * wakeup: harmless, since every read is non-blocking. */
int listen_serve(int listener, int admit)
{
	struct epoll_event events[EVENTS];

	s.listener = listener;
	s.admit = admit;
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s.epoll < 0) {
		log_line("epoll_create: %m");
		return 1;
	}
	s.now_ms = clock_mono_ms();
	watch(admit, EPOLL_CTL_ADD, EPOLLIN, TAG_ADMIT);
	accepting(true);
	while (!s.ending || lingering()) {
		int n = epoll_wait(s.epoll, events, EVENTS, timeout());

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
