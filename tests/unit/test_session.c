/* channel/session.h: a session process from its hand-over to its end. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "appliance/base/pass.h"
#include "channel/admit.h"
#include "channel/host_message.h"
#include "channel/session.h"
#include "tests/unit/test.h"

enum { PAIR = 3 };

static pid_t child;
static int kept = -1; /* the session's end of the connection, as it has it */

/* Starts a session as PID 1 does; our end of its pair. */
static int start(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	child = fork();
	if (child == 0) {
		dup2(pair[1], PAIR);
		for (int fd = PAIR + 1; fd < 64; fd++)
			close(fd);
		_exit(session_main(PAIR));
	}
	close(pair[1]);
	return pair[0];
}

static int status(void)
{
	int st = -1;

	CHECK(waitpid(child, &st, 0) == child);
	return st;
}

static enum frame_type next(int fd, uint8_t *body, size_t max, size_t *len)
{
	uint8_t head[FRAME_HEAD];
	struct frame f;

	if (!CHECK(io_read_full(fd, head, sizeof head) == RC_OK) ||
	    !CHECK(frame_head(slice_of(head, sizeof head), &f) == RC_OK) || !CHECK(f.len <= max) ||
	    !CHECK(io_read_full(fd, body, f.len) == RC_OK))
		return 0;
	*len = f.len;
	return f.type;
}

/* Hands over request bytes with a non-blocking connection, as the front's
 * are; the peer's end. */
static int begin(struct slice request)
{
	static struct admit_request m = { .op = OP_EXEC };
	int pair = start(), conn[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn) == 0);
	CHECK(fcntl(conn[1], F_SETFL, O_NONBLOCK) == 0);
	memcpy(m.request, request.p, request.len);
	CHECK(pass_send(pair, &m, ADMIT_HEAD + request.len, conn[1]) == RC_OK);
	kept = conn[1];
	close(pair);
	return conn[0];
}

static void runs(void)
{
	static const char *const args[] = { "/bin/sh", "-c", "exit 7" };
	uint8_t mem[512], body[FRAME_CONTROL_MAX];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct request r = { .op = OP_EXEC, .argc = 3, .rows = 24, .cols = 80 };
	uint64_t n = 0;
	size_t len;
	int fd;

	for (size_t i = 0; i < 3; i++)
		r.argv[i] = slice_str(args[i]);
	request_put(&w, &r);
	fd = begin(slice_of(mem + FRAME_HEAD, w.len - FRAME_HEAD));
	CHECK(next(fd, body, sizeof body, &len) == FRAME_ACCEPT && len == 0);
	CHECK((fcntl(kept, F_GETFL) & O_NONBLOCK) == 0);
	CHECK(next(fd, body, sizeof body, &len) == FRAME_EXIT);
	CHECK(number_parse(slice_of(body, len), UINT64_MAX, &n) && n == 7);
	io_close(&kept);
	io_close(&fd);
	CHECK(status() == 0);
}

static void refused(struct slice request)
{
	uint8_t body[FRAME_CONTROL_MAX];
	struct error_msg e = { 0 };
	size_t len;
	int fd = begin(request);

	CHECK(next(fd, body, sizeof body, &len) == FRAME_ERROR);
	CHECK(error_parse(slice_of(body, len), &e) == RC_OK && e.code == ERR_PROTOCOL);
	io_close(&kept);
	io_close(&fd);
	CHECK(WEXITSTATUS(status()) == 1);
}

/* A request that is empty, malformed, and one of another operation than PID 1 knows. */
static void refusals(void)
{
	uint8_t mem[64];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct request r = { .op = OP_PUSH, .argc = 1, .argv = { slice_str("/tmp/x") } };

	refused(slice_str(""));
	refused(slice_str("\xa1\x01\x01"));
	request_put(&w, &r);
	refused(slice_of(mem + FRAME_HEAD, w.len - FRAME_HEAD));
}

/* No work; a message without a connection, too long, or with two. */
static void idle(void)
{
	static const uint8_t much[sizeof(struct admit_request) + 1];
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .h = { CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)much, ADMIT_HEAD + 1 };
	struct msghdr msg = { .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = &control,
		              .msg_controllen = sizeof control };
	int pair = start();

	io_close(&pair);
	CHECK(status() == 0);

	pair = start();
	CHECK(send(pair, much, ADMIT_HEAD + 1, 0) == ADMIT_HEAD + 1);
	CHECK(WEXITSTATUS(status()) == 1);
	io_close(&pair);

	pair = start();
	CHECK(pass_send(pair, much, sizeof much, 1) == RC_OK);
	CHECK(WEXITSTATUS(status()) == 1);
	io_close(&pair);

	pair = start();
	memcpy(CMSG_DATA(&control.h), (int[]){ 0, 1 }, 2 * sizeof(int));
	CHECK(sendmsg(pair, &msg, 0) == ADMIT_HEAD + 1);
	CHECK(WEXITSTATUS(status()) == 1);
	io_close(&pair);
}

/* ERROR goes out although the peer first sends more than fits, and the call
 * returns when the peer closes. */
static void fails(void)
{
	static uint8_t much[1 << 20];
	uint8_t body[FRAME_CONTROL_MAX];
	struct error_msg e = { 0 };
	int conn[2];
	size_t len;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn) == 0);
	child = fork();
	if (child == 0) {
		close(conn[0]);
		session_fail(conn[1], ERR_NO_SPACE, "the file system is full");
		_exit(0);
	}
	close(conn[1]);
	CHECK(io_write_full(conn[0], much, sizeof much) == RC_OK);
	CHECK(next(conn[0], body, sizeof body, &len) == FRAME_ERROR);
	CHECK(error_parse(slice_of(body, len), &e) == RC_OK && e.code == ERR_NO_SPACE);
	CHECK(slice_is(e.text, "the file system is full"));
	io_close(&conn[0]);
	CHECK(status() == 0);
}

int main(void)
{
	runs();
	refusals();
	idle();
	fails();
	return test_end();
}
