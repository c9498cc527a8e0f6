/* Theory of operation.
 *
 * A connection takes a place and passes through
 *
 *   READ → (free: PID 1 has it, or it was refused)
 *      ╲
 *       ╰→ ASKED → (free)
 *
 * READ reads the REQUEST, to its last byte and no further. While the pair to PID 1
 * takes no more, a place keeps what it has read. ASKED has asked for a stop, of which
 * PID 1 tells it: it is waited for, that the enclave does not end before its answer is
 * there. Both end at the same deadline, and may be evicted when all places are taken.
 * Who is refused is told and left: nothing of an honest peer is unread then, unless it
 * is too slow.
 *
 * Everything is non-blocking. While the pair is full nothing is accepted, so that
 * callers wait instead of being refused; and when no place can be freed yet, or the
 * kernel is short of something, nothing until accept_ms.
 */
#include "channel/listen.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "appliance/base/filter.h"
#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/base/port.h"
#include "channel/admit.h"
#include "channel/failure.h"

enum state { FREE, READ, ASKED };

enum {
	PAGE = 4096,
	/* What is polled. */
	AT_LISTENER = 0,
	AT_ADMIT,
	AT_PLACES,
};

struct place {
	enum state state;
	int fd;
	int64_t since_ms; /* when it came */
	int64_t deadline_ms;
	size_t got, want; /* bytes of the frame read, and its length as far as known */
};

/* A place's frame. 17 MiB in all, of which only touched pages exist: a page a
 * place, unless peers send large requests. */
static uint8_t (*frames)[(FRAME_HEAD + FRAME_REQUEST_MAX + PAGE - 1) / PAGE * PAGE];

static struct {
	struct place place[PENDING_MAX];
	int listener, admit;
	bool ending; /* PID 1 has shut the pair down */
	bool full;   /* the pair has taken no more, and is watched for when it does */
	int64_t now_ms;
	int64_t accept_ms; /* nothing is accepted before */
} s;

static uint8_t *frame_of(const struct place *p)
{
	return frames[p - s.place];
}

static void release(struct place *p)
{
	io_close(&p->fd);
	if (p->got > PAGE)
		madvise(frame_of(p) + PAGE, sizeof frames[0] - PAGE, MADV_DONTNEED);
	p->got = 0;
	p->state = FREE;
}

static void refuse(struct place *p, enum error_code code, const char *text)
{
	(void)!failure_tell(p->fd, code, text);
	release(p);
}

static void summarize(struct admit_request *ask, struct slice word)
{
	if (ask->summary_len > 0 && ask->summary_len < ADMIT_SUMMARY_MAX)
		ask->summary[ask->summary_len++] = ' ';
	for (size_t i = 0; i < word.len && ask->summary_len < ADMIT_SUMMARY_MAX; i++)
		ask->summary[ask->summary_len++] =
			word.p[i] >= 0x20 && word.p[i] < 0x7f ? (char)word.p[i] : '?';
}

/* Read to its end, and not yet taken. */
static bool is_whole(const struct place *p)
{
	return p->state == READ && p->got == p->want;
}

/* Asks PID 1; or later, when the pair is full. */
static void submit(struct place *p, const struct request *r, struct slice request)
{
	static struct admit_request ask;

	ask.op = r->op;
	ask.summary_len = 0;
	for (size_t i = 0; i < r->argc; i++)
		summarize(&ask, r->argv[i]);
	memcpy(ask.request, request.p, request.len);
	if (pass_send(s.admit, &ask, ADMIT_HEAD + request.len, p->fd) != RC_OK)
		s.full = true;
	else if (r->op == OP_STOP)
		p->state = ASKED;
	else
		release(p);
}

static void check_request(struct place *p)
{
	static struct request r;
	struct slice request = slice_of(frame_of(p) + FRAME_HEAD, p->want - FRAME_HEAD);

	switch (request_parse(request, &r)) {
	case RC_OK: submit(p, &r, request); break;
	case RC_DENIED: refuse(p, ERR_VERSION, "this enclave speaks version 2"); break;
	case RC_LIMIT: refuse(p, ERR_OVER_LIMIT, "a field of the request is over its limit"); break;
	default: refuse(p, ERR_PROTOCOL, "the request is malformed"); break;
	}
}

/* After more of the frame has come. */
static void check_frame(struct place *p)
{
	struct frame f;
	enum rc rc = frame_head(slice_of(frame_of(p), p->got), &f);

	if (rc == RC_MORE)
		return;
	if (rc != RC_OK || f.type != FRAME_REQUEST) {
		refuse(p, ERR_PROTOCOL, "not a REQUEST, or too long");
		return;
	}
	p->want = FRAME_HEAD + f.len;
	if (p->got == p->want)
		check_request(p);
}

/* Reads on as far as the frame goes and the socket gives; who has asked has nothing
 * more to say but its end. */
static void on_place(struct place *p)
{
	ssize_t n = 0;

	while (p->state == READ && p->got < p->want) {
		n = recv(p->fd, frame_of(p) + p->got, p->want - p->got, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			break;
		p->got += (size_t)n;
		check_frame(p);
	}
	if (n <= 0)
		release(p);
}

/* A place that is free, or the one that came first. */
static struct place *find_place(void)
{
	struct place *first = s.place;

	for (struct place *p = s.place; p < s.place + PENDING_MAX; p++) {
		if (p->state == FREE)
			return p;
		if (p->since_ms < first->since_ms)
			first = p;
	}
	return first;
}

static void begin(struct place *p, int fd)
{
	if (p->state == READ)
		refuse(p, ERR_DEADLINE, "others are waiting for this place");
	if (p->state != FREE)
		release(p);
	*p = (struct place){ .state = READ,
		             .fd = fd,
		             .since_ms = s.now_ms,
		             .want = FRAME_HEAD,
		             .deadline_ms = s.now_ms + PENDING_DEADLINE_MS };
	/* Most requests come with the connection. */
	on_place(p);
}

/* One a wakeup: an accept that finds nothing sleeps until the kernel's next
 * tick on a vsock listener, non-blocking or not. */
static void on_listener(void)
{
	struct place *p = find_place();
	int fd;

	s.accept_ms = p->state == FREE ? 0 : p->since_ms + PENDING_EVICT_MS;
	if (s.accept_ms > s.now_ms)
		return;
	fd = port_accept(s.listener);
	if (fd >= 0) {
		begin(p, fd);
	} else if (errno != EAGAIN && errno != ECONNABORTED) {
		log_line("accept: %m; trying again");
		s.accept_ms = s.now_ms + PENDING_RETRY_MS;
	}
}

/* The enclave stops: only who asked for that is still owed something. */
static void begin_ending(void)
{
	const int64_t last_ms = s.now_ms + PENDING_STOP_MS;

	s.ending = true;
	for (struct place *p = s.place; p < s.place + PENDING_MAX; p++) {
		if (p->state == READ)
			release(p);
		else if (p->deadline_ms > last_ms)
			p->deadline_ms = last_ms;
	}
}

static void expire(struct place *p)
{
	if (p->state == FREE || p->deadline_ms > s.now_ms)
		return;
	if (p->state == ASKED)
		release(p);
	else if (is_whole(p))
		refuse(p, ERR_BUSY, "too many sessions");
	else
		refuse(p, ERR_DEADLINE, "no request in time");
}

/* Fills in what is to be looked at, and how many that is; *wait_ms: until the
 * next deadline, -1 for none. */
static nfds_t watch(struct pollfd p[AT_PLACES + PENDING_MAX], int *wait_ms)
{
	bool later = s.full || s.accept_ms > s.now_ms;
	int64_t next = s.accept_ms > s.now_ms && !s.ending ? s.accept_ms : INT64_MAX;
	nfds_t n = AT_PLACES;

	p[AT_LISTENER] = (struct pollfd){ later || s.ending ? -1 : s.listener, POLLIN, 0 };
	p[AT_ADMIT] = (struct pollfd){ s.ending ? -1 : s.admit, POLLIN, 0 };
	if (s.full)
		p[AT_ADMIT].events |= POLLOUT;
	for (size_t i = 0; i < PENDING_MAX; i++) {
		const struct place *q = &s.place[i];

		p[AT_PLACES + i] = (struct pollfd){ -1, POLLIN, 0 };
		if (q->state == FREE)
			continue;
		n = AT_PLACES + i + 1;
		if (!is_whole(q))
			p[AT_PLACES + i].fd = q->fd;
		next = earlier(next, q->deadline_ms);
	}
	*wait_ms = io_timeout(next, s.now_ms);
	return n;
}

/* False: the enclave stops, and nobody is owed anything. */
static bool wakeup(void)
{
	struct pollfd p[AT_PLACES + PENDING_MAX];
	int wait_ms;
	nfds_t n = watch(p, &wait_ms);
	struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000L };

	if (s.ending && wait_ms < 0)
		return false;
	if (ppoll(p, n, wait_ms < 0 ? NULL : &wait, NULL) < 0)
		return errno == EINTR || errno == ENOMEM;
	s.now_ms = clock_mono_ms();
	if (p[AT_ADMIT].revents & POLLOUT)
		s.full = false;
	if (p[AT_ADMIT].revents & ~POLLOUT)
		begin_ending();
	for (size_t i = 0; AT_PLACES + i < n; i++) {
		if (p[AT_PLACES + i].revents != 0 && s.place[i].state != FREE)
			on_place(&s.place[i]);
		if (is_whole(&s.place[i]) && !s.full)
			check_request(&s.place[i]);
		expire(&s.place[i]);
	}
	if (p[AT_LISTENER].revents != 0 && !s.ending && !s.full)
		on_listener();
	return true;
}

/* Not in the executable's .bss: every exec of a role would need room for it (bench
 * memory). */
static bool reserve(void)
{
	void *p = mmap(NULL, PENDING_MAX * sizeof frames[0], PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p != MAP_FAILED)
		frames = p;
	return p != MAP_FAILED;
}

int listen_serve(int listener, int admit)
{
	if (!frames && !reserve())
		return 1;
	s.listener = listener;
	s.admit = admit;
	s.now_ms = clock_mono_ms();
	while (wakeup())
		;
	return 0;
}

/* What the loop above calls, and the log's write. The clock is read without
 * a call where the vDSO has it. */
static const int calls[] = {
	SYS_ppoll, SYS_accept4, SYS_recvfrom,      SYS_sendto,          SYS_sendmsg, SYS_close,
	SYS_write, SYS_madvise, SYS_clock_gettime, SYS_restart_syscall, SYS_exit,    SYS_exit_group,
};

int listen_main(int listener, int admit)
{
	if (!reserve() || filter_allow(calls, sizeof calls / sizeof calls[0]) != RC_OK ||
	    send(admit, "", 1, MSG_NOSIGNAL) != 1) {
		log_line("cannot start: %m");
		return 1;
	}
	return listen_serve(listener, admit);
}
