/* The enclave's end of exec.
 *
 * Theory of operation. One poll loop moves bytes between the connection and
 * the command; nothing in it waits, and nothing grows:
 *
 * - connection -> command: the connection is always read, so that a signal is
 *   never stuck behind standard input that nobody reads. That is safe since
 *   the host may only send what it has credit for (STDIN_WINDOW), and as much
 *   fits into `pending`. Credit is given back as the command takes its input,
 *   also when it has closed it: then input is dropped.
 * - command -> connection: the command's output is read only when all that
 *   was read before has been sent.
 *
 * The command's end (its pidfd) starts the drain: what its pipes held at that
 * moment is sent, then EXIT. Each stream carries at most DRAIN_MAX more, which
 * is what a pipe can hold, so that processes left behind cannot prolong it.
 *
 * The command is not reaped before the end: until then its number, which is
 * that of its process group, belongs to nobody else.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/ring.h"
#include "channel/exec_spawn.h"
#include "channel/session.h"
#include "channel/stream.h"

enum {
	CHUNK = 65536,                  /* bytes of output a frame; a pipe's size */
	DRAIN_MAX = 131072,             /* a pipe's size, or what a terminal holds, and more */
	CREDIT_STEP = STDIN_WINDOW / 2, /* given back at once, to save frames */
	CONTROL_ROOM = 256,             /* ACCEPT, CREDIT, EXIT, ERROR */
	OUT_MAX = 2 * (FRAME_HEAD + CHUNK) + CONTROL_ROOM,
	HANGUP_MS = 5000, /* from SIGHUP to SIGKILL */
};

static struct exec {
	int conn;
	struct wbuf out; /* frames for the host */
	size_t sent;     /* bytes of out that have gone */
	struct spawned cmd;
	struct ring pending; /* input that the command has not taken */
	size_t window;       /* bytes that the host may still send */
	bool takes_input;    /* STDIN is in turn; then it ends */
	uint8_t last;        /* last byte of input, for a terminal */
	bool ended;          /* the command has, */
	siginfo_t how;       /* and how */
	size_t left[3];      /* bytes that a stream may carry once it has */
	bool exit_sent;      /* EXIT is in out */
	/* From here on nothing is cleared, so that pages exist once used. */
	struct stream_in in;
	uint8_t out_mem[OUT_MAX];
	uint8_t waiting[STDIN_WINDOW]; /* of pending */
} x;

/* --- towards the command --- */

/* A terminal ends its input where a line begins; elsewhere the character only
 * hands over what has been typed. */
static void end_terminal(void)
{
	struct termios t;
	char eof[2];

	if (tcgetattr(x.cmd.fd[STDIN_FILENO], &t) != 0)
		return;
	eof[0] = eof[1] = (char)t.c_cc[VEOF];
	(void)!write(x.cmd.fd[STDIN_FILENO], eof, x.last == '\n' ? 1 : 2);
}

static void write_input(void)
{
	int *fd = &x.cmd.fd[STDIN_FILENO];

	while (x.pending.len > 0 && *fd >= 0) {
		struct slice s = ring_part(&x.pending, 0);
		ssize_t n = write(*fd, s.p, s.len);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			io_close(fd); /* nobody reads it any more */
			break;
		}
		x.last = s.p[n - 1];
		ring_drop(&x.pending, (size_t)n);
	}
	ring_drop(&x.pending, x.pending.len);
	if (x.takes_input || *fd < 0)
		return;
	if (x.cmd.tty)
		end_terminal();
	io_close(fd);
}

static void send_signal(int number)
{
	pid_t front = x.cmd.tty ? tcgetpgrp(x.cmd.fd[STDOUT_FILENO]) : -1;

	if (!x.ended)
		(void)kill(-(front > 1 ? front : x.cmd.pid), number);
}

/* false: not a frame that the host may send now. */
static bool take_frame(enum frame_type type, struct slice payload)
{
	struct winsize size;
	uint64_t n;

	switch (type) {
	case FRAME_STDIN:
		if (!x.takes_input || payload.len > x.window)
			return false;
		x.takes_input = payload.len > 0;
		x.window -= payload.len;
		ring_put(&x.pending, payload.p, payload.len); /* the window is its room */
		return true;
	case FRAME_SIGNAL:
		if (!number_parse(payload, 31, &n) || n == 0)
			return false;
		send_signal((int)n);
		return true;
	case FRAME_WINSIZE:
		if (!number_parse(payload, UINT32_MAX, &n) || !x.cmd.tty)
			return false;
		size = (struct winsize){ (uint16_t)(n >> 16), (uint16_t)n, 0, 0 };
		(void)ioctl(x.cmd.fd[STDOUT_FILENO], TIOCSWINSZ, &size);
		return true;
	default: return false;
	}
}

/* RC_OK; RC_BAD: the host broke the protocol; RC_EOF: it has gone, or gives
 * up. */
static enum rc read_host(void)
{
	enum frame_type type;
	struct slice payload;
	enum rc rc = stream_in_read(&x.in);

	if (rc == RC_MORE)
		return RC_OK;
	if (rc != RC_OK)
		return RC_EOF;
	while ((rc = stream_in_take(&x.in, &type, &payload)) == RC_OK) {
		if (type == FRAME_ERROR)
			return RC_EOF;
		if (!take_frame(type, payload))
			return RC_BAD;
	}
	write_input();
	return rc == RC_MORE ? RC_OK : RC_BAD;
}

/* --- towards the host --- */

/* Reads once from one of the command's streams, into a frame. After the
 * command's end a stream is over when it is empty, or has carried its share. */
static void carry(int stream)
{
	int *fd = &x.cmd.fd[stream];
	uint8_t *at = x.out.p + x.out.len;
	size_t max = x.left[stream] < CHUNK ? x.left[stream] : CHUNK;
	ssize_t n = *fd >= 0 ? read(*fd, at + FRAME_HEAD, max) : 0;

	if (n < 0 && (errno == EINTR || (errno == EAGAIN && !x.ended)))
		return;
	if (n <= 0) {
		io_close(fd); /* a terminal's end is EIO */
		return;
	}
	frame_put_head(at, stream == STDOUT_FILENO ? FRAME_STDOUT : FRAME_STDERR, (size_t)n);
	x.out.len += FRAME_HEAD + (size_t)n;
	if (x.ended)
		x.left[stream] -= (size_t)n;
}

static void give_credit(void)
{
	size_t taken = STDIN_WINDOW - x.window - x.pending.len;

	if (taken < CREDIT_STEP || !x.takes_input || x.ended ||
	    x.out.max - x.out.len < CONTROL_ROOM)
		return;
	number_put(&x.out, FRAME_CREDIT, taken);
	x.window += taken;
}

/* As its pidfd says. The command stays a zombie: see above. */
static void note_end(void)
{
	(void)waitid(P_PID, (id_t)x.cmd.pid, &x.how, WEXITED | WNOHANG | WNOWAIT);
	io_close(&x.cmd.pidfd);
	x.ended = true;
}

static void put_exit(void)
{
	if (!x.ended || x.exit_sent || x.cmd.fd[STDOUT_FILENO] >= 0 || x.cmd.fd[STDERR_FILENO] >= 0)
		return;
	number_put(&x.out, FRAME_EXIT,
	           (uint64_t)x.how.si_status + (x.how.si_code == CLD_EXITED ? 0 : EXIT_KILLED));
	x.exit_sent = true;
}

/* --- the session --- */

/* full: not all of out has gone. */
static enum rc wait_and_move(bool full, int wait_ms)
{
	const int *fd = x.cmd.fd;
	struct pollfd p[5] = {
		{ x.pending.len > 0 ? fd[STDIN_FILENO] : -1, POLLOUT, 0 },
		{ full ? -1 : fd[STDOUT_FILENO], POLLIN, 0 },
		{ full ? -1 : fd[STDERR_FILENO], POLLIN, 0 },
		{ x.conn, (short)(POLLIN | (full ? POLLOUT : 0)), 0 },
		{ x.cmd.pidfd, POLLIN, 0 },
	};

	if (poll(p, 5, wait_ms) < 0)
		return errno == EINTR ? RC_OK : RC_EOF;
	if (p[4].revents)
		note_end(); /* first: what was written before is in the pipes by now */
	if (p[0].revents)
		write_input();
	for (int i = STDOUT_FILENO; i <= STDERR_FILENO && !full; i++)
		if (p[i].revents || x.ended)
			carry(i);
	if (!full)
		put_exit();
	return p[3].revents & ~POLLOUT ? read_host() : RC_OK;
}

/* RC_OK: EXIT has been sent; RC_BAD, RC_EOF as read_host. */
static enum rc run(void)
{
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		give_credit();
		rc = stream_push(x.conn, &x.out, &x.sent);
		if (rc == RC_OK && x.exit_sent)
			return RC_OK;
		if (rc != RC_OK && rc != RC_MORE)
			return RC_EOF;
		/* Not waited for, when there may be more to drain. */
		rc = wait_and_move(rc == RC_MORE, x.ended && rc == RC_OK ? 0 : -1);
	}
	return rc;
}

/* Sends what is left of the frame that was begun, and waits for the peer to
 * close. */
static void send_rest(int64_t wait_ms)
{
	session_end(x.conn, slice_of(x.out.p + x.sent, x.out.len - x.sent), wait_ms);
}

/* The connection ended before EXIT. A command that still runs is ended with
 * all of its group, which may outlive it: so the time is always given whole. */
static void abandon(enum rc why)
{
	int64_t until_ms = clock_mono_ms() + HANGUP_MS, left_ms;

	if (!x.ended) {
		(void)kill(-x.cmd.pid, SIGHUP);
		(void)kill(-x.cmd.pid, SIGCONT);
	}
	io_close(&x.cmd.fd[STDIN_FILENO]);
	if (x.cmd.tty)
		exec_spawn_close(&x.cmd); /* it hangs up */
	if (why == RC_BAD) {
		error_put(&x.out, ERR_PROTOCOL, "a frame that exec does not allow");
		send_rest(HANGUP_MS);
	}
	(void)shutdown(x.conn, SHUT_RDWR);
	if (x.ended)
		return;
	/* Its output is read for nobody, so that a command that tidies up is not ended
	 * by SIGPIPE when it says so. */
	x.conn = -1;
	io_close(&x.cmd.pidfd);
	while ((left_ms = until_ms - clock_mono_ms()) > 0) {
		x.out.len = 0;
		(void)!wait_and_move(false, (int)left_ms);
	}
	(void)kill(-x.cmd.pid, SIGKILL);
}

void exec_serve(int conn, const struct request *r)
{
	static struct failure failure;
	enum rc rc = RC_OK;

	(void)signal(SIGPIPE, SIG_IGN);
	memset(&x, 0, offsetof(struct exec, in));
	x.window = STDIN_WINDOW;
	x.pending = (struct ring){ .p = x.waiting, .max = sizeof x.waiting };
	x.last = '\n';
	x.left[STDOUT_FILENO] = x.left[STDERR_FILENO] = DRAIN_MAX;
	x.conn = conn;
	x.out = wbuf_of(x.out_mem, sizeof x.out_mem);
	stream_in_init(&x.in, conn, MSG_DONTWAIT, NULL);
	if (exec_spawn(r, &x.cmd, &failure) != RC_OK) {
		session_fail(conn, failure.code, failure.text);
		return;
	}
	frame_put(&x.out, FRAME_ACCEPT, slice_of(NULL, 0));
	x.takes_input = (r->flags & EXEC_STDIN) != 0;
	if (!(r->flags & EXEC_DETACH))
		rc = run();
	if (rc != RC_OK)
		abandon(rc);
	exec_spawn_close(&x.cmd);
	if (rc == RC_OK)
		send_rest(SESSION_CLOSE_MS);
}
