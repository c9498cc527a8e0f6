/* The host's end of exec.
 *
 * Theory of operation. One poll loop over the connection, our three streams
 * and a signalfd. Nothing but standard output and error is written to
 * blockingly, and those only as much as poll promised. A STDOUT or STDERR
 * frame stays in the connection's buffer until it is written; until then no
 * more is read from the connection, so a slow reader of ours slows the
 * command. Standard input is read only as far as the enclave gave credit and
 * when all before it has been sent, so signals find room.
 *
 * Signals that wait to be sent are a set, not a queue: the same one twice
 * before the connection takes it counts once, as with signals anyway.
 */
#include "channel/attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/host_message.h"
#include "channel/stream.h"
#include "channel/tty.h"

enum {
	STDIN_CHUNK = 65536,
	CONTROL_ROOM = 512, /* every signal, WINSIZE, the end of STDIN, ERROR's head */
	/* A pipe or terminal that poll calls writable takes this much at once. */
	WRITE_STEP = 4096,
	/* So many SIGINT or SIGTERM end the tool, should the command ignore them
	 * or the enclave be silent. */
	INTERRUPTS_MAX = 3,
};

static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
enum { FORWARDED = sizeof forwarded / sizeof *forwarded };

static struct {
	const struct attach *a;
	int conn;
	struct wbuf up; /* frames for the enclave */
	size_t sent;    /* bytes of up that have gone */
	int signal_fd;
	bool accepted;
	int64_t until_ms; /* for ACCEPT to come; a command takes as long as it likes */
	bool raw;         /* our terminal is in raw mode */
	bool in_open;     /* standard input has not ended */
	uint64_t credit;  /* bytes of STDIN that may be sent */
	uint32_t signals; /* bit n: signal n is to be sent */
	bool resized;
	unsigned interrupts;
	int out_fd;       /* where out goes */
	struct slice out; /* of the frame in hand, not yet written */
	bool done;
	int status;             /* set with done */
	struct failure failure; /* why, when it is one of ours */
	struct stream_in in;
	uint8_t up_mem[FRAME_HEAD + FRAME_REQUEST_MAX + CONTROL_ROOM];
} at;

static void finish(int status)
{
	if (!at.done)
		at.status = status;
	at.done = true;
}

/* Ours is the failure: its text has been set. */
static void finish_failed(void)
{
	switch (at.failure.remote ? (int)at.failure.code : 0) {
	case ERR_NOT_FOUND: finish(ATTACH_NOT_FOUND); break;
	case ERR_NOT_EXECUTABLE: finish(ATTACH_NOT_EXECUTABLE); break;
	default: finish(ATTACH_FAILED);
	}
}

#define FAIL(...) ((void)failure_set(&at.failure, __VA_ARGS__), finish_failed())

static void bad_frame(const char *what)
{
	FAIL(ERR_PROTOCOL, "the enclave sent %s", what);
	if (at.up.max - at.up.len >= CONTROL_ROOM / 2)
		error_put(&at.up, ERR_PROTOCOL, what);
	if (stream_push(at.conn, &at.up, &at.sent) != RC_OK) {
		/* it need not know */
	}
}

/* --- frames of the enclave --- */

static void take_accept(struct slice payload)
{
	if (at.accepted || payload.len > 0) {
		bad_frame("ACCEPT out of turn or malformed");
		return;
	}
	at.accepted = true;
	if (at.a->detach)
		finish(0);
	else if (at.a->in && at.a->tty)
		at.raw = tty_raw(STDIN_FILENO);
	at.in_open = at.a->in;
	at.credit = STDIN_WINDOW;
}

static void take_exit(struct slice payload)
{
	uint64_t n;

	if (!number_parse(payload, EXIT_KILLED + UINT8_MAX, &n))
		bad_frame("a malformed EXIT");
	else
		finish(n < EXIT_KILLED ? (int)n : (int)n - EXIT_KILLED + 128);
}

static void take_credit(struct slice payload)
{
	uint64_t bytes;

	if (!at.a->in || !number_parse(payload, UINT64_MAX - at.credit, &bytes) || bytes == 0)
		bad_frame("CREDIT out of turn or out of range");
	else
		at.credit += bytes;
}

static void take_frame(enum frame_type type, struct slice payload)
{
	if (type == FRAME_ERROR) {
		(void)failure_remote(&at.failure, payload);
		finish_failed();
	} else if (type == FRAME_ACCEPT) {
		take_accept(payload);
	} else if (!at.accepted) {
		bad_frame("a frame before ACCEPT");
	} else if (type == FRAME_STDOUT || (type == FRAME_STDERR && !at.a->tty)) {
		at.out_fd = type == FRAME_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
		at.out = payload;
	} else if (type == FRAME_EXIT) {
		take_exit(payload);
	} else if (type == FRAME_CREDIT) {
		take_credit(payload);
	} else {
		bad_frame("a frame that exec does not allow");
	}
}

/* Takes frames until one has output in it, or none is whole. */
static void take_frames(void)
{
	enum frame_type type;
	struct slice payload;

	while (!at.done && at.out.len == 0) {
		enum rc rc = stream_in_take(&at.in, &type, &payload);

		if (rc == RC_MORE)
			return;
		if (rc != RC_OK)
			bad_frame(rc == RC_LIMIT ? "a frame over its limit" : "an empty frame");
		else
			take_frame(type, payload);
	}
}

static void connection_failed(enum rc rc)
{
	if (rc == RC_EOF)
		FAIL(ERR_SYSTEM, at.accepted
		                         ? "the connection ended before the command did"
		                         : "the enclave closed the connection without an answer");
	else
		FAIL(ERR_SYSTEM, "the connection failed: %s", strerror(errno));
}

static void read_enclave(void)
{
	enum rc rc = stream_in_read(&at.in);

	if (rc == RC_OK)
		take_frames();
	else if (rc != RC_MORE)
		connection_failed(rc);
}

/* --- our streams --- */

static void write_output(void)
{
	struct stat st;
	size_t n = at.out.len;
	ssize_t done;

	if (n > WRITE_STEP && (fstat(at.out_fd, &st) != 0 || !S_ISREG(st.st_mode)))
		n = WRITE_STEP;
	done = write(at.out_fd, at.out.p, n);
	if (done < 0 && errno != EAGAIN && errno != EINTR) {
		if (errno == EPIPE)
			finish(128 + SIGPIPE);
		else
			FAIL(ERR_SYSTEM, "cannot write standard %s: %s",
			     at.out_fd == STDOUT_FILENO ? "output" : "error", strerror(errno));
		return;
	}
	if (done > 0)
		at.out = slice_of(at.out.p + done, at.out.len - (size_t)done);
	take_frames();
}

static void read_input(void)
{
	uint8_t *head = at.up.p + at.up.len;
	size_t max = at.credit < STDIN_CHUNK ? at.credit : STDIN_CHUNK;
	ssize_t n = read(STDIN_FILENO, head + FRAME_HEAD, max);

	if (n > 0) {
		frame_put_head(head, FRAME_STDIN, (size_t)n);
		at.up.len += FRAME_HEAD + (size_t)n;
		at.credit -= (size_t)n;
	} else if (n == 0 || errno == EIO || errno == EBADF) {
		frame_put(&at.up, FRAME_STDIN, slice_of(NULL, 0));
		at.in_open = false; /* EIO: a terminal that has hung up */
	} else if (errno != EAGAIN && errno != EINTR) {
		FAIL(ERR_SYSTEM, "cannot read standard input: %s", strerror(errno));
	}
}

/* --- signals --- */

static void take_signal(int number)
{
	if (number == SIGWINCH) {
		at.resized = at.a->tty;
		return;
	}
	if (number == SIGCONT) {
		if (at.raw)
			(void)tty_raw(STDIN_FILENO);
		at.resized = at.a->tty;
		return;
	}
	if (number == SIGINT || number == SIGTERM)
		at.interrupts++;
	/* In raw mode keys are input, so a signal was sent to us on purpose. */
	if (!at.accepted || at.raw || at.interrupts == INTERRUPTS_MAX)
		finish(128 + number);
	else
		at.signals |= 1u << number;
}

static void read_signals(void)
{
	struct signalfd_siginfo info;

	while (read(at.signal_fd, &info, sizeof info) == sizeof info)
		take_signal((int)info.ssi_signo);
}

static void put_control(void)
{
	uint16_t rows, cols;

	if (!at.accepted || at.up.max - at.up.len < CONTROL_ROOM / 2)
		return;
	if (at.resized && tty_size(&rows, &cols))
		number_put(&at.up, FRAME_WINSIZE, (uint64_t)rows << 16 | cols);
	at.resized = false;
	for (int i = 1; i < 32; i++)
		if (at.signals & 1u << i)
			number_put(&at.up, FRAME_SIGNAL, (uint64_t)i);
	at.signals = 0;
}

/* What is to be taken from the signalfd. What our starter ignores (nohup)
 * stays ignored. */
static void signal_set(sigset_t *set)
{
	struct sigaction old;

	sigemptyset(set);
	sigaddset(set, SIGWINCH);
	sigaddset(set, SIGCONT);
	for (size_t i = 0; i < FORWARDED; i++)
		if (sigaction(forwarded[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(set, forwarded[i]);
}

/* --- the session --- */

/* poll's time: until the enclave must have answered, or no end. */
static int patience(void)
{
	int64_t left = at.until_ms - clock_mono_ms();

	return at.accepted ? -1 : left > 0 ? (int)left : 0;
}

static void wait_and_move(void)
{
	int n;
	bool writing = at.out.len > 0, full = at.sent < at.up.len;
	bool reading = at.in_open && at.credit > 0 && !full;
	struct pollfd p[4] = {
		{ at.conn, (short)((writing ? 0 : POLLIN) | (full ? POLLOUT : 0)), 0 },
		{ reading ? STDIN_FILENO : -1, POLLIN, 0 },
		{ writing ? at.out_fd : -1, POLLOUT, 0 },
		{ at.signal_fd, POLLIN, 0 },
	};

	if (writing && !full)
		p[0].fd = -1; /* its hang-up is for later, and would wake us at once */
	n = poll(p, 4, patience());
	if (n < 0 && errno != EINTR)
		FAIL(ERR_SYSTEM, "cannot wait: %s", strerror(errno));
	if (n == 0)
		FAIL(ERR_DEADLINE, "no answer for %d seconds", STREAM_TIMEOUT_MS / 1000);
	if (n <= 0)
		return;
	if (p[3].revents)
		read_signals();
	if (p[2].revents)
		write_output();
	if (!writing && p[0].revents & ~POLLOUT)
		read_enclave();
	if (p[1].revents && !at.done)
		read_input();
}

static void run(void)
{
	while (!at.done) {
		enum rc rc;

		put_control();
		rc = stream_push(at.conn, &at.up, &at.sent);
		/* A peer that has closed may have said why: that is read first. */
		if (rc == RC_EOF || rc == RC_IO) {
			at.up.len = at.sent = 0;
			at.in_open = false;
		}
		wait_and_move();
	}
}

static bool fill(struct slice *to, size_t max, size_t *n, char *const *from)
{
	for (*n = 0; from && from[*n]; ++*n) {
		if (*n == max)
			return false;
		to[*n] = slice_str(from[*n]);
	}
	return true;
}

static bool ask(const struct attach *a)
{
	static struct request r;

	r = (struct request){ .op = OP_EXEC, .rows = 24, .cols = 80 };
	r.flags = (a->in ? EXEC_STDIN : 0) | (a->tty ? EXEC_TTY : 0) |
	          (a->detach ? EXEC_DETACH : 0);
	r.cwd = slice_str(a->cwd ? a->cwd : "");
	r.idc = a->idc;
	if (a->idc > 0)
		memcpy(r.ids, a->ids, a->idc * sizeof *a->ids);
	if (a->tty)
		(void)tty_size(&r.rows, &r.cols);
	if (!fill(r.argv, REQUEST_ARGS_MAX, &r.argc, a->argv)) {
		FAIL(ERR_OVER_LIMIT, "more than %d arguments", REQUEST_ARGS_MAX);
		return false;
	}
	if (!fill(r.env, REQUEST_ENV_MAX, &r.envc, a->env)) {
		FAIL(ERR_OVER_LIMIT, "more than %d variables", REQUEST_ENV_MAX);
		return false;
	}
	request_put(&at.up, &r);
	if (at.up.over || at.up.len > FRAME_HEAD + FRAME_REQUEST_MAX) {
		FAIL(ERR_OVER_LIMIT, "the command and its variables are more than %d bytes",
		     FRAME_REQUEST_MAX);
		return false;
	}
	return true;
}

int attach_exec(int conn, const struct attach *a, struct failure *f)
{
	struct sigaction pipe_was, ignore = { .sa_handler = SIG_IGN };
	sigset_t set, was;

	memset(&at, 0, offsetof(__typeof__(at), in));
	at.a = a;
	at.until_ms = clock_mono_ms() + STREAM_TIMEOUT_MS;
	at.conn = conn;
	at.up = wbuf_of(at.up_mem, sizeof at.up_mem);
	stream_in_init(&at.in, conn, MSG_DONTWAIT, NULL);
	signal_set(&set);
	(void)sigaction(SIGPIPE, &ignore, &pipe_was);
	(void)sigprocmask(SIG_BLOCK, &set, &was);
	at.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (at.signal_fd < 0)
		FAIL(ERR_SYSTEM, "signalfd: %s", strerror(errno));
	else if (ask(a))
		run();
	tty_restore();
	io_close(&at.signal_fd);
	(void)sigprocmask(SIG_SETMASK, &was, NULL);
	(void)sigaction(SIGPIPE, &pipe_was, NULL);
	*f = at.failure;
	return at.status;
}
