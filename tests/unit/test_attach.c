/* channel/attach: the host's end of exec, against the real enclave's end and
 * against one that plays given bytes. The tool is a process of its own here,
 * with pipes, files or a terminal as its streams.
 */
#include "channel/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "appliance/base/io.h"
#include "channel/session.h"
#include "tests/unit/test.h"

static char self[256];

/* --- processes --- */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Forks; in the child only descriptors 0 to 2 and `keep`, as 3, stay. */
static pid_t fork_with(int keep)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0 && ((keep != 3 && dup2(keep, 3) != 3) || close_range(4, ~0U, 0) != 0))
		_exit(1);
	return pid;
}

/* As the session process: reads the REQUEST and serves it. */
static pid_t enclave(int fd)
{
	static uint8_t mem[FRAME_REQUEST_MAX];
	static struct request r;
	uint8_t head[FRAME_HEAD];
	struct frame f;
	pid_t pid = fork_with(fd);

	if (pid != 0)
		return pid;
	if (io_read_full(3, head, sizeof head) != RC_OK ||
	    frame_head(slice_of(head, sizeof head), &f) != RC_OK ||
	    io_read_full(3, mem, f.len) != RC_OK ||
	    request_parse(slice_of(mem, f.len), &r) != RC_OK)
		_exit(1);
	exec_serve(3, &r);
	_exit(0);
}

/* Reads the REQUEST, sends `bytes`, and reads on until the tool closes. */
static pid_t fake_enclave(int fd, const void *bytes, size_t len)
{
	static uint8_t mem[FRAME_REQUEST_MAX];
	uint8_t head[FRAME_HEAD];
	struct frame f;
	pid_t pid = fork_with(fd);

	if (pid != 0)
		return pid;
	if (io_read_full(3, head, sizeof head) != RC_OK ||
	    frame_head(slice_of(head, sizeof head), &f) != RC_OK ||
	    io_read_full(3, mem, f.len) != RC_OK)
		_exit(1);
	if (send(3, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		_exit(1);
	(void)shutdown(3, SHUT_WR);
	while (recv(3, mem, sizeof mem, 0) > 0)
		;
	_exit(0);
}

/* Servers whose command outlives the connection give it five seconds: they
 * are all awaited together, at the end. */
static pid_t laters[16];
static size_t laters_len;

static void check_later(pid_t server)
{
	if (CHECK(laters_len < sizeof laters / sizeof *laters))
		laters[laters_len++] = server;
}

struct tool {
	pid_t pid;
	int in, out, err; /* our ends of its streams, -1: none */
};

/* Runs attach_exec in a process with pipes, or with the terminal `tty`. */
static struct tool tool(int conn, const struct attach *a, int tty)
{
	struct tool t = { -1, -1, -1, -1 };
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		die("pipe");
	t.pid = fork();
	if (t.pid == 0) {
		if (tty >= 0 && (setsid() < 0 || ioctl(tty, TIOCSCTTY, 0) != 0))
			_exit(99);
		dup2(tty >= 0 ? tty : in[0], 0);
		dup2(tty >= 0 ? tty : out[1], 1);
		dup2(err[1], 2);
		dup2(conn, 3);
		close_range(4, ~0U, 0);
		_exit(attach_exec(3, a, "test: exec: box"));
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	t.in = in[1];
	t.out = out[0];
	t.err = err[0];
	return t;
}

static void sockets(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair");
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* --- a whole run with pipes --- */

static struct {
	size_t out_len, err_len;
	int status; /* of the tool */
	char out[12 << 20], err[4096];
} got;

/* Feeds `in` and collects everything. signal: sent once "ready" is out, so
 * often; 0: none. */
static void drive(struct tool *t, const char *in, size_t in_len, int number, int times)
{
	memset(&got, 0, offsetof(__typeof__(got), out));
	if (in_len == 0)
		io_close(&t->in);
	while (t->out >= 0 || t->err >= 0) {
		struct pollfd p[3] = { { t->in, POLLOUT, 0 },
			               { t->out, POLLIN, 0 },
			               { t->err, POLLIN, 0 } };
		ssize_t n = 1;

		if (poll(p, 3, -1) < 0)
			die("poll");
		if (p[0].revents) {
			n = write(t->in, in, in_len < 4096 ? in_len : 4096);
			in += n > 0 ? n : 0;
			in_len -= n > 0 ? (size_t)n : 0;
			if (n < 0 || in_len == 0)
				io_close(&t->in);
		}
		if (p[1].revents) {
			n = read(t->out, got.out + got.out_len, sizeof got.out - got.out_len);
			got.out_len += n > 0 ? (size_t)n : 0;
			if (n <= 0)
				io_close(&t->out);
		}
		if (p[2].revents) {
			n = read(t->err, got.err + got.err_len, sizeof got.err - 1 - got.err_len);
			got.err_len += n > 0 ? (size_t)n : 0;
			if (n <= 0)
				io_close(&t->err);
		}
		while (times > 0 && got.out_len >= 6) {
			kill(t->pid, number);
			times--;
			if (number == SIGINT)
				break; /* one by one: two at once count as one */
		}
	}
	got.err[got.err_len] = 0;
	io_close(&t->in);
	got.status = status_of(t->pid);
}

static void run_with(struct attach *a, const char *in, size_t in_len, int number)
{
	int pair[2];
	struct tool t;
	pid_t server;

	sockets(pair);
	server = enclave(pair[1]);
	t = tool(pair[0], a, -1);
	close(pair[0]);
	close(pair[1]);
	drive(&t, in, in_len, number, number != 0);
	CHECK(status_of(server) == 0);
}

static char *const *args(char *a0, char *a1, char *a2)
{
	static char *argv[4];

	argv[0] = a0;
	argv[1] = a1;
	argv[2] = a2;
	return argv;
}

static void sh(char *script)
{
	run_with(&(struct attach){ .argv = args("/bin/sh", "-c", script) }, "", 0, 0);
}

static bool out_is(const char *s)
{
	return got.out_len == strlen(s) && memcmp(got.out, s, got.out_len) == 0;
}

static bool err_has(const char *s)
{
	if (strstr(got.err, s))
		return true;
	printf("standard error is '%s'\n", got.err);
	return false;
}

/* --- cases --- */

static void statuses(void)
{
	char *const env[] = { "A=b c", NULL };

	sh("echo out; echo err >&2; exit 42");
	CHECK(got.status == 42 && out_is("out\n") && strcmp(got.err, "err\n") == 0);
	sh("kill -9 $$");
	CHECK(got.status == 128 + 9 && got.err_len == 0);
	run_with(&(struct attach){ .argv = args("nosuch\x1b[2J", NULL, NULL) }, "", 0, 0);
	CHECK(got.status == ATTACH_NOT_FOUND && got.out_len == 0);
	CHECK(strcmp(got.err, "test: exec: box: not found: nosuch?[2J\n") == 0);
	run_with(&(struct attach){ .argv = args("/etc", NULL, NULL) }, "", 0, 0);
	CHECK(got.status == ATTACH_NOT_EXECUTABLE &&
	      err_has("test: exec: box: not executable: /etc: Permission denied\n"));
	run_with(&(struct attach){ .argv = args("true", NULL, NULL), .cwd = "/nosuch" }, "", 0, 0);
	CHECK(got.status == ATTACH_NOT_FOUND && err_has("working directory /nosuch"));
	run_with(&(struct attach){ .argv = args("/bin/sh", "-c", "echo $A; pwd"),
	                           .env = env,
	                           .cwd = "/usr",
	                           .user = "0:0" },
	         "", 0, 0);
	CHECK(geteuid() != 0 || (got.status == 0 && out_is("b c\n/usr\n")));
}

static void too_much(void)
{
	static char *many[REQUEST_ARGS_MAX + 2];
	static char *env[] = { NULL, NULL, NULL, NULL };
	static char var[30000];

	for (size_t i = 0; i < REQUEST_ARGS_MAX + 1; i++)
		many[i] = "x";
	memset(var, 'V', sizeof var - 1);
	var[1] = '=';
	env[0] = env[1] = env[2] = var;
	for (int i = 0; i < 2; i++) {
		const struct attach a[2] = { { .argv = many },
			                     { .argv = args("true", NULL, NULL), .env = env } };
		int pair[2];
		struct tool t;

		sockets(pair);
		t = tool(pair[0], &a[i], -1);
		close(pair[0]);
		close(pair[1]);
		drive(&t, "", 0, 0, 0);
		CHECK(got.status == ATTACH_FAILED && err_has("over a limit"));
	}
}

static char big[10 << 20];

static void fill_big(void)
{
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof big; i++) {
		x = x * 1664525 + 1013904223;
		big[i] = (char)(x >> 24);
	}
}

static void through_cat(void)
{
	run_with(&(struct attach){ .argv = args("cat", NULL, NULL), .in = true }, big, sizeof big,
	         0);
	CHECK(got.status == 0 && got.out_len == sizeof big &&
	      memcmp(got.out, big, sizeof big) == 0 && got.err_len == 0);
	/* both streams at once */
	run_with(&(struct attach){ .argv = args("/bin/sh", "-c", "tee /dev/stderr | wc -c"),
	                           .in = true },
	         big, 4000, 0);
	CHECK(got.status == 0 && out_is("4000\n") && got.err_len == 4000 &&
	      memcmp(got.err, big, 4000) == 0);
	/* input is closed early, by the command and by us */
	run_with(&(struct attach){ .argv = args("head", "-c", "5"), .in = true }, big, sizeof big,
	         0);
	CHECK(got.status == 0 && got.out_len == 5);
	run_with(&(struct attach){ .argv = args("cat", NULL, NULL), .in = true }, "", 0, 0);
	CHECK(got.status == 0 && got.out_len == 0);
	/* without -i our input is not touched */
	run_with(&(struct attach){ .argv = args("cat", NULL, NULL) }, "", 0, 0);
	CHECK(got.status == 0 && got.out_len == 0);
}

/* Files as streams: input from a folder fails, output to a full disk too. */
static void files(void)
{
	static const struct {
		const char *in, *out;
		int status;
		const char *err;
	} cases[] = {
		{ "/", "/dev/null", ATTACH_FAILED, "cannot read standard input: Is a directory" },
		{ "/dev/null", "/dev/full", ATTACH_FAILED,
		  "cannot write standard output: No space" },
	};
	struct attach a = { .argv = args("/bin/sh", "-c", "cat; echo out; sleep 1000"),
		            .in = true };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int pair[2], err[2];
		pid_t server, pid;
		ssize_t n;

		sockets(pair);
		if (pipe2(err, O_CLOEXEC) != 0)
			die("pipe");
		server = enclave(pair[1]);
		pid = fork();
		if (pid == 0) {
			dup2(open(cases[i].in, O_RDONLY), 0);
			dup2(open(cases[i].out, O_WRONLY), 1);
			dup2(err[1], 2);
			dup2(pair[0], 3);
			close_range(4, ~0U, 0);
			_exit(attach_exec(3, &a, "test"));
		}
		close(pair[0]);
		close(pair[1]);
		close(err[1]);
		CHECK(status_of(pid) == cases[i].status);
		n = read(err[0], got.err, sizeof got.err - 1);
		got.err[n > 0 ? n : 0] = 0;
		CHECK(err_has(cases[i].err));
		close(err[0]);
		check_later(server);
	}
}

/* Whoever reads our output goes: so do we, as by SIGPIPE, and the command. */
static void reader_goes(void)
{
	struct attach a = { .argv = args("yes", NULL, NULL) };
	int pair[2];
	struct tool t;
	pid_t server;
	char c;

	sockets(pair);
	server = enclave(pair[1]);
	t = tool(pair[0], &a, -1);
	close(pair[0]);
	close(pair[1]);
	CHECK(io_read_full(t.out, &c, 1) == RC_OK && c == 'y');
	close(t.out);
	CHECK(status_of(t.pid) == 128 + SIGPIPE);
	CHECK(read(t.err, &c, 1) == 0);
	close(t.err);
	close(t.in);
	check_later(server);
}

static void signals(void)
{
	static const struct {
		int number;
		int status;
		const char *out;
	} cases[] = {
		{ SIGTERM, 9, "ready\nterm\n" },       { SIGHUP, 128 + SIGHUP, "ready\n" },
		{ SIGQUIT, 128 + SIGQUIT, "ready\n" }, { SIGUSR2, 128 + SIGUSR2, "ready\n" },
		{ SIGINT, 128 + SIGINT, "ready\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		run_with(&(struct attach){ .argv = args(self, "trap", NULL) }, "", 0,
		         cases[i].number);
		CHECK(got.status == cases[i].status && out_is(cases[i].out));
	}
	/* with a terminal there, but none here: to its foreground group */
	run_with(&(struct attach){ .argv = args(self, "trap", NULL), .tty = true, .in = true }, "",
	         0, SIGTERM);
	CHECK(got.status == 9 && out_is("ready\r\nterm\r\n"));
}

/* The third SIGINT ends the tool, whatever the command does. */
static void three_interrupts(void)
{
	struct attach a = { .argv = args(self, "stubborn", NULL) };
	int pair[2];
	struct tool t;
	pid_t server;

	sockets(pair);
	server = enclave(pair[1]);
	t = tool(pair[0], &a, -1);
	close(pair[0]);
	close(pair[1]);
	for (int i = 0; i < 3; i++) {
		char line[4];

		/* "ok", then one for each interrupt that has arrived */
		CHECK(io_read_full(t.out, line, 3) == RC_OK && memcmp(line, "ok\n", 3) == 0);
		kill(t.pid, SIGINT);
	}
	CHECK(status_of(t.pid) == 128 + SIGINT);
	close(t.in);
	close(t.out);
	close(t.err);
	check_later(server);
}

static void detached(void)
{
	run_with(&(struct attach){ .argv = args("true", NULL, NULL), .detach = true }, "", 0, 0);
	CHECK(got.status == 0 && got.out_len == 0 && got.err_len == 0);
}

/* --- a terminal here --- */

static int master;

/* Reads what the tool writes to our terminal, until `text`. */
static bool screen(const char *text)
{
	static char seen[65536];
	size_t len = 0;

	while (len < sizeof seen) {
		ssize_t n = read(master, seen + len, sizeof seen - len);

		if (n <= 0)
			break;
		len += (size_t)n;
		if (memmem(seen, len, text, strlen(text)))
			return true;
	}
	printf("the terminal shows '%.*s'\n", (int)len, seen);
	return false;
}

static bool same_mode(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

static void on_terminal(int end_by)
{
	struct attach a = { .argv = args("/bin/sh", "-c",
		                         "stty size; read x; echo \"<$x>\"; "
		                         "exec cat"),
		            .in = true,
		            .tty = true };
	struct winsize size = { .ws_row = 31, .ws_col = 77 };
	struct termios before, during, after;
	int pair[2], slave;
	struct tool t;
	pid_t server;

	if (openpty(&master, &slave, NULL, NULL, &size) != 0)
		die("openpty");
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	tcgetattr(slave, &before);
	sockets(pair);
	server = enclave(pair[1]);
	t = tool(pair[0], &a, slave);
	close(pair[0]);
	close(pair[1]);
	CHECK(screen("31 77\r\n"));
	CHECK(tcgetattr(slave, &during) == 0 && !(during.c_lflag & (ICANON | ECHO | ISIG)) &&
	      !(during.c_oflag & OPOST));
	CHECK(io_write_full(master, "typed\r", 6) == RC_OK);
	CHECK(screen("<typed>\r\n"));
	if (end_by == 0)
		CHECK(io_write_full(master, "\x04", 1) == RC_OK);
	else
		kill(t.pid, end_by);
	close(t.in);
	close(t.out);
	CHECK(status_of(t.pid) == (end_by == 0 ? 0 : 128 + end_by));
	CHECK(tcgetattr(slave, &after) == 0 && same_mode(&before, &after));
	close(t.err);
	close(slave);
	close(master);
	check_later(server);
}

/* A new size arrives: the command says it when it gets SIGWINCH. */
static void resized(void)
{
	struct attach a = { .argv = args(self, "trap", NULL), .in = true, .tty = true };
	struct winsize size = { .ws_row = 20, .ws_col = 30 };
	int pair[2], slave;
	struct tool t;
	pid_t server;

	if (openpty(&master, &slave, NULL, NULL, &size) != 0)
		die("openpty");
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	sockets(pair);
	server = enclave(pair[1]);
	t = tool(pair[0], &a, slave);
	close(pair[0]);
	close(pair[1]);
	CHECK(screen("ready\r\n"));
	size.ws_row = 21;
	size.ws_col = 33;
	CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
	CHECK(screen("21 33\r\n"));
	CHECK(io_write_full(master, "\x03", 1) == RC_OK); /* a key, not a signal here */
	CHECK(status_of(t.pid) == 128 + SIGINT);
	close(t.in);
	close(t.out);
	close(t.err);
	close(slave);
	close(master);
	CHECK(status_of(server) == 0);
}

/* --- an enclave that misbehaves --- */

#define ACCEPT   "\x02\0\0\x05\xa1\x01\x19\x12\x34"
#define EXIT0    "\x17\0\0\x02\0\0"
#define BYTES(s) s, sizeof(s) - 1

struct play {
	const char *name;
	const char *bytes;
	size_t len;
	bool in, tty;
	int status;
	const char *err; /* in standard error */
};

static const struct play plays[] = {
	{ "good", BYTES(ACCEPT "\x11\0\0\x02hi" EXIT0), 0, 0, 0, "" },
	{ "killed", BYTES(ACCEPT "\x17\0\0\x02\x01\x0f"), 0, 0, 128 + 15, "" },
	{ "nothing", BYTES(""), 0, 0, 125, "without an answer" },
	{ "no EXIT", BYTES(ACCEPT), 0, 0, 125, "ended before the command did" },
	{ "EXIT before ACCEPT", BYTES(EXIT0), 0, 0, 125, "protocol error" },
	{ "ACCEPT twice", BYTES(ACCEPT ACCEPT), 0, 0, 125, "protocol error" },
	{ "ACCEPT malformed", BYTES("\x02\0\0\x01\xff"), 0, 0, 125, "protocol error" },
	{ "unknown type", BYTES(ACCEPT "\x7f\0\0\0"), 0, 0, 125, "unknown frame" },
	{ "STDIN", BYTES(ACCEPT "\x10\0\0\x01x"), 0, 0, 125, "protocol error" },
	{ "empty STDOUT", BYTES(ACCEPT "\x11\0\0\0"), 0, 0, 125, "unknown frame" },
	{ "STDOUT too long", BYTES(ACCEPT "\x11\x04\0\x01"), 0, 0, 125, "over its limit" },
	{ "ERROR too long", BYTES("\x03\0\x20\x01"), 0, 0, 125, "over its limit" },
	{ "STDERR on a terminal", BYTES(ACCEPT "\x12\0\0\x01x" EXIT0), 0, 1, 125,
	  "protocol error" },
	{ "CREDIT without -i", BYTES(ACCEPT "\x16\0\0\x04\0\0\0\x01"), 0, 0, 125, "CREDIT" },
	{ "CREDIT without end",
	  BYTES(ACCEPT "\x16\0\0\x04\xff\xff\xff\xff\x16\0\0\x04\xff\xff\xff\xff"), 1, 0, 125,
	  "CREDIT" },
	{ "EXIT short", BYTES(ACCEPT "\x17\0\0\x01\0"), 0, 0, 125, "EXIT" },
	{ "EXIT of another kind", BYTES(ACCEPT "\x17\0\0\x02\x02\0"), 0, 0, 125, "EXIT" },
	{ "ENTRY", BYTES(ACCEPT "\x20\0\0\x01\xa0"), 0, 0, 125, "protocol error" },
	{ "ERROR",
	  BYTES("\x03\0\0\x09\xa2\x01\x05\x02\x44"
	        "a\x1b\nb"),
	  0, 0, 127, "test: exec: box: not found: a??b\n" },
	{ "ERROR malformed", BYTES("\x03\0\0\x01\xa0"), 0, 0, 125, "malformed" },
	{ "ERROR of an unknown code",
	  BYTES("\x03\0\0\x06\xa2\x01\x0f\x02\x41"
	        "a"),
	  0, 0, 125, "malformed" },
	{ "ERROR afterwards",
	  BYTES(ACCEPT "\x03\0\0\x09\xa2\x01\x04\x02\x44"
	               "gone"),
	  0, 0, 125, "denied: gone" },
};

static void play_one(const struct play *p, size_t len)
{
	struct attach a = { .argv = args("x", NULL, NULL), .in = p->in, .tty = p->tty };
	int pair[2];
	struct tool t;
	pid_t server;

	sockets(pair);
	server = fake_enclave(pair[1], p->bytes, len);
	t = tool(pair[0], &a, -1);
	close(pair[0]);
	close(pair[1]);
	drive(&t, "", 0, 0, 0);
	CHECK(status_of(server) == 0);
}

static void misbehaves(void)
{
	for (size_t i = 0; i < sizeof plays / sizeof *plays; i++) {
		play_one(&plays[i], plays[i].len);
		if (!CHECK(got.status == plays[i].status && strstr(got.err, plays[i].err)))
			printf("  %s: status %d, '%s'\n", plays[i].name, got.status, got.err);
		CHECK((got.err_len == 0) == (*plays[i].err == 0));
		CHECK(got.err_len == 0 || strchr(got.err, '\n') == got.err + got.err_len - 1);
	}
}

/* A good conversation cut at every byte. */
static void cut_everywhere(void)
{
	for (size_t i = 0; i < plays[0].len; i++) {
		play_one(&plays[0], i);
		CHECK(got.status == ATTACH_FAILED &&
		      err_has("test: exec: box: system error: the "));
	}
}

/* --- the command of some cases --- */

static void say(const char *s)
{
	if (write(1, s, strlen(s)) < 0)
		_exit(1);
}

static void on_signal(int n)
{
	struct winsize size = { 0 };
	char text[32];

	if (n == SIGINT)
		say("ok\n");
	if (n == SIGWINCH && ioctl(0, TIOCGWINSZ, &size) == 0) {
		snprintf(text, sizeof text, "%d %d\n", size.ws_row, size.ws_col);
		say(text);
	}
	if (n == SIGTERM) {
		say("term\n");
		_exit(9);
	}
}

__attribute__((noreturn)) static void helper(const char *kind)
{
	struct sigaction act = { .sa_handler = on_signal };
	bool stubborn = strcmp(kind, "stubborn") == 0;

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGWINCH, &act, NULL);
	if (stubborn)
		sigaction(SIGINT, &act, NULL);
	say(stubborn ? "ok\n" : "ready\n");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc == 2)
		helper(argv[1]);
	if (n <= 0)
		die("readlink");
	setvbuf(stdout, NULL, _IOLBF, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = SIGHUP; i <= SIGTERM; i++) /* what our starter ignores, attach leaves alone */
		if (i != SIGPIPE && i != SIGKILL)
			(void)signal(i, SIG_DFL);
	fill_big();
	statuses();
	too_much();
	through_cat();
	files();
	reader_goes();
	signals();
	three_interrupts();
	detached();
	on_terminal(0);
	on_terminal(SIGTERM);
	on_terminal(SIGHUP);
	resized();
	misbehaves();
	cut_everywhere();
	for (size_t i = 0; i < laters_len; i++)
		CHECK(status_of(laters[i]) == 0);
	return test_end();
}
