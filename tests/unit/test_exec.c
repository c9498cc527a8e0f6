/* channel/exec: the enclave's end, spoken to frame by frame. Commands are
 * those of this machine; nothing here depends on how fast they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "appliance/base/io.h"
#include "channel/session.h"
#include "tests/unit/test.h"

/* --- a host, byte by byte --- */

static struct {
	int fd;
	pid_t pid; /* the process that serves */
	bool accepted, exited;
	uint32_t command; /* its pid */
	struct exit_msg exit;
	enum error_code error; /* 0: none */
	char text[ERROR_TEXT_MAX + 1];
	uint64_t credit;
	size_t out_len, err_len, frames;
	char out[1 << 20], err[1 << 16];
} h;

static char dir[] = "/tmp/test_exec.XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
	return path[turn];
}

static void start(const struct request *r)
{
	int pair[2];

	memset(&h, 0, sizeof h);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || (h.pid = fork()) < 0) {
		perror("start");
		exit(1);
	}
	if (h.pid == 0) {
		/* not our ends of other connections, or they would never close */
		if (dup2(pair[1], 3) != 3 || close_range(4, ~0U, 0) != 0)
			_exit(1);
		exec_serve(3, r);
		_exit(0);
	}
	close(pair[1]);
	h.fd = pair[0];
}

/* A command by its arguments, up to a NULL. */
static struct request *request(unsigned flags, const char *const *argv)
{
	static struct request r;

	r = (struct request){ .op = OP_EXEC, .flags = flags, .rows = 24, .cols = 80 };
	for (; argv[r.argc]; r.argc++)
		r.argv[r.argc] = slice_str(argv[r.argc]);
	return &r;
}

#define REQUEST(flags, ...) request((flags), (const char *const[]){ __VA_ARGS__, NULL })

static void shell(unsigned flags, const char *script)
{
	start(REQUEST(flags, "/bin/sh", "-c", script));
}

/* This program itself, as a command that answers signals (helper() below): a
 * shell may lose one while it starts another program. */
static struct request *trap_request(unsigned flags)
{
	static char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = 0;
	return REQUEST(flags, self, "trap");
}

static void put(const void *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(h.fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* it has closed: the test will see why */
		p = (const char *)p + sent;
		n -= (size_t)sent;
	}
}

static void put_frame(unsigned type, const void *p, size_t n)
{
	uint8_t head[FRAME_HEAD] = { (uint8_t)type, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
		                     (uint8_t)n };

	put(head, sizeof head);
	put(p, n);
}

static void put_text(const char *s)
{
	put_frame(FRAME_STDIN, s, strlen(s));
}

static void put_signal(int n)
{
	put_frame(FRAME_SIGNAL, &(uint8_t){ (uint8_t)n }, 1);
}

static void append(char *to, size_t max, size_t *len, struct slice s)
{
	size_t n = s.len < max - *len ? s.len : max - *len;

	memcpy(to + *len, s.p, n);
	*len += n;
}

/* false: the connection is over. */
static bool next(void)
{
	static uint8_t payload[FRAME_DATA_MAX];
	uint8_t head[FRAME_HEAD];
	struct frame f;
	struct slice s;
	struct error_msg e;
	uint32_t credit;

	if (io_read_full(h.fd, head, sizeof head) != RC_OK)
		return false;
	if (!CHECK(frame_head(slice_of(head, sizeof head), &f) == RC_OK) ||
	    !CHECK(io_read_full(h.fd, payload, f.len) == RC_OK))
		return false;
	s = slice_of(payload, f.len);
	h.frames++;
	CHECK(!h.exited && h.error == 0); /* nothing comes after those */
	CHECK(h.accepted || f.type == FRAME_ACCEPT || f.type == FRAME_ERROR);
	switch (f.type) {
	case FRAME_ACCEPT:
		CHECK(!h.accepted && accept_parse(s, &h.command) == RC_OK && h.command > 0);
		h.accepted = true;
		break;
	case FRAME_STDOUT: append(h.out, sizeof h.out - 1, &h.out_len, s); break;
	case FRAME_STDERR: append(h.err, sizeof h.err - 1, &h.err_len, s); break;
	case FRAME_CREDIT:
		CHECK(credit_parse(s, &credit) == RC_OK);
		h.credit += credit;
		break;
	case FRAME_EXIT: h.exited = CHECK(exit_parse(s, &h.exit) == RC_OK); break;
	case FRAME_ERROR:
		CHECK(error_parse(s, &e) == RC_OK);
		h.error = e.code;
		snprintf(h.text, sizeof h.text, "%.*s", (int)e.text.len, (const char *)e.text.p);
		break;
	default: CHECK(false); /* no frame of exec */
	}
	return true;
}

/* Reads until `text` is in the output. */
static bool until(const char *text)
{
	while (!memmem(h.out, h.out_len, text, strlen(text)))
		if (!next())
			return false;
	return true;
}

/* Closes, and sees that the server ended well. */
static void end(void)
{
	int status;

	close(h.fd);
	CHECK(waitpid(h.pid, &status, 0) == h.pid && status == 0);
}

static void finish(void)
{
	while (!h.exited && h.error == 0 && next())
		;
	end();
}

static bool out_is(const char *text)
{
	bool same = h.out_len == strlen(text) && memcmp(h.out, text, h.out_len) == 0;

	if (!same)
		printf("output is '%.*s'\n", (int)h.out_len, h.out);
	return same;
}

static bool exited(int status)
{
	return h.exited && !h.exit.killed && h.exit.status == status;
}

static bool failed(enum error_code code, const char *part)
{
	bool same = h.error == code && strstr(h.text, part);

	if (!same)
		printf("error is %d '%s'\n", (int)h.error, h.text);
	return same;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || io_write_full(fd, text, strlen(text)) != RC_OK || fchmod(fd, mode) != 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* --- starting --- */

static void statuses(void)
{
	shell(0, "exit 0");
	finish();
	CHECK(h.accepted && exited(0) && h.out_len == 0);
	shell(0, "exit 255");
	finish();
	CHECK(exited(255));
	shell(0, "kill -KILL $$");
	finish();
	CHECK(h.exited && h.exit.killed && h.exit.status == SIGKILL);
	shell(0, "echo out; echo err >&2; exit 3");
	finish();
	CHECK(exited(3) && out_is("out\n") && h.err_len == 4 && memcmp(h.err, "err\n", 4) == 0);
}

static void not_started(void)
{
	struct request *r;

	start(REQUEST(0, "no-such-command"));
	finish();
	CHECK(!h.accepted && failed(ERR_NOT_FOUND, "no-such-command"));
	start(REQUEST(0, "/no/such/command"));
	finish();
	CHECK(failed(ERR_NOT_FOUND, "/no/such/command"));
	start(REQUEST(0, "/etc/passwd/x"));
	finish();
	CHECK(failed(ERR_NOT_FOUND, "/etc/passwd/x"));
	start(REQUEST(0, "/etc"));
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "/etc"));
	write_file(in_dir("plain"), "text", 0644);
	start(REQUEST(0, in_dir("plain")));
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "Permission denied"));
	write_file(in_dir("format"), "text", 0755);
	start(REQUEST(0, in_dir("format")));
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "format"));
	write_file(in_dir("script"), "#!/no/such/interpreter\n", 0755);
	start(REQUEST(0, in_dir("script")));
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "interpreter"));
	r = REQUEST(0, "/bin/true");
	r->cwd = slice_str("/no/such/folder");
	start(r);
	finish();
	CHECK(failed(ERR_NOT_FOUND, "working directory /no/such/folder"));
	r = REQUEST(0, "/bin/true");
	r->user = slice_str("no-such-user");
	start(r);
	finish();
	CHECK(failed(ERR_NOT_FOUND, "user 'no-such-user'"));
	r = REQUEST(0, "/bin/true");
	r->user = slice_str("0:no-such-group");
	start(r);
	finish();
	CHECK(failed(ERR_NOT_FOUND, "group of"));
	r = REQUEST(0, "/bin/true");
	r->env[r->envc++] = slice_str("NOEQUALS");
	start(r);
	finish();
	CHECK(failed(ERR_PROTOCOL, "KEY=VALUE"));
}

/* The search goes on behind what is not there or not executable. */
static void search_path(void)
{
	static char var[512];
	struct request *r;

	mkdir(in_dir("a"), 0755);
	mkdir(in_dir("b"), 0755);
	write_file(in_dir("a/tool"), "x", 0644);
	write_file(in_dir("b/tool"), "#!/bin/sh\necho found\n", 0755);
	snprintf(var, sizeof var, "PATH=/nowhere:%s:%s:/bin:/usr/bin", in_dir("a"), in_dir("b"));
	r = REQUEST(0, "tool");
	r->env[r->envc++] = slice_str(var);
	start(r);
	finish();
	CHECK(exited(0) && out_is("found\n"));
	snprintf(var, sizeof var, "PATH=/nowhere:%s:/bin", in_dir("a"));
	start(r = REQUEST(0, "tool"));
	finish();
	CHECK(failed(ERR_NOT_FOUND, "tool"));
	r = REQUEST(0, "tool");
	r->env[r->envc++] = slice_str(var);
	start(r);
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "tool"));
	r = REQUEST(0, "tool"); /* an empty element is the working directory */
	r->env[r->envc++] = slice_str("PATH=/nowhere:");
	r->cwd = slice_str(in_dir("b"));
	start(r);
	finish();
	CHECK(exited(0) && out_is("found\n"));
	r = REQUEST(0, "./tool");
	r->cwd = slice_str(in_dir("b"));
	start(r);
	finish();
	CHECK(exited(0) && out_is("found\n"));
}

static void environment(void)
{
	struct request *r = REQUEST(0, "/usr/bin/env");

	start(r);
	finish();
	CHECK(exited(0) && memmem(h.out, h.out_len, "HOME=/", 6));
	CHECK(memmem(h.out, h.out_len, "PATH=/usr/local/sbin:/usr/local/bin:", 36));
	CHECK(!memmem(h.out, h.out_len, "TERM=", 5)); /* ours is not passed on either */
	r = REQUEST(0, "env");
	r->env[r->envc++] = slice_str("A=1");
	r->env[r->envc++] = slice_str("PATH=/usr/bin:/bin");
	r->env[r->envc++] = slice_str("HOME=/h");
	r->env[r->envc++] = slice_str("A=2=3");
	r->env[r->envc++] = slice_str("E=");
	start(r);
	finish();
	CHECK(exited(0) && out_is("PATH=/usr/bin:/bin\nHOME=/h\nA=2=3\nE=\n"));
	r = REQUEST(0, "pwd");
	r->cwd = slice_str("/usr/bin");
	start(r);
	finish();
	CHECK(exited(0) && out_is("/usr/bin\n"));
	r = REQUEST(0, "/bin/sh", "-c", "printf '%s|' \"$@\"", "sh", "", "a b", "\xff\n");
	start(r);
	finish();
	CHECK(exited(0) && out_is("|a b|\xff\n|"));
	start(REQUEST(0, "/bin/sh", "-c",
	              "ls -l /proc/self/fd | grep -c -e '->'; grep SigBlk "
	              "/proc/self/status; grep SigIgn /proc/self/status; umask"));
	finish();
	/* 0 to 2, and ls's own of the folder */
	CHECK(out_is("4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n"));
}

static void other_user(void)
{
	struct request *r = REQUEST(0, "/bin/sh", "-c",
	                            "id -u; id -g; id -G; cat /dev/null >/dev/stdout; echo ok");

	if (geteuid() != 0) {
		printf("not root: another user is not tried\n");
		return;
	}
	r->user = slice_str("4711:4712");
	start(r);
	finish();
	CHECK(exited(0) && out_is("4711\n4712\n4712\nok\n"));
	r = REQUEST(EXEC_TTY, "/bin/sh", "-c", "id -u; : >/dev/tty; : >$(tty) && echo ok");
	r->user = slice_str("4711");
	start(r);
	finish();
	CHECK(exited(0) && out_is("4711\r\nok\r\n"));
}

/* --- streams --- */

static void no_stdin(void)
{
	shell(0, "cat; echo end");
	finish();
	CHECK(exited(0) && out_is("end\n"));
}

static void through_cat(void)
{
	shell(EXEC_STDIN, "cat");
	put_text("one ");
	put_text("two");
	put_frame(FRAME_STDIN_END, "", 0);
	finish();
	CHECK(exited(0) && out_is("one two"));
}

/* Input that nobody reads fills the window to its last byte and blocks
 * nothing behind it. */
static void unread_stdin(void)
{
	static const char full[STDIN_WINDOW];

	start(trap_request(EXEC_STDIN));
	CHECK(until("ready"));
	put_frame(FRAME_STDIN, full, sizeof full);
	put_signal(SIGTERM);
	finish();
	CHECK(exited(9) && out_is("ready\nterm\n"));
	CHECK(h.credit <= sizeof full); /* what fits into the pipe */
}

/* A command that has closed its input gets rid of it, and credit goes on. */
static void closed_stdin(void)
{
	static const char half[STDIN_WINDOW / 2];

	shell(EXEC_STDIN, "exec <&-; echo closed; exec sleep 1000");
	CHECK(until("closed"));
	for (int i = 0; i < 64; i++) {
		put_frame(FRAME_STDIN, half, sizeof half);
		while (h.credit < (uint64_t)i * sizeof half && next())
			;
	}
	CHECK(h.credit >= 63 * sizeof half);
	put_signal(SIGKILL);
	finish();
	CHECK(h.exited && h.exit.killed);
}

static void big_output(void)
{
	size_t wrong = 0;

	shell(0, "head -c 1000000 /dev/zero | tr '\\0' x; echo done >&2");
	finish();
	for (size_t i = 0; i < h.out_len; i++)
		wrong += h.out[i] != 'x';
	CHECK(exited(0) && h.out_len == 1000000 && wrong == 0 && h.err_len == 5);
}

/* What is left behind neither delays EXIT nor is carried for ever. */
static void left_behind(void)
{
	char script[256];

	shell(0, "sleep 1000 & echo $!");
	finish();
	CHECK(exited(0) && h.out_len > 1);
	h.out[h.out_len] = 0;
	CHECK(kill(atoi(h.out), SIGKILL) == 0);
	CHECK(mkfifo(in_dir("begun"), 0600) == 0);
	snprintf(script, sizeof script,
	         "(echo y; echo >%s; exec yes) </dev/null & echo $! >&2; read x <%s",
	         in_dir("begun"), in_dir("begun"));
	shell(0, script);
	finish();
	h.err[h.err_len] = 0;
	CHECK(exited(0) && h.out_len > 0);
	kill(atoi(h.err), SIGKILL);
}

static void signals(void)
{
	start(trap_request(0));
	CHECK(until("ready"));
	put_signal(SIGUSR1);
	CHECK(until("usr1"));
	put_signal(SIGHUP);
	finish();
	CHECK(h.exited && h.exit.killed && h.exit.status == SIGHUP);
}

static void detached(void)
{
	const char *fifo = in_dir("detached");
	char text[16] = "", script[256];
	int fd;

	CHECK(mkfifo(fifo, 0600) == 0);
	snprintf(script, sizeof script, "cat; echo out; echo still here >%s", fifo);
	shell(EXEC_DETACH | EXEC_STDIN | EXEC_TTY, script);
	CHECK(next() && h.accepted);
	close(h.fd);
	fd = open(fifo, O_RDONLY); /* waits for the command */
	CHECK(io_read_full(fd, text, 11) == RC_OK && strcmp(text, "still here\n") == 0);
	close(fd);
	CHECK(waitpid(h.pid, NULL, 0) == h.pid);
}

/* --- terminal --- */

static void terminal(void)
{
	struct request *r;

	r = REQUEST(EXEC_STDIN | EXEC_TTY, "/bin/sh", "-c",
	            "stty size; echo $TERM; echo err >&2; read a; echo \"<$a>\"; read b; "
	            "stty size; cat; echo end");
	r->rows = 33;
	r->cols = 101;
	start(r);
	CHECK(until("err\r\n") && out_is("33 101\r\nxterm\r\nerr\r\n"));
	put_text("hello\n");
	CHECK(until("hello\r\n<hello>\r\n")); /* the terminal's echo, then ours */
	put_frame(FRAME_WINSIZE, "\0\x2c\0\x55", 4);
	put_text("x\n");
	CHECK(until("44 85\r\n"));
	put_frame(FRAME_STDIN_END, "", 0);
	finish();
	CHECK(exited(0) && memmem(h.out, h.out_len, "end\r\n", 5));
	CHECK(h.err_len == 0);
	start(trap_request(EXEC_TTY));
	CHECK(until("ready"));
	put_frame(FRAME_WINSIZE, "\0\x2c\0\x55", 4);
	CHECK(until("winch\r\n"));
	put_signal(SIGTERM);
	finish();
	CHECK(exited(9));
}

static void terminal_keys(void)
{
	start(trap_request(EXEC_STDIN | EXEC_TTY));
	CHECK(until("ready"));
	put_text("\x03");
	finish();
	CHECK(h.exited && h.exit.killed && h.exit.status == SIGINT);
	/* what is typed without a newline arrives too, before the end */
	shell(EXEC_STDIN | EXEC_TTY, "stty -echo; echo ready; cat");
	CHECK(until("ready\r\n"));
	put_text("no newline");
	put_frame(FRAME_STDIN_END, "", 0);
	finish();
	CHECK(exited(0) && out_is("ready\r\nno newline"));
	/* without stdin there is a terminal all the same, and it does not end */
	shell(EXEC_TTY, "test -t 0 && test -t 1 && test -t 2 && echo yes; read a; echo no");
	CHECK(until("yes"));
	put_signal(SIGTERM);
	finish();
	CHECK(h.exited && h.exit.killed && h.exit.status == SIGTERM && out_is("yes\r\n"));
}

/* The foreground group gets it, not the shell that waits for it. */
static void terminal_foreground(void)
{
	start(REQUEST(EXEC_STDIN | EXEC_TTY, "/bin/bash", "--norc", "-mc",
	              "sh -c 'echo ready; exec sleep 1000'; echo after; exit 5"));
	CHECK(until("ready"));
	put_signal(SIGTERM);
	finish();
	CHECK(exited(5) && memmem(h.out, h.out_len, "after", 5));
}

/* All of it, though it ends while much of it lies in the terminal. */
static void terminal_drains(void)
{
	shell(EXEC_TTY, "seq 20000");
	finish();
	CHECK(exited(0) && h.out_len == 128894 &&
	      memcmp(h.out + h.out_len - 7, "20000\r\n", 7) == 0);
}

/* It closes its terminal and opens it again. */
static void terminal_closed_for_a_while(void)
{
	shell(EXEC_TTY | EXEC_STDIN,
	      "echo one; exec 3>/dev/tty >/dev/null 2>&1 </dev/null 3>&-; sleep 0.01; "
	      "echo two >/dev/tty");
	finish();
	CHECK(exited(0) && out_is("one\r\ntwo\r\n"));
}

/* --- a host that misbehaves --- */

struct wrong {
	unsigned flags;
	const char *name;
	const char *bytes;
	size_t len;
};

#define BYTES(s) s, sizeof(s) - 1

static const struct wrong wrongs[] = {
	{ 0, "unknown type", BYTES("\x7f\0\0\0") },
	{ 0, "REQUEST again", BYTES("\x01\0\0\x01\xa0") },
	{ 0, "ACCEPT", BYTES("\x02\0\0\x01\xa0") },
	{ 0, "STDIN without -i", BYTES("\x10\0\0\x01x") },
	{ 0, "STDIN_END without -i", BYTES("\x13\0\0\0") },
	{ 0, "WINSIZE without terminal", BYTES("\x14\0\0\x04\0\x01\0\x01") },
	{ EXEC_TTY, "short WINSIZE", BYTES("\x14\0\0\x03\0\x01\0") },
	{ 0, "STDOUT", BYTES("\x11\0\0\x01x") },
	{ 0, "CREDIT", BYTES("\x16\0\0\x04\0\0\0\x01") },
	{ 0, "EXIT", BYTES("\x17\0\0\x02\0\0") },
	{ 0, "signal 0", BYTES("\x15\0\0\x01\0") },
	{ 0, "signal 32", BYTES("\x15\0\0\x01\x20") },
	{ 0, "long SIGNAL", BYTES("\x15\0\0\x02\x01\x01") },
	{ 0, "control frame over its limit", BYTES("\x15\0\x20\x01") },
	{ EXEC_STDIN, "data frame over its limit", BYTES("\x10\xff\xff\xff") },
	{ EXEC_STDIN, "data frame over its credit", BYTES("\x10\x01\0\x01") },
	{ EXEC_STDIN, "empty STDIN", BYTES("\x10\0\0\0") },
	{ EXEC_STDIN, "STDIN_END with a payload", BYTES("\x13\0\0\x01x") },
	{ EXEC_STDIN, "STDIN after its end", BYTES("\x13\0\0\0\x10\0\0\x01x") },
	{ EXEC_STDIN, "ENTRY", BYTES("\x20\0\0\x01\xa0") },
};

enum { WRONGS = sizeof wrongs / sizeof *wrongs };

/* --- connections that end before the command; each takes the five seconds
 * that the command's group is given, so all are begun before any is awaited --- */

static struct later {
	pid_t pid;         /* the server */
	int fd;            /* the connection, or a FIFO that the group holds open */
	const char *wrong; /* the connection is to end with ERROR protocol */
	bool fifo;         /* the FIFO is to come to its end */
	const char *says;  /* and to give this before, or NULL for whatever */
} laters[256];
static size_t laters_len;

static void check_later(struct later l)
{
	if (!CHECK(laters_len < sizeof laters / sizeof *laters))
		return;
	laters[laters_len++] = l;
}

static void check_laters(void)
{
	for (size_t i = 0; i < laters_len; i++) {
		const struct later *l = &laters[i];
		char text[64] = "", c;
		size_t len = 0;
		int status;

		if (l->wrong) {
			memset(&h, 0, sizeof h);
			h.accepted = true;
			h.fd = l->fd;
			while (h.error == 0 && next())
				;
			if (!CHECK(failed(ERR_PROTOCOL, "exec")))
				printf("  with: %s\n", l->wrong);
		}
		/* its end: every process that had it open is dead */
		while (l->fifo && read(l->fd, &c, 1) > 0)
			if (len < sizeof text - 1)
				text[len++] = c;
		CHECK(!l->says || strcmp(text, l->says) == 0);
		close(l->fd);
		CHECK(waitpid(l->pid, &status, 0) == l->pid && status == 0);
	}
}

static void misbehaves(void)
{
	for (size_t i = 0; i < WRONGS; i++) {
		shell(wrongs[i].flags, "trap '' HUP; echo ready; sleep 1000");
		CHECK(until("ready"));
		put(wrongs[i].bytes, wrongs[i].len);
		check_later((struct later){ .pid = h.pid, .fd = h.fd, .wrong = wrongs[i].name });
	}
}

/* More than the window, in frames that are each within it. */
static void over_credit(void)
{
	static const char bytes[STDIN_WINDOW / 2];

	shell(EXEC_STDIN, "echo ready; sleep 1000");
	CHECK(until("ready"));
	/* The window, and what the pipe takes, are full with four. */
	for (int i = 0; i < 6; i++)
		put_frame(FRAME_STDIN, bytes, sizeof bytes);
	check_later((struct later){ .pid = h.pid, .fd = h.fd, .wrong = "too much input" });
}

/* Cuts the connection once every process of the script has the FIFO open. */
static void cut_when_up(const char *name, const char *script)
{
	static char command[512];
	const char *fifo = in_dir(name);
	char c;
	int fd;

	CHECK(mkfifo(fifo, 0600) == 0);
	snprintf(command, sizeof command, "exec 3>%s; %s", fifo, script);
	shell(0, command);
	fd = open(fifo, O_RDONLY | O_CLOEXEC);
	CHECK(io_read_full(fd, &c, 1) == RC_OK && c == 'u');
	close(h.fd);
	check_later((struct later){ .pid = h.pid, .fd = fd, .fifo = true });
}

static void cut(void)
{
	/* It and its child ignore SIGHUP, and it writes without end. */
	cut_when_up("stubborn", "trap '' HUP; sh -c 'echo up >&3; sleep 1000; :' & "
	                        "while :; do echo y || :; done 2>/dev/null");
	/* It dies of SIGHUP, its child does not. */
	cut_when_up("orphan", "sh -c 'trap \"\" HUP; echo up >&3; sleep 1000; :' & wait");
	/* It says goodbye to nobody, and that does not end it by SIGPIPE. */
	cut_when_up("polite", "trap 'echo bye; echo bye >&2; echo done >&3; exit' HUP; "
	                      "echo up >&3; while :; do sleep 1; done");
	laters[laters_len - 1].says = "p\ndone\n";
	/* It is stopped. */
	cut_when_up("stopped", "sh -c 'echo up >&3; kill -STOP $$'; :");
}

/* A conversation of the host cut at every byte: the server always ends. */
static void cut_everywhere(void)
{
	static const char talk[] = "\x10\0\0\x05hello\x14\0\0\x04\0\x10\0\x10\x15\0\0\x01\x1c"
				   "\x10\0\0\x02\n\x04\x13\0\0\0";

	for (size_t i = 0; i < sizeof talk; i++) {
		shell(EXEC_STDIN | EXEC_TTY, "cat");
		put(talk, i);
		close(h.fd);
		check_later((struct later){ .pid = h.pid, .fd = -1 });
	}
}

static void on_signal(int n)
{
	static const struct {
		int n;
		const char *text;
	} texts[] = {
		{ SIGTERM, "term\n" },
		{ SIGUSR1, "usr1\n" },
		{ SIGWINCH, "winch\n" },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (n == texts[i].n && write(1, texts[i].text, strlen(texts[i].text)) < 0)
			_exit(1);
	if (n == SIGTERM)
		_exit(9);
}

static int helper(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGWINCH, &act, NULL);
	if (write(1, "ready\n", 6) != 6)
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "trap") == 0)
		return helper();
	setvbuf(stdout, NULL, _IOLBF, 0);
	(void)signal(SIGPIPE, SIG_IGN); /* the command must not inherit it */
	umask(022);
	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		return 1;
	}
	chmod(dir, 0755);
	statuses();
	not_started();
	search_path();
	environment();
	other_user();
	no_stdin();
	through_cat();
	unread_stdin();
	closed_stdin();
	big_output();
	left_behind();
	signals();
	detached();
	terminal();
	terminal_keys();
	terminal_foreground();
	terminal_drains();
	terminal_closed_for_a_while();
	misbehaves();
	over_credit();
	cut();
	cut_everywhere();
	check_laters();
	if (fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	wait(NULL);
	return test_end();
}
