/* appliance/front.h: what PID 1 answers to a channel role gone mad. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/pass.h"
#include "appliance/front.h"
#include "appliance/report.h"
#include "appliance/spawn.h"
#include "appliance/touchlog.h"
#include "channel/admit.h"
#include "channel/message.h"
#include "tests/sim/module.h"
#include "tests/unit/test.h"

static int role = -1;    /* the role's end */
static int session = -1; /* the end of the session that was started last */
static pid_t sessions;   /* how many were, which is the last one's number */
static bool none_starts;

/* Instead of an execution. */
pid_t spawn_role(char *const argv[], const int fds[SPAWN_FDS])
{
	CHECK(strcmp(argv[0], "session") == 0 && fds[1] == -1 && fds[2] == -1 && fds[3] == -1);
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

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
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

static void expect(uint32_t place, uint32_t error)
{
	struct admit_reply r = { 0, 0 };

	CHECK(recv(role, &r, sizeof r, MSG_DONTWAIT) == sizeof r);
	CHECK(r.place == place && r.error == error);
}

/* Each is refused, keeps no descriptor, and does not stop what comes after. */
static void refused(void)
{
	static const struct {
		uint32_t op, len;
		size_t cut, extra, fds;
	} bad[] = {
		{ 0, 10, 0, 0, 2 }, /* no such operation */
		{ OP_LOOK + 1, 10, 0, 0, 2 },
		{ UINT32_MAX, 10, 0, 0, 2 },
		{ OP_EXEC, 0, 0, 0, 2 }, /* no request */
		{ OP_EXEC, FRAME_REQUEST_MAX + 1, 0, 0, 2 },
		{ OP_EXEC, UINT32_MAX, 0, 0, 2 },
		{ OP_EXEC, 10, 0, 0, 0 }, /* descriptors missing, */
		{ OP_EXEC, 10, 0, 0, 1 },
		{ OP_EXEC, 10, 0, 0, 3 }, /* too many, */
		{ OP_EXEC, 10, 0, 0, 8 }, /* more than are looked at */
		{ OP_STOP, 10, 0, 0, 1 }, /* no way around it for stop */
		{ OP_EXEC, 10, 1, 0, 2 }, /* too short, too long */
		{ OP_EXEC, 10, 0, 1, 2 },
	};
	uint8_t mem[sizeof(struct admit_request) + 1] = { 0 };

	begin();
	for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct admit_request r = { .place = i + 1, .op = bad[i].op, .len = bad[i].len };
		int before = count_fds();

		memcpy(mem, &r, sizeof r);
		ask(mem, sizeof r - bad[i].cut + bad[i].extra, bad[i].fds);
		CHECK(front_answer() == FRONT_NOTHING);
		expect(i + 1, ERR_PROTOCOL);
		CHECK(count_fds() == before);
	}
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING && front_role.sock == -1);
}

/* A memfd as the channel role makes it, but for the seals. */
static int request(const char *text, int seals)
{
	int fd = memfd_create("request", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(io_write_full(fd, text, strlen(text)) == RC_OK);
	CHECK(fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

enum { ALL_OPERATIONS = 0x7e };
enum { ALL = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };

static enum front_said ask_for(uint32_t op, int fd, uint32_t len, const char *summary,
                               uint32_t summary_len)
{
	struct admit_request r = { .place = 9, .op = op, .len = len, .summary_len = summary_len };
	int fds[PASS_FDS] = { 0, fd };

	memcpy(r.summary, summary, strlen(summary));
	CHECK(pass_send(role, &r, sizeof r, fds) == RC_OK);
	return front_answer();
}

/* What could be changed after it was recorded, or was not what it says, is not
 * recorded and not admitted. */
static void unsealed(void)
{
	static const int parts[] = { 0, ALL & ~F_SEAL_WRITE, ALL & ~F_SEAL_GROW,
		                     ALL & ~F_SEAL_SHRINK, ALL & ~F_SEAL_SEAL };

	begin();
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		int fd = request("abcd", parts[i]);

		CHECK(ask_for(OP_STOP, fd, 4, "", 0) == FRONT_NOTHING);
		expect(9, ERR_PROTOCOL);
		io_close(&fd);
	}
	for (uint32_t len = 3; len <= 5; len += 2) {
		int fd = request("abcd", ALL);

		CHECK(ask_for(OP_STOP, fd, len, "", 0) == FRONT_NOTHING);
		expect(9, ERR_PROTOCOL);
		io_close(&fd);
	}
	CHECK(ask_for(OP_STOP, 0, 4, "", 0) == FRONT_NOTHING); /* not a memfd */
	expect(9, ERR_PROTOCOL);
	CHECK(touchlog_shared()->touches == 0 && module_requests() == 0);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

static void bad_summaries(void)
{
	int fd = request("abcd", ALL);

	begin();
	CHECK(ask_for(OP_STOP, fd, 4, "x\ny", 3) == FRONT_NOTHING);
	expect(9, ERR_PROTOCOL);
	CHECK(ask_for(OP_STOP, fd, 4, "\x80", 1) == FRONT_NOTHING);
	expect(9, ERR_PROTOCOL);
	CHECK(ask_for(OP_STOP, fd, 4, "x", ADMIT_SUMMARY_MAX + 1) == FRONT_NOTHING);
	expect(9, ERR_PROTOCOL);
	CHECK(touchlog_shared()->touches == 0);
	io_close(&fd);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

/* The module does not take the mark: the enclave must end, and nothing was
 * admitted. */
static void unmarked(void)
{
	int fd = request("abcd", ALL);

	begin();
	module_refuse_at(1);
	CHECK(ask_for(OP_STOP, fd, 4, "", 0) == FRONT_FAILED);
	expect(9, ERR_SYSTEM);
	CHECK(touchlog_shared()->touches == 0);
	module_refuse_at(0);
	io_close(&fd);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

static void get_work(uint32_t op, uint32_t len)
{
	struct session_handover h = { 0, 0 };
	struct passed m;

	CHECK(pass_recv(session, &h, sizeof h, MSG_DONTWAIT, &m) && h.op == op && h.len == len);
	for (size_t i = 0; i < m.count; i++)
		io_close(&m.fds[i]);
}

/* The process that waits gets the work, and the next one is started then; after
 * one that could not be, or died, or was of no use, by who needs it. */
static void sessions_are_handed(void)
{
	uint8_t ready = ADMIT_READY;
	uint64_t touches = touchlog_shared()->touches;
	int fd = request("abcd", ALL), got, before;

	begin();
	ask(&ready, 1, 0);
	CHECK(front_answer() == FRONT_NOTHING && sessions == 1);
	before = count_fds();
	none_starts = true;
	CHECK(ask_for(OP_EXEC, fd, 4, "x", 1) == FRONT_NOTHING);
	expect(9, 0);
	get_work(OP_EXEC, 4);
	CHECK(touchlog_shared()->touches == touches + 1);
	CHECK(ask_for(OP_PULL, fd, 4, "x", 1) == FRONT_NOTHING); /* none, and none starts */
	expect(9, ERR_BUSY);
	CHECK(count_fds() == before - 1); /* no pair waits */
	none_starts = false;
	CHECK(ask_for(OP_PULL, fd, 4, "x", 1) == FRONT_NOTHING && sessions == 3);
	expect(9, 0);
	front_reap(2, 0); /* and it is the third that waits */
	CHECK(count_fds() == before);
	front_reap(3, SIGKILL);
	CHECK(count_fds() == before - 1 && sessions == 3);
	CHECK(ask_for(OP_PUSH, fd, 4, "x", 1) == FRONT_NOTHING && sessions == 5);
	expect(9, 0);
	got = session, session = -1;
	io_close(&got); /* the one that waits is gone, which nobody has seen */
	CHECK(ask_for(OP_PUSH, fd, 4, "x", 1) == FRONT_NOTHING && sessions == 5);
	expect(9, ERR_SYSTEM);
	front_reap(5, 0);
	CHECK(ask_for(OP_PUSH, fd, 4, "x", 1) == FRONT_NOTHING && sessions == 7);
	expect(9, 0);
	CHECK(touchlog_shared()->touches == touches + 6);
	io_close(&fd);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

/* As many as there are places; an end makes one free, a stranger's does not. */
static void full(void)
{
	int fd = request("abcd", ALL);
	pid_t first = sessions + 1;
	uint32_t n = 0, error = 0;

	begin();
	for (; error == 0 && n < 2 * SESSIONS_MAX; n++) {
		struct admit_reply r = { 0, 0 };

		CHECK(ask_for(OP_EXEC, fd, 4, "", 0) == FRONT_NOTHING);
		CHECK(recv(role, &r, sizeof r, MSG_DONTWAIT) == sizeof r);
		error = r.error;
	}
	/* Three are there from before. */
	CHECK(error == ERR_BUSY && n == SESSIONS_MAX - 3 + 1);
	front_reap(1 << 20, 0);
	CHECK(ask_for(OP_EXEC, fd, 4, "", 0) == FRONT_NOTHING);
	expect(9, ERR_BUSY);
	front_reap(first, 0);
	CHECK(ask_for(OP_EXEC, fd, 4, "", 0) == FRONT_NOTHING);
	expect(9, 0);
	io_close(&fd);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

/* Control is recorded, look is not; both go to the launcher, if it is there. */
static void launcher(void)
{
	uint64_t touches = touchlog_shared()->touches;
	int fd = request("abcd", ALL), loose = request("abcd", 0), pair[2], before;

	begin();
	CHECK(ask_for(OP_LOOK, fd, 4, "", 0) == FRONT_NOTHING);
	expect(9, ERR_BUSY); /* there is none */
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	launch_role.sock = pair[0];
	session = pair[1];
	before = count_fds();
	CHECK(ask_for(OP_LOOK, fd, 4, "", 0) == FRONT_NOTHING);
	expect(9, 0);
	get_work(OP_LOOK, 4);
	CHECK(touchlog_shared()->touches == touches);
	CHECK(ask_for(OP_CONTROL, loose, 4, "stop x", 6) == FRONT_NOTHING);
	expect(9, ERR_PROTOCOL);
	CHECK(touchlog_shared()->touches == touches);
	CHECK(ask_for(OP_CONTROL, fd, 4, "stop x", 6) == FRONT_NOTHING);
	expect(9, 0);
	get_work(OP_CONTROL, 4);
	CHECK(touchlog_shared()->touches == touches + 1 && count_fds() == before);
	/* One that takes nothing more holds up nobody. */
	for (int i = 0; i < 10000; i++) {
		struct admit_reply r = { 0, 0 };

		CHECK(ask_for(OP_LOOK, fd, 4, "", 0) == FRONT_NOTHING);
		CHECK(recv(role, &r, sizeof r, MSG_DONTWAIT) == sizeof r);
		if (r.error == ERR_BUSY)
			break;
		CHECK(r.error == 0 && i < 9999);
	}
	io_close(&session);
	io_close(&launch_role.sock);
	io_close(&loose);
	io_close(&fd);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

/* What the manifest does not admit is refused, and recorded nowhere. */
static void not_admitted(void)
{
	uint64_t touches = touchlog_shared()->touches;
	int fd = request("abcd", ALL);

	begin();
	for (uint32_t op = OP_EXEC; op <= OP_LOOK; op++) {
		front_operations = ALL_OPERATIONS & ~(1u << op);
		CHECK(ask_for(op, fd, 4, "", 0) == FRONT_NOTHING);
		expect(9, ERR_DENIED);
	}
	front_operations = 0;
	CHECK(ask_for(OP_STOP, fd, 4, "", 0) == FRONT_NOTHING);
	expect(9, ERR_DENIED);
	CHECK(touchlog_shared()->touches == touches);
	front_operations = ALL_OPERATIONS;
	io_close(&fd);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

static void stops(void)
{
	static const char text[] = "the whole request";
	uint8_t ready = ADMIT_READY, byte, digest[SHA384_LEN];
	const struct touchlog_shared *log = touchlog_shared();
	const uint64_t n = log->touches + 1;
	const struct touchlog_record *b = &log->ring[n];
	struct touch_record t;
	struct sha384 h;
	int fd = request(text, ALL), before;

	begin();
	ask(&ready, 1, 0);
	CHECK(front_answer() == FRONT_NOTHING);
	before = count_fds();
	CHECK(ask_for(OP_STOP, fd, sizeof text - 1, "why not", 7) == FRONT_STOP);
	expect(9, 0);
	CHECK(count_fds() == before);
	sha384_init(&h);
	sha384_update(&h, text, sizeof text - 1);
	sha384_final(&h, digest);
	CHECK(log->touches == n);
	CHECK(touch_parse(slice_of(b->bytes, b->len), &t) == RC_OK);
	CHECK(slice_is(t.operation, "stop") && slice_is(t.user, "open"));
	CHECK(slice_is(t.summary, "why not"));
	CHECK(slice_eq(t.digest, slice_of(digest, sizeof digest)));
	role_end(&front_role);
	CHECK(recv(role, &byte, 1, MSG_DONTWAIT) == 0);
	CHECK(front_role.again_ms == INT64_MAX);
	io_close(&fd);
	io_close(&role);
	CHECK(front_answer() == FRONT_NOTHING);
}

/* A role that never reads its answers does not hold PID 1. */
static void deaf(void)
{
	struct admit_request r = { .place = 1 };
	int rounds = 0;

	begin();
	while (front_role.sock >= 0 && ++rounds < 100000) {
		if (send(role, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		(void)front_answer();
	}
	CHECK(front_role.sock == -1);
	io_close(&role);
}

/* One message at a time: at boot nothing but the first is looked at. */
static void boot(void)
{
	uint8_t ready = ADMIT_READY;

	begin();
	front_role.ready = false;
	ask(&ready, 1, 0);
	ask(&ready, 1, 0);
	CHECK(front_answer() == FRONT_NOTHING && front_role.ready);
	CHECK(recv(front_role.sock, &ready, 1, MSG_DONTWAIT | MSG_PEEK) == 1);
	io_close(&role);
	io_close(&front_role.sock);
}

int main(void)
{
	int nsm = -1;

	module_reset();
	front_operations = ALL_OPERATIONS;
	if (!CHECK(nsm_open("", &nsm) == RC_OK && touchlog_open(nsm) == RC_OK))
		return test_end();
	boot();
	refused();
	unsealed();
	bad_summaries();
	deaf();
	unmarked();
	sessions_are_handed();
	full();
	launcher();
	not_admitted();
	stops();
	return test_end();
}
