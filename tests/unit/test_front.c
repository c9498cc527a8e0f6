/* appliance/front.h: what PID 1 answers to a channel role gone mad. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/pass.h"
#include "appliance/front.h"
#include "appliance/spawn.h"
#include "appliance/supervisor.h"
#include "appliance/touchlog.h"
#include "channel/admit.h"
#include "channel/message.h"
#include "tests/sim/module.h"
#include "tests/unit/test.h"

static int role = -1;    /* the role's end */
static int session = -1; /* the end of the session that was started last */
static pid_t sessions;   /* how many were, which is the last one's number */
static bool none_starts;

/* Instead of the end. */
static jmp_buf ended;
static int ends;

_Noreturn void supervisor_reset(void)
{
	longjmp(ended, 1);
}

/* Instead of an execution. */
pid_t spawn_role(const char *name, const int fds[SPAWN_FDS])
{
	CHECK(strcmp(name, "session") == 0 && fds[1] == -1 && fds[2] == -1 && fds[3] == -1);
	if (none_starts) {
		errno = EAGAIN;
		return -1;
	}
	io_close(&session);
	session = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	return ++sessions;
}

static void begin(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	front_role.sock = pair[0];
	front_role.ready = true;
	role = pair[1];
}

static void ask(const void *p, size_t len, size_t fds)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)p, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	static const int numbers[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };

	if (fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		control.h.cmsg_level = SOL_SOCKET;
		control.h.cmsg_type = SCM_RIGHTS;
		control.h.cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(&control.h), numbers, fds * sizeof(int));
	}
	CHECK(sendmsg(role, &msg, 0) == (ssize_t)len);
}

static int peer = -1; /* the other end of the connection that was asked for last */

/* What the peer has heard; 0: nothing. After an ERROR its connection has ended. */
static enum error_code heard(void)
{
	struct error_msg e = { 0 };
	struct frame f = { .len = 0 };
	uint8_t mem[256];
	ssize_t n = recv(peer, mem, sizeof mem, MSG_DONTWAIT);

	if (n <= 0)
		return 0; /* or whom it was handed to is gone */
	CHECK(n > FRAME_HEAD && frame_head(slice_of(mem, (size_t)n), &f) == RC_OK);
	CHECK(f.type == FRAME_ERROR && recv(peer, mem + n, 1, MSG_DONTWAIT) == 0);
	CHECK(error_parse(slice_of(mem + FRAME_HEAD, (size_t)n - FRAME_HEAD), &e) == RC_OK);
	return e.code;
}

/* What is no question ends the role, and no descriptor of it is kept. */
static void refused(void)
{
	static const struct {
		uint32_t op;
		size_t len, fds;
		uint32_t summary_len;
		char summary[8];
	} bad[] = {
		{ .op = 0, .len = 10, .fds = 1 }, /* no such operation */
		{ .op = OP_LOOK + 1, .len = 10, .fds = 1 },
		{ .op = UINT32_MAX, .len = 10, .fds = 1 },
		{ .op = OP_EXEC, .len = 0, .fds = 1 }, /* no request */
		{ .op = OP_EXEC, .len = FRAME_REQUEST_MAX + 1, .fds = 1 },
		{ .op = OP_EXEC, .len = 10, .fds = 0 }, /* no connection, */
		{ .op = OP_EXEC, .len = 10, .fds = 2 }, /* too many, */
		{ .op = OP_EXEC, .len = 10, .fds = 8 },
		{ .op = OP_STOP, .len = 10, .fds = 0 }, /* no way around it for stop */
		{ .op = OP_STOP, .len = 10, .fds = 1, .summary_len = 3, .summary = "x\ny" },
		{ .op = OP_STOP, .len = 10, .fds = 1, .summary_len = 1, .summary = "\x80" },
		{ .op = OP_STOP, .len = 10, .fds = 1, .summary_len = ADMIT_SUMMARY_MAX + 1 },
	};
	static struct {
		struct admit_request r;
		uint8_t more;
	} m;

	for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int before;

		begin();
		m.r.op = bad[i].op;
		m.r.summary_len = bad[i].summary_len;
		memcpy(m.r.summary, bad[i].summary, sizeof bad[i].summary);
		before = test_fds();
		ask(&m, ADMIT_HEAD + bad[i].len, bad[i].fds);
		CHECK(!front_answer());
		CHECK(front_role.sock == -1 && test_fds() == before - 1);
		io_close(&role);
	}
	CHECK(touchlog_shared->touches == 0 && module_requests() == 0 && sessions == 0);
	begin();
	io_close(&role);
	CHECK(!front_answer() && front_role.sock == -1);
}

static bool ask_for(uint32_t op, const char *request)
{
	static struct admit_request r = { .summary_len = 3, .summary = "why" };
	int pair[2];

	r.op = op;
	memcpy(r.request, request, strlen(request));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(pass_send(role, &r, ADMIT_HEAD + strlen(request), pair[1]) == RC_OK);
	io_close(&pair[1]);
	io_close(&peer);
	peer = pair[0];
	return front_answer();
}

/* The module does not take the mark: the enclave must end, and nothing was
 * admitted. */
static void unmarked(void)
{
	begin();
	module_refuse_at(1);
	if (setjmp(ended) == 0)
		(void)ask_for(OP_STOP, "abcd");
	else
		ends++;
	CHECK(ends == 1);
	CHECK(touchlog_shared->touches == 0);
	module_refuse_at(0);
	io_close(&role);
	CHECK(!front_answer());
}

static void get_work(uint32_t op, const char *request)
{
	static struct admit_request m;
	int conn;
	ssize_t n = pass_recv(session, &m, sizeof m, MSG_DONTWAIT, &conn);

	CHECK(n > ADMIT_HEAD && m.op == op && conn >= 0);
	CHECK(slice_is(slice_of(m.request, (size_t)n - ADMIT_HEAD), request));
	io_close(&conn);
}

/* The process that waits gets the work, and the next one is started then; after
 * one that could not be, or died, or was of no use, by who needs it. */
static void sessions_are_handed(void)
{
	uint64_t touches = touchlog_shared->touches;
	int got, before;

	begin();
	ask("", 1, 0);
	CHECK(!front_answer() && sessions == 1);
	before = test_fds();
	none_starts = true;
	CHECK(!ask_for(OP_EXEC, "abcd"));
	CHECK(heard() == 0);
	get_work(OP_EXEC, "abcd");
	CHECK(touchlog_shared->touches == touches + 1);
	CHECK(!ask_for(OP_PULL, "abcd")); /* none, and none starts */
	CHECK(heard() == ERR_BUSY);
	CHECK(test_fds() == before - 1); /* no pair waits */
	none_starts = false;
	CHECK(!ask_for(OP_PULL, "abcd") && sessions == 3);
	CHECK(heard() == 0);
	front_reap(2, 0); /* and it is the third that waits */
	CHECK(test_fds() == before);
	front_reap(3, SIGKILL);
	CHECK(test_fds() == before - 1 && sessions == 3);
	CHECK(!ask_for(OP_PUSH, "abcd") && sessions == 5);
	CHECK(heard() == 0);
	got = session, session = -1;
	io_close(&got); /* the one that waits is gone, which nobody has seen */
	CHECK(!ask_for(OP_PUSH, "abcd") && sessions == 5);
	CHECK(heard() == ERR_SYSTEM);
	front_reap(5, 0);
	CHECK(!ask_for(OP_PUSH, "abcd") && sessions == 7);
	CHECK(heard() == 0);
	CHECK(touchlog_shared->touches == touches + 6);
	io_close(&role);
	CHECK(!front_answer());
}

/* As many as there are places; an end makes one free, a stranger's does not. */
static void full(void)
{
	pid_t first = sessions + 1;
	enum error_code error = 0;
	uint32_t n = 0;

	begin();
	for (; error == 0 && n < 2 * SESSIONS_MAX; n++) {
		CHECK(!ask_for(OP_EXEC, "abcd"));
		error = heard();
	}
	/* Three are there from before. */
	CHECK(error == ERR_BUSY && n == SESSIONS_MAX - 3 + 1);
	front_reap(1 << 20, 0);
	CHECK(!ask_for(OP_EXEC, "abcd"));
	CHECK(heard() == ERR_BUSY);
	front_reap(first, 0);
	CHECK(!ask_for(OP_EXEC, "abcd"));
	CHECK(heard() == 0);
	io_close(&role);
	CHECK(!front_answer());
}

/* Control is recorded, look is not; both go to the launcher, if it is there. */
static void launcher(void)
{
	uint64_t touches = touchlog_shared->touches;
	int pair[2], before;

	begin();
	CHECK(!ask_for(OP_LOOK, "abcd"));
	CHECK(heard() == ERR_BUSY); /* there is none */
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	launch_role.sock = pair[0];
	session = pair[1];
	before = test_fds();
	CHECK(!ask_for(OP_LOOK, "abcd"));
	CHECK(heard() == 0);
	get_work(OP_LOOK, "abcd");
	CHECK(touchlog_shared->touches == touches);
	CHECK(!ask_for(OP_CONTROL, "abcd"));
	CHECK(heard() == 0);
	get_work(OP_CONTROL, "abcd");
	CHECK(touchlog_shared->touches == touches + 1 && test_fds() == before);
	/* One that takes nothing more holds up nobody. */
	for (int i = 0; i < 10000; i++) {
		CHECK(!ask_for(OP_LOOK, "abcd"));
		if (heard() == ERR_BUSY)
			break;
		CHECK(i < 9999);
	}
	io_close(&session);
	io_close(&launch_role.sock);
	io_close(&role);
	CHECK(!front_answer());
}

/* What the manifest does not admit is refused, and recorded nowhere. */
static void not_admitted(void)
{
	uint64_t touches = touchlog_shared->touches;

	begin();
	for (uint32_t op = OP_EXEC; op <= OP_LOOK; op++) {
		front_operations = ~(1u << op);
		CHECK(!ask_for(op, "abcd"));
		CHECK(heard() == ERR_DENIED);
	}
	front_operations = 0;
	CHECK(!ask_for(OP_STOP, "abcd"));
	CHECK(heard() == ERR_DENIED);
	CHECK(touchlog_shared->touches == touches);
	io_close(&role);
	CHECK(!front_answer());
	front_operations = UINT32_MAX;
}

static void stops(void)
{
	static const char text[] = "the whole request";
	uint8_t byte, accept[16], digest[SHA384_LEN];
	const struct touchlog_shared *log = touchlog_shared;
	const uint64_t n = log->touches + 1;
	const struct touchlog_record *b = &log->ring[n];
	struct touch_record t;
	struct sha384 h;
	int before;

	begin();
	ask("", 1, 0);
	CHECK(!front_answer());
	before = test_fds();
	CHECK(ask_for(OP_STOP, text));
	CHECK(recv(peer, accept, sizeof accept, MSG_DONTWAIT) == FRAME_HEAD);
	CHECK(memcmp(accept, "\x02\0\0\0", FRAME_HEAD) == 0);
	CHECK(recv(peer, accept, sizeof accept, MSG_DONTWAIT) == 0);
	CHECK(test_fds() == before);
	sha384_init(&h);
	sha384_update(&h, text, sizeof text - 1);
	sha384_final(&h, digest);
	CHECK(log->touches == n);
	CHECK(touch_parse(slice_of(b->bytes, b->len), &t) == RC_OK);
	CHECK(slice_is(t.operation, "stop") && slice_is(t.user, "open"));
	CHECK(slice_is(t.summary, "why"));
	CHECK(slice_eq(t.digest, slice_of(digest, sizeof digest)));
	role_end(&front_role);
	CHECK(recv(role, &byte, 1, MSG_DONTWAIT) == 0);
	CHECK(front_role.again_ms == INT64_MAX);
	io_close(&role);
	CHECK(!front_answer());
}

/* A peer that takes nothing does not hold PID 1, nor does one that has gone. */
static void deaf(void)
{
	static struct admit_request r = { .op = OP_EXEC };
	int pair[2];

	begin();
	front_operations = 0;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	for (int i = 0; i < 100000; i++) {
		if (i == 50000)
			io_close(&pair[0]);
		CHECK(pass_send(role, &r, ADMIT_HEAD + 1, pair[1]) == RC_OK && !front_answer());
	}
	front_operations = UINT32_MAX;
	CHECK(front_role.sock >= 0);
	io_close(&pair[1]);
	io_close(&role);
	CHECK(!front_answer());
}

/* One message at a time: at boot nothing but the first is looked at. */
static void boot(void)
{
	uint8_t byte;

	begin();
	front_role.ready = false;
	ask("", 1, 0);
	ask("", 1, 0);
	CHECK(!front_answer() && front_role.ready);
	CHECK(recv(front_role.sock, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1);
	io_close(&role);
	io_close(&front_role.sock);
}

int main(void)
{
	int nsm = -1;

	front_operations = UINT32_MAX;
	module_reset();
	if (!CHECK(nsm_open("", &nsm) == RC_OK && touchlog_open(nsm) == RC_OK))
		return test_end();
	refused();
	boot();
	deaf();
	unmarked();
	sessions_are_handed();
	full();
	launcher();
	not_admitted();
	stops();
	return test_end();
}
