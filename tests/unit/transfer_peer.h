/* Both ends of a transfer against each other over a socket pair, and a sender
 * made by hand: what the tests of push and pull share. */
#ifndef TESTS_UNIT_TRANSFER_PEER_H
#define TESTS_UNIT_TRANSFER_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/host_message.h"
#include "channel/session.h"
#include "channel/transfer.h"
#include "tests/unit/test.h"

static char root[] = "/tmp/casemate-transfer-XXXXXX";

static const char *in_root(const char *fmt, const char *a)
{
	static char path[4][512];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof path[0], "%s/", root);
	snprintf(p + strlen(p), sizeof path[0] - strlen(p), fmt, a);
	return p;
}

static int sh(const char *script)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (chdir(root) != 0)
			_exit(99);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(98);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The enclave's end in a process of its own: one request, served. */
static void serve(int fd)
{
	static uint8_t mem[FRAME_REQUEST_MAX];
	static struct request r;
	struct frame f;
	uint8_t head[FRAME_HEAD];

	if (io_read_full(fd, head, sizeof head) != RC_OK ||
	    frame_head(slice_of(head, sizeof head), &f) != RC_OK || f.type != FRAME_REQUEST ||
	    io_read_full(fd, mem, f.len) != RC_OK ||
	    request_parse(slice_of(mem, f.len), &r) != RC_OK)
		_exit(3);
	if (r.op == OP_PUSH)
		push_serve(fd, &r);
	else
		pull_serve(fd, &r);
}

static int enclave(pid_t *pid)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		exit(1);
	fflush(stdout);
	*pid = fork();
	if (*pid == 0) {
		close(pair[0]);
		serve(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	return pair[0];
}

static bool ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* push (or pull) src to dst through the real code; RC and *t as transfer.h. */
static enum rc copy(bool push, const char *src, const char *dst, struct transfer *t)
{
	char from[600];
	char *list[1] = { from };
	pid_t pid;
	int fd = enclave(&pid);
	enum rc rc;

	snprintf(from, sizeof from, "%s", src);
	rc = push ? transfer_push(fd, t, list, 1, dst, false)
	          : transfer_pull(fd, t, list, 1, dst, false);
	close(fd);
	CHECK(ended_well(pid));
	return rc;
}

static bool clean(void)
{
	return sh("test -z \"$(find . -name '.casemate-*')\"") == 0;
}

/* --- a conversation made by hand --- */

struct talk {
	struct wbuf w;
	struct sha384 transfer;
	uint8_t mem[1 << 20];
};

static struct talk talk;

static void noted(size_t from)
{
	sha384_update(&talk.transfer, talk.w.p + from, 1);
	sha384_update(&talk.transfer, talk.w.p + from + FRAME_HEAD, talk.w.len - from - FRAME_HEAD);
}

static void talk_begin(void)
{
	talk.w = wbuf_of(talk.mem, sizeof talk.mem);
	sha384_init(&talk.transfer);
}

static void say(enum entry_kind kind, const char *name, int64_t size, const char *target)
{
	struct entry e = { .kind = kind,
		           .name = slice_str(name),
		           .mode = 0755,
		           .mtime_s = 1,
		           .size = size,
		           .target = slice_str(target) };
	size_t from = talk.w.len;

	entry_put(&talk.w, &e);
	noted(from);
}

static void ask_push(int fd, const char *dst, unsigned flags)
{
	struct request r = { .op = OP_PUSH, .flags = flags, .argc = 1, .argv = { slice_str(dst) } };
	uint8_t mem[1024];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	request_put(&w, &r);
	CHECK(io_write_full(fd, w.p, w.len) == RC_OK);
}

/* The next frame but ACCEPT; its type, or 0 at the end. */
static unsigned next_frame(int fd, uint8_t *payload, size_t max, size_t *len)
{
	uint8_t head[FRAME_HEAD];
	struct frame f;

	do {
		if (io_read_full(fd, head, sizeof head) != RC_OK)
			return 0;
		CHECK(frame_head(slice_of(head, sizeof head), &f) == RC_OK && f.len <= max);
		if (f.len > max || io_read_full(fd, payload, f.len) != RC_OK)
			return 0;
	} while (f.type == FRAME_ACCEPT);
	*len = f.len;
	return f.type;
}

/* Says the talk's first n bytes to a real receiver and closes; the error code
 * it answers with, 0 for RESULT, -1 when it says nothing more. */
static int say_to_receiver(size_t n, unsigned flags)
{
	uint8_t payload[FRAME_CONTROL_MAX];
	struct error_msg e;
	size_t len = 0;
	pid_t pid;
	int fd = enclave(&pid), code = -1;
	unsigned type;

	ask_push(fd, in_root("in", NULL), flags);
	/* A receiver that has refused may be gone already. */
	(void)!send(fd, talk.mem, n, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	do
		type = next_frame(fd, payload, sizeof payload, &len);
	while (type == FRAME_HAVE);
	if (type == FRAME_RESULT)
		code = 0;
	else if (type == FRAME_ERROR && error_parse(slice_of(payload, len), &e) == RC_OK)
		code = (int)e.code;
	close(fd);
	CHECK(ended_well(pid));
	return code;
}

static bool peer_begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	return mkdtemp(root) != NULL;
}

/* At the end: removes what the test has made. */
static int peer_end(void)
{
	CHECK(sh("chmod -R u+w . && rm -rf \"$PWD\"") == 0);
	return test_end();
}

#endif
