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
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/duplex.h"
#include "channel/exec_spawn.h"
#include "channel/session.h"

enum {
	CHUNK = 65536,                  /* bytes of output a frame; a pipe's size */
	DRAIN_MAX = 131072,             /* a pipe's size, or what a terminal holds, and more */
	CREDIT_STEP = STDIN_WINDOW / 2, /* given back at once, to save frames */
	CONTROL_ROOM = 256,             /* ACCEPT, CREDIT, EXIT */
	IN_MAX = FRAME_HEAD + STDIN_WINDOW,
	OUT_MAX = 2 * (FRAME_HEAD + CHUNK) + CONTROL_ROOM,
	HANGUP_MS = 5000, /* from SIGHUP to SIGKILL */
};

static struct exec {
	struct duplex link;
	struct spawned cmd;
	size_t at, len;   /* of pending */
	uint32_t window;  /* bytes that the host may still send */
	uint32_t due;     /* bytes taken and not yet given back */
	bool takes_input; /* STDIN is in turn; then it ends */
	uint8_t last;     /* last byte of input, for a terminal */
	bool ended;       /* the command has; exit is set */
	struct exit_msg exit;
	size_t drained[2]; /* bytes since then, of output and error */
	bool exit_sent;    /* EXIT is in link.out */
	/* From here on nothing is cleared, so that pages exist once used. */
	uint8_t in[IN_MAX], out[OUT_MAX];
	/* A ring of input that the command has not taken. */
	uint8_t pending[STDIN_WINDOW];
} x;

static_assert((int)STDIN_WINDOW >= (int)FRAME_CONTROL_MAX, "every frame of the host fits into in");

/* --- towards the command --- */

static void give_back(size_t n)
{
	x.due += (uint32_t)n;
}

static void drop_pending(void)
{
	give_back(x.len);
	x.len = 0;
}

static void keep_pending(struct slice s)
{
	size_t to = (x.at + x.len) % STDIN_WINDOW;
	size_t first = s.len < STDIN_WINDOW - to ? s.len : STDIN_WINDOW - to;

	memcpy(x.pending + to, s.p, first);
	if (first < s.len)
		memcpy(x.pending, s.p + first, s.len - first);
	x.len += s.len;
}

/* A terminal ends its input where a line begins; elsewhere the character only
 * hands over what has been typed. */
static void end_terminal(void)
{
	struct termios t;
	char eof[2];

	if (tcgetattr(x.cmd.in, &t) != 0)
		return;
	eof[0] = eof[1] = (char)t.c_cc[VEOF];
	(void)!write(x.cmd.in, eof, x.last == '\n' ? 1 : 2);
}

static void end_input_when_written(void)
{
	if (x.takes_input || x.len > 0 || x.cmd.in < 0)
		return;
	if (x.cmd.tty)
		end_terminal();
	io_close(&x.cmd.in);
}

static void write_input(void)
{
	while (x.len > 0 && x.cmd.in >= 0) {
		size_t first = x.len < STDIN_WINDOW - x.at ? x.len : STDIN_WINDOW - x.at;
		ssize_t n = write(x.cmd.in, x.pending + x.at, first);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			io_close(&x.cmd.in); /* nobody reads it any more */
			break;
		}
		x.last = x.pending[x.at + (size_t)n - 1];
		x.at = (x.at + (size_t)n) % STDIN_WINDOW;
		x.len -= (size_t)n;
		give_back((size_t)n);
	}
	if (x.cmd.in < 0)
		drop_pending();
	end_input_when_written();
}

static void send_signal(int number)
{
	pid_t group = x.cmd.pid;

	if (x.ended)
		return;
	if (x.cmd.tty) {
		pid_t front = tcgetpgrp(x.cmd.out);

		if (front > 1)
			group = front;
	}
	(void)kill(-group, number);
}

/* false: not a frame that the host may send now. */
static bool take_frame(enum frame_type type, struct slice payload)
{
	struct winsize size = { 0 };
	int number;

	switch (type) {
	case FRAME_STDIN:
		if (!x.takes_input || payload.len > x.window)
			return false;
		x.window -= (uint32_t)payload.len;
		keep_pending(payload);
		return true;
	case FRAME_STDIN_END:
		if (!x.takes_input || payload.len > 0)
			return false;
		x.takes_input = false;
		return true;
	case FRAME_SIGNAL:
		if (signal_parse(payload, &number) != RC_OK)
			return false;
		send_signal(number);
		return true;
	case FRAME_WINSIZE:
		if (winsize_parse(payload, &size.ws_row, &size.ws_col) != RC_OK || !x.cmd.tty)
			return false;
		if (x.cmd.out >= 0)
			(void)ioctl(x.cmd.out, TIOCSWINSZ, &size);
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
	enum rc rc = duplex_recv(&x.link);

	if (rc == RC_MORE)
		return RC_OK;
	if (rc != RC_OK)
		return RC_EOF;
	while ((rc = duplex_next(&x.link, &type, &payload)) == RC_OK) {
		if (type == FRAME_ERROR)
			return RC_EOF;
		if (!take_frame(type, payload))
			return RC_BAD;
	}
	write_input();
	return rc == RC_MORE ? RC_OK : RC_BAD;
}

/* --- towards the host --- */

/* Reads once from the command, at most `max` bytes, into a frame. false: there
 * is nothing to wait for on this descriptor any more, or for now. */
static bool carry(int *fd, enum frame_type type, size_t max)
{
	uint8_t *at = x.link.out.p + x.link.out.len;
	ssize_t n;

	do
		n = read(*fd, at + FRAME_HEAD, max);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		io_close(fd); /* a terminal's end is EIO */
		return false;
	}
	frame_put_head(at, type, (size_t)n);
	x.link.out.len += FRAME_HEAD + (size_t)n;
	return true;
}

static void carry_output(bool out_ready, bool err_ready)
{
	if (duplex_pending(&x.link))
		return;
	if (x.cmd.out >= 0 && out_ready)
		(void)carry(&x.cmd.out, FRAME_STDOUT, CHUNK);
	if (x.cmd.err >= 0 && err_ready)
		(void)carry(&x.cmd.err, FRAME_STDERR, CHUNK);
}

/* After the command's end: one more piece of the stream, or its end. */
static void drain(int *fd, enum frame_type type, size_t *drained)
{
	size_t left = DRAIN_MAX - *drained, before = x.link.out.len;

	if (*fd < 0)
		return;
	if (left == 0 || !carry(fd, type, left < CHUNK ? left : CHUNK))
		io_close(fd);
	else
		*drained += x.link.out.len - before - FRAME_HEAD;
}

static void carry_rest(void)
{
	if (!x.ended || x.exit_sent || duplex_pending(&x.link))
		return;
	drain(&x.cmd.out, FRAME_STDOUT, &x.drained[0]);
	drain(&x.cmd.err, FRAME_STDERR, &x.drained[1]);
	if (x.cmd.out >= 0 || x.cmd.err >= 0)
		return;
	exit_put(&x.link.out, &x.exit);
	x.exit_sent = true;
}

static void give_credit(void)
{
	if (x.due < CREDIT_STEP || !x.takes_input || x.ended || duplex_room(&x.link) < CONTROL_ROOM)
		return;
	credit_put(&x.link.out, x.due);
	x.window += x.due;
	x.due = 0;
}

/* The command stays a zombie: see above. */
static void note_end(void)
{
	siginfo_t info = { 0 };

	if (x.ended || waitid(P_PID, (id_t)x.cmd.pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid == 0)
		return;
	x.ended = true;
	x.exit.killed = info.si_code != CLD_EXITED;
	x.exit.status = (uint8_t)info.si_status;
}

/* --- the session --- */

static enum rc wait_and_move(void)
{
	bool full = duplex_pending(&x.link);
	struct pollfd p[5] = {
		{ x.link.fd, (short)(POLLIN | (full ? POLLOUT : 0)), 0 },
		{ full || x.ended ? -1 : x.cmd.out, POLLIN, 0 },
		{ full || x.ended ? -1 : x.cmd.err, POLLIN, 0 },
		{ x.len > 0 ? x.cmd.in : -1, POLLOUT, 0 },
		{ x.ended ? -1 : x.cmd.pidfd, POLLIN, 0 },
	};

	if (poll(p, 5, -1) < 0)
		return errno == EINTR ? RC_OK : RC_IO;
	if (p[4].revents)
		note_end(); /* first: what was written before is in the pipes by now */
	if (p[3].revents)
		write_input();
	if (!x.ended)
		carry_output(p[1].revents != 0, p[2].revents != 0);
	return p[0].revents & ~POLLOUT ? read_host() : RC_OK;
}

/* RC_OK: EXIT has been sent. */
static enum rc run(void)
{
	for (;;) {
		enum rc rc;

		carry_rest();
		give_credit();
		rc = duplex_send(&x.link);
		if (rc != RC_OK && rc != RC_MORE)
			return RC_EOF;
		if (rc == RC_OK && x.exit_sent)
			return RC_OK;
		if (rc == RC_OK && x.ended)
			continue; /* more to drain */
		rc = wait_and_move();
		if (rc != RC_OK)
			return rc;
	}
}

/* Sends what is left of the frame that was begun, so that ERROR can follow. */
static void flush(int64_t deadline)
{
	while (duplex_send(&x.link) == RC_MORE)
		if (io_wait(x.link.fd, POLLOUT, deadline) != RC_OK)
			return;
}

/* Reads output for nobody, so that a command that tidies up is not ended by
 * SIGPIPE when it says so. */
static void drop_output(int64_t deadline)
{
	int *const fds[2] = { &x.cmd.out, &x.cmd.err };
	int64_t left;

	while ((left = deadline - clock_mono_ms()) > 0) {
		struct pollfd p[2] = { { x.cmd.out, POLLIN, 0 }, { x.cmd.err, POLLIN, 0 } };

		(void)poll(p, 2, (int)left);
		for (int i = 0; i < 2; i++)
			if (p[i].revents && read(*fds[i], x.in, sizeof x.in) == 0)
				io_close(fds[i]);
	}
}

/* The connection ended before EXIT. A command that still runs is ended with
 * all of its group, which may outlive it: so the time is always given whole. */
static void abandon(enum rc why)
{
	int64_t deadline = clock_mono_ms() + HANGUP_MS;

	if (!x.ended) {
		(void)kill(-x.cmd.pid, SIGHUP);
		(void)kill(-x.cmd.pid, SIGCONT);
	}
	io_close(&x.cmd.in);
	if (x.cmd.tty)
		exec_spawn_close(&x.cmd); /* it hangs up */
	if (why == RC_EOF) {
		(void)shutdown(x.link.fd, SHUT_RDWR);
	} else {
		flush(deadline);
		session_fail(x.link.fd, why == RC_BAD ? ERR_PROTOCOL : ERR_SYSTEM,
		             why == RC_BAD ? "a frame that exec does not allow" : "poll failed");
	}
	if (!x.ended) {
		drop_output(deadline);
		(void)kill(-x.cmd.pid, SIGKILL);
	}
	exec_spawn_close(&x.cmd);
}

static void serve(const struct request *r)
{
	enum rc rc = RC_OK;

	accept_put(&x.link.out, (uint32_t)x.cmd.pid);
	if (r->flags & EXEC_DETACH) {
		flush(clock_mono_ms() + SESSION_CLOSE_MS);
	} else {
		x.takes_input = (r->flags & EXEC_STDIN) != 0;
		if (!x.takes_input)
			io_close(&x.cmd.in);
		rc = run();
	}
	if (rc != RC_OK) {
		abandon(rc);
		return;
	}
	exec_spawn_close(&x.cmd);
	session_linger(x.link.fd);
}

void exec_serve(int conn, const struct request *r)
{
	static struct failure failure;

	(void)signal(SIGPIPE, SIG_IGN);
	memset(&x, 0, offsetof(struct exec, in));
	x.window = STDIN_WINDOW;
	x.last = '\n';
	duplex_init(&x.link, conn, x.in, sizeof x.in, x.out, sizeof x.out);
	if (exec_spawn(r, &x.cmd, &failure) != RC_OK) {
		session_fail(conn, failure.code, failure.text);
		return;
	}
	serve(r);
	(void)waitpid(x.cmd.pid, NULL, WNOHANG);
}
