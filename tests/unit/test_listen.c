/* channel/listen.h: the front against peers and a PID 1 of the test's own.
 * Each case runs the loop in a process of its own, over Unix sockets.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "appliance/base/dcbor.h"
#include "appliance/base/io.h"
#include "appliance/base/pass.h"
#include "appliance/role.h"
#include "channel/admit.h"
#include "channel/host_message.h"
#include "channel/listen.h"
#include "tests/unit/test.h"

static struct sockaddr_un at;
static socklen_t at_len;
static pid_t front;
static int admit = -1; /* PID 1's end */
static bool roomy;     /* the pair is as PID 1 makes it, which takes CAP_NET_ADMIN */
static int queue = ROLE_QUEUE_MAX / 2;

static void start(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), pair[2];

	at.sun_family = AF_UNIX;
	at_len = sizeof at.sun_family; /* the kernel gives an abstract name */
	CHECK(bind(listener, (struct sockaddr *)&at, at_len) == 0);
	at_len = sizeof at;
	CHECK(getsockname(listener, (struct sockaddr *)&at, &at_len) == 0);
	CHECK(listen(listener, PENDING_BACKLOG) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	roomy = setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &queue, sizeof queue) == 0;
	front = fork();
	if (front == 0) {
		close(pair[0]);
		_exit(listen_serve(listener, pair[1]));
	}
	close(pair[1]);
	close(listener);
	admit = pair[0];
}

/* The loop ends with 0 once PID 1 shuts the pair down. */
static void finish(void)
{
	int status = -1;

	shutdown(admit, SHUT_WR);
	CHECK(waitpid(front, &status, 0) == front && status == 0);
	io_close(&admit);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&at, at_len) == 0);
	return fd;
}

static void say(int fd, struct slice s)
{
	CHECK(io_write_full(fd, s.p, s.len) == RC_OK);
}

static struct slice request(uint8_t *mem, size_t max, enum request_op op)
{
	static const char *const args[] = { "/bin/true", "x" };
	struct wbuf w = wbuf_of(mem, max);
	struct request r = { .op = op, .argc = op == OP_STOP ? 0 : 2, .rows = 24, .cols = 80 };

	for (size_t i = 0; i < r.argc; i++)
		r.argv[i] = slice_str(args[i]);
	request_put(&w, &r);
	CHECK(!w.over);
	return wbuf_slice(&w);
}

/* What the front asks PID 1, with a request of len bytes; conn is the caller's to
 * close. */
static struct admit_request req;

static bool asked(int *conn, size_t *len)
{
	ssize_t n = pass_recv(admit, &req, sizeof req, 0, conn);

	*len = (size_t)n - ADMIT_HEAD;
	return CHECK(n > ADMIT_HEAD && *conn >= 0);
}

static bool closed(int fd)
{
	uint8_t b;

	return read(fd, &b, 1) == 0;
}

/* Reads one ERROR frame; its code. */
static enum error_code error_of(int fd)
{
	uint8_t head[FRAME_HEAD], body[FRAME_CONTROL_MAX];
	struct error_msg e = { 0 };
	struct frame f;

	if (!CHECK(io_read_full(fd, head, sizeof head) == RC_OK))
		return 0;
	if (!CHECK(frame_head(slice_of(head, sizeof head), &f) == RC_OK && f.type == FRAME_ERROR))
		return 0;
	CHECK(io_read_full(fd, body, f.len) == RC_OK);
	CHECK(error_parse(slice_of(body, f.len), &e) == RC_OK);
	return e.code;
}

/* The request arrives whole and checked, however it was cut; what follows it
 * is still in the connection, for the session. */
static void admits(bool bytewise)
{
	uint8_t mem[256], copy[256];
	struct slice s = request(mem, sizeof mem, OP_EXEC);
	int fd = dial(), conn = -1;
	size_t len;

	for (size_t i = 0; bytewise && i < s.len; i++)
		say(fd, slice_of(s.p + i, 1));
	if (!bytewise)
		say(fd, s);
	say(fd, slice_str("next"));
	if (!asked(&conn, &len))
		return;
	CHECK(req.op == OP_EXEC && len == s.len - FRAME_HEAD);
	CHECK(req.summary_len == 11 && memcmp(req.summary, "/bin/true x", 11) == 0);
	CHECK(memcmp(req.request, s.p + FRAME_HEAD, len) == 0);
	CHECK(recv(conn, copy, sizeof copy, 0) == 4 && memcmp(copy, "next", 4) == 0);
	/* The front has let go of it, so that our copy is the last. */
	CHECK(io_write_full(conn, "bye", 3) == RC_OK);
	io_close(&conn);
	CHECK(io_read_full(fd, copy, 3) == RC_OK && closed(fd));
	io_close(&fd);
}

static void admission(void)
{
	start();
	admits(false);
	admits(true);
	finish();
}

/* What people will read of a request in the touch log: arguments and paths,
 * never the environment, nothing that a terminal obeys, no more than fits. */
static void summaries(void)
{
	static char longest[200];
	uint8_t mem[1024];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct request r = { .op = OP_EXEC, .argc = 3, .envc = 1, .rows = 24, .cols = 80 };
	int fd, conn = -1;
	size_t len;

	memset(longest, 'l', sizeof longest - 1);
	r.argv[0] = slice_str("/bin/echo");
	r.argv[1] = slice_str("\x1b[2J\xc3\xa9");
	r.argv[2] = slice_str(longest);
	r.env[0] = slice_str("PASSWORD=secret");
	request_put(&w, &r);
	start();
	fd = dial();
	say(fd, wbuf_slice(&w));
	if (asked(&conn, &len)) {
		CHECK(req.summary_len == ADMIT_SUMMARY_MAX);
		CHECK(memcmp(req.summary, "/bin/echo ?[2J?? lllll", 22) == 0);
		CHECK(memmem(req.summary, sizeof req.summary, "secret", 6) == NULL);
		io_close(&conn);
	}
	io_close(&fd);
	finish();
}

/* Each first frame gets that error, and then the peer may close. */
static void refusals(void)
{
	static const struct {
		size_t len;
		uint8_t bytes[16];
		enum error_code code;
	} bad[] = {
		{ 4, { 0x7f, 0, 0, 0 }, ERR_PROTOCOL },          /* unknown type, no more */
		{ 4, { 0x02, 0, 0, 1 }, ERR_PROTOCOL },          /* out of turn */
		{ 4, { 0x01, 0x01, 0x00, 0x01 }, ERR_PROTOCOL }, /* too long by one */
		{ 4, { 0x01, 0xff, 0xff, 0xff }, ERR_PROTOCOL },
		{ 4, { 0x01, 0, 0, 0 }, ERR_PROTOCOL },       /* empty */
		{ 5, { 0x01, 0, 0, 1, 0xa0 }, ERR_PROTOCOL }, /* no keys */
		{ 9, { 0x01, 0, 0, 5, 0xa2, 1, 1, 2, 4 }, ERR_VERSION },
		{ 9, { 0x01, 0, 0, 5, 0xa2, 1, 2, 2, 9 }, ERR_PROTOCOL }, /* no such operation */
	};

	start();
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int fd = dial();

		say(fd, slice_of(bad[i].bytes, bad[i].len));
		CHECK(error_of(fd) == bad[i].code);
		io_close(&fd);
	}
	admits(false);
	finish();
}

/* A peer that goes away at any byte leaves the front as it was. */
static void cuts(void)
{
	uint8_t mem[256];
	struct slice s = request(mem, sizeof mem, OP_EXEC);

	start();
	for (size_t n = 0; n < s.len; n++) {
		int fd = dial();

		say(fd, slice_of(s.p, n));
		io_close(&fd);
	}
	admits(false);
	finish();
}

/* More silent peers than places, and one that means it. */
static void silence(void)
{
	enum { MANY = 1000 };
	static int fds[MANY];

	start();
	for (int i = 0; i < MANY; i++)
		fds[i] = dial();
	admits(false);
	CHECK(error_of(fds[0]) == ERR_DEADLINE && closed(fds[0]));
	for (int i = 0; i < MANY; i++)
		io_close(&fds[i]);
	admits(false);
	finish();
}

/* A request of nearly the longest kind. */
static struct slice long_request(uint8_t *mem, size_t max)
{
	static char text[REQUEST_STRING_MAX];
	struct wbuf w = wbuf_of(mem, max);
	struct request r = { .op = OP_EXEC, .argc = 15, .rows = 24, .cols = 80 };

	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < r.argc; i++)
		r.argv[i] = slice_of(text, sizeof text);
	request_put(&w, &r);
	CHECK(!w.over);
	return wbuf_slice(&w);
}

/* As many as there are places, and as many again: none waits for the other. */
static void full(bool longest)
{
	static uint8_t big[FRAME_HEAD + FRAME_REQUEST_MAX];
	static int fds[2 * PENDING_MAX];
	uint8_t mem[256];
	struct slice s = request(mem, sizeof mem, OP_EXEC);
	int n = longest ? PENDING_MAX : 2 * PENDING_MAX, conn;
	size_t len;

	start();
	if (longest)
		s = long_request(big, sizeof big);
	for (int i = 0; i < n; i++) {
		fds[i] = dial();
		say(fds[i], s);
	}
	for (int i = 0; i < n; i++) {
		if (!asked(&conn, &len))
			return;
		io_close(&conn);
	}
	for (int i = 0; i < n; i++) {
		CHECK(closed(fds[i]));
		io_close(&fds[i]);
	}
	admits(false);
	finish();
}

/* What PID 1 does not take yet waits, and is asked again: nobody is refused. */
static void choked(void)
{
	enum { MANY = 8 };
	static uint8_t big[FRAME_HEAD + FRAME_REQUEST_MAX];
	struct slice s = long_request(big, sizeof big);
	int fds[MANY], conn, served = 0;
	size_t len;

	queue = 100000; /* twice that is three of them */
	start();
	for (int i = 0; i < MANY; i++) {
		fds[i] = dial();
		say(fds[i], s);
	}
	for (int i = 0; i < MANY && asked(&conn, &len); i++) {
		served += len == s.len - FRAME_HEAD;
		io_close(&conn);
	}
	CHECK(served == MANY);
	for (int i = 0; i < MANY; i++)
		io_close(&fds[i]);
	finish();
	queue = ROLE_QUEUE_MAX / 2;
}

/* Who asks to stop hears PID 1, though the front is told to end right away; who only
 * waits is cut. */
static void stop(void)
{
	uint8_t mem[256], got[4];
	struct slice s = request(mem, sizeof mem, OP_STOP);
	int idle, fd, conn;
	size_t len;

	start();
	idle = dial();
	fd = dial();
	say(fd, s);
	if (asked(&conn, &len)) {
		CHECK(req.op == OP_STOP && len == s.len - FRAME_HEAD);
		CHECK(io_write_full(conn, "yes", 3) == RC_OK);
		shutdown(admit, SHUT_WR);
		io_close(&conn);
		CHECK(io_read_full(fd, got, 3) == RC_OK && memcmp(got, "yes", 3) == 0);
		CHECK(closed(idle));
		/* It is there until we are not. */
		CHECK(recv(fd, got, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	}
	io_close(&idle);
	io_close(&fd);
	finish();
}

int main(void)
{
	admission();
	summaries();
	refusals();
	cuts();
	silence();
	full(false);
	if (roomy)
		full(true);
	choked();
	stop();
	return test_end();
}
