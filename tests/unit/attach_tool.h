/* The host's end of exec as a process of its own, and the enclaves it speaks
 * to: what the tests of attach share. Each begins with tool_main().
 */
#ifndef TESTS_UNIT_ATTACH_TOOL_H
#define TESTS_UNIT_ATTACH_TOOL_H

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
#include "channel/host_message.h"
#include "channel/session.h"
#include "tests/unit/test.h"

static char self[256];

/* --- processes --- */

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Forks; in the child only descriptors 0 to 2 and `keep`, as 3, stay. */
static inline pid_t fork_with(int keep)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0 && ((keep != 3 && dup2(keep, 3) != 3) || close_range(4, ~0U, 0) != 0))
		_exit(1);
	return pid;
}

/* The REQUEST that comes over 3. */
static inline struct slice take_request(void)
{
	static uint8_t mem[FRAME_REQUEST_MAX];
	uint8_t head[FRAME_HEAD];
	struct frame f;

	if (io_read_full(3, head, sizeof head) != RC_OK ||
	    frame_head(slice_of(head, sizeof head), &f) != RC_OK ||
	    io_read_full(3, mem, f.len) != RC_OK)
		_exit(1);
	return slice_of(mem, f.len);
}

/* As the session process: reads the REQUEST and serves it. */
static inline pid_t enclave(int fd)
{
	static struct request r;
	pid_t pid = fork_with(fd);

	if (pid != 0)
		return pid;
	if (request_parse(take_request(), &r) != RC_OK)
		_exit(1);
	exec_serve(3, &r);
	_exit(0);
}

/* Reads the REQUEST, sends `bytes`, and reads on until the tool closes. */
static inline pid_t fake_enclave(int fd, const void *bytes, size_t len)
{
	char rest[4096];
	pid_t pid = fork_with(fd);

	if (pid != 0)
		return pid;
	(void)take_request();
	if (send(3, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		_exit(1);
	(void)shutdown(3, SHUT_WR);
	while (recv(3, rest, sizeof rest, 0) > 0)
		;
	_exit(0);
}

/* Servers whose command outlives the connection give it five seconds: they
 * are all awaited together, at the end. */
static pid_t laters[16];
static size_t laters_len;

static inline void check_later(pid_t server)
{
	if (CHECK(laters_len < sizeof laters / sizeof *laters))
		laters[laters_len++] = server;
}

struct tool {
	pid_t pid;
	int in, out, err; /* our ends of its streams, -1: none */
};

static inline int attach_and_tell(const struct attach *a)
{
	static struct failure f;
	int status = attach_exec(3, a, &f);

	if (f.code != 0)
		fprintf(stderr, "test: exec: box: %s: %s\n", error_name(f.code), f.text);
	return status;
}

/* Runs attach_exec in a process with pipes, or with the terminal `tty`. */
static inline struct tool tool(int conn, const struct attach *a, int tty)
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
		_exit(attach_and_tell(a));
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	t.in = in[1];
	t.out = out[0];
	t.err = err[0];
	return t;
}

static inline void sockets(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair");
}

static inline int status_of(pid_t pid)
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
static inline void drive(struct tool *t, const char *in, size_t in_len, int number, int times)
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

static inline void run_with(struct attach *a, const char *in, size_t in_len, int number)
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

static inline char *const *args(char *a0, char *a1, char *a2)
{
	static char *argv[4];

	argv[0] = a0;
	argv[1] = a1;
	argv[2] = a2;
	return argv;
}

static inline void sh(char *script)
{
	run_with(&(struct attach){ .argv = args("/bin/sh", "-c", script) }, "", 0, 0);
}

static inline bool out_is(const char *s)
{
	return got.out_len == strlen(s) && memcmp(got.out, s, got.out_len) == 0;
}

static inline bool err_has(const char *s)
{
	if (strstr(got.err, s))
		return true;
	printf("standard error is '%s'\n", got.err);
	return false;
}

/* --- the command of some cases --- */

static inline void say(const char *s)
{
	if (write(1, s, strlen(s)) < 0)
		_exit(1);
}

static inline void on_signal(int n)
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

__attribute__((noreturn)) static inline void helper(const char *kind)
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

/* The first thing of main(): a command of the tests, or their signals. */
static inline void tool_main(int argc, char **argv)
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
}

#endif
