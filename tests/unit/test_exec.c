/* channel/exec: the enclave's end, spoken to frame by frame. Commands are
 * those of this machine; nothing here depends on how fast they are.
 */
#include "tests/unit/exec_peer.h"

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
	CHECK(h.exited && h.exit == EXIT_KILLED + SIGKILL);
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
	CHECK(failed(ERR_NOT_FOUND, "working directory '/no/such/folder'"));
	r = REQUEST(0, "/bin/true");
	r->env[r->envc++] = slice_str("NOEQUALS");
	start(r);
	finish();
	CHECK(failed(ERR_PROTOCOL, "KEY=VALUE"));
	r = REQUEST(0, "/bin/true");
	r->env[r->envc++] = slice_str("=x");
	start(r);
	finish();
	CHECK(failed(ERR_PROTOCOL, "KEY=VALUE"));
}

/* What the system says of a file that is there. */
static void not_executable(void)
{
	static char word[REQUEST_VAR_MAX];
	struct request *r = REQUEST(0, "/bin/true");

	write_file(in_dir("a"),
	           "\x7f"
	           "ELF",
	           0755);
	start(REQUEST(0, in_dir("a")));
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "format"));
	/* a name that is too long for the system, found nowhere */
	memset(word, 'x', sizeof word);
	r->argv[0] = slice_of(word, 300);
	start(r);
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "File name too long"));
	unlink(in_dir("a"));
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
	/* what is there and cannot be executed counts more than what is not */
	mkdir(in_dir("c"), 0755);
	write_file(in_dir("c/tool"), "#!/no/such/interpreter\n", 0755);
	snprintf(var, sizeof var, "PATH=/nowhere:%s:/bin", in_dir("c"));
	r = REQUEST(0, "tool");
	r->env[r->envc++] = slice_str(var);
	start(r);
	finish();
	CHECK(failed(ERR_NOT_EXECUTABLE, "tool: the interpreter it names is missing"));
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
	CHECK(exited(0) && out_is("")); /* nothing of ours, nothing made up */
	r = REQUEST(0, "env");
	r->env[r->envc++] = slice_str("PATH=/nowhere");
	r->env[r->envc++] = slice_str("PATH=/usr/bin:/bin");
	r->env[r->envc++] = slice_str("HOME=/h");
	r->env[r->envc++] = slice_str("A=2=3");
	r->env[r->envc++] = slice_str("E=");
	start(r);
	finish();
	CHECK(exited(0) && out_is("PATH=/nowhere\nPATH=/usr/bin:/bin\nHOME=/h\nA=2=3\nE=\n"));
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

static void become(struct request *r, uint32_t uid, uint32_t gid)
{
	r->ids[0] = uid;
	r->ids[1] = gid;
	r->idc = 2;
}

static void other_user(void)
{
	struct request *r = REQUEST(0, "/bin/sh", "-c",
	                            "id -u; id -g; id -G; cat /dev/null >/dev/stdout; echo ok");

	if (geteuid() != 0) {
		printf("not root: another user is not tried\n");
		return;
	}
	become(r, 4711, 4712);
	start(r);
	finish();
	CHECK(exited(0) && out_is("4711\n4712\n4712\nok\n"));
	become(r, 4711, 4712);
	r->ids[r->idc++] = 6;
	r->ids[r->idc++] = 7;
	start(r);
	finish();
	CHECK(exited(0) && out_is("4711\n4712\n4712 6 7\nok\n"));
	r = REQUEST(EXEC_TTY, "/bin/sh", "-c", "id -u; : >/dev/tty; : >$(tty) && echo ok");
	become(r, 4711, 0);
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
	put_frame(FRAME_STDIN, "", 0);
	finish();
	CHECK(exited(0) && out_is("one two"));
}

/* Input that nobody reads fills the window to its last byte and blocks
 * nothing behind it. */
/* What there is of a frame is the command's before the rest has come. */
static void frame_in_pieces(void)
{
	shell(EXEC_STDIN, "cat");
	put("\x10\0\0\x06hel", 7);
	CHECK(until("hel"));
	put("lo", 2);
	CHECK(until("hello"));
	put("!\x10", 2);
	CHECK(until("hello!"));
	put("\0\0\0", 3);
	finish();
	CHECK(exited(0) && out_is("hello!"));
}

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

/* Input that arrives while some waits, behind some that has been taken. */
static void input_in_pieces(void)
{
	static uint8_t data[2 * STDIN_WINDOW + STDIN_WINDOW / 2];
	const char *go = in_dir("go");
	char script[512];
	int fd;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 >> 5);
	CHECK(mkfifo(go, 0600) == 0);
	snprintf(script, sizeof script,
	         "sleep 1000 & trap \"kill $!; cat; exit 0\" USR1; read x <%s; "
	         "dd bs=40000 count=1 iflag=fullblock 2>/dev/null; wait",
	         go);
	shell(EXEC_STDIN, script);
	/* The first fills the pipe, the second waits. */
	put_frame(FRAME_STDIN, data, STDIN_WINDOW);
	while (h.credit < STDIN_WINDOW && next())
		;
	put_frame(FRAME_STDIN, data + STDIN_WINDOW, STDIN_WINDOW);
	fd = open(go, O_WRONLY | O_CLOEXEC);
	CHECK(io_write_full(fd, "\n", 1) == RC_OK);
	close(fd);
	while (h.credit < STDIN_WINDOW + STDIN_WINDOW / 2 && next())
		;
	/* Half of that has been taken now, and the rest is after the signal. */
	put_frame(FRAME_STDIN, data + 2 * STDIN_WINDOW, STDIN_WINDOW / 2);
	put_frame(FRAME_STDIN, "", 0);
	put_signal(SIGUSR1);
	finish();
	CHECK(exited(0) && h.out_len == sizeof data && memcmp(h.out, data, sizeof data) == 0);
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
	CHECK(h.exited && h.exit == EXIT_KILLED + SIGKILL);
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
	CHECK(h.exited && h.exit == EXIT_KILLED + SIGHUP);
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
	            "stty size; echo err >&2; read a; echo \"<$a>\"; read b; "
	            "stty size; cat; echo end");
	r->rows = 33;
	r->cols = 101;
	start(r);
	CHECK(until("err\r\n") && out_is("33 101\r\nerr\r\n"));
	put_text("hello\n");
	CHECK(until("hello\r\n<hello>\r\n")); /* the terminal's echo, then ours */
	put_frame(FRAME_WINSIZE, "\0\0\0\0\0\x2c\0\x55", 8);
	put_text("x\n");
	CHECK(until("44 85\r\n"));
	put_frame(FRAME_STDIN, "", 0);
	finish();
	CHECK(exited(0) && memmem(h.out, h.out_len, "end\r\n", 5));
	CHECK(h.err_len == 0);
	start(trap_request(EXEC_TTY));
	CHECK(until("ready"));
	put_frame(FRAME_WINSIZE, "\0\0\0\0\0\x2c\0\x55", 8);
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
	CHECK(h.exited && h.exit == EXIT_KILLED + SIGINT);
	/* what is typed without a newline arrives too, before the end */
	shell(EXEC_STDIN | EXEC_TTY, "stty -echo; echo ready; cat");
	CHECK(until("ready\r\n"));
	put_text("no newline");
	put_frame(FRAME_STDIN, "", 0);
	finish();
	CHECK(exited(0) && out_is("ready\r\nno newline"));
	/* without stdin there is a terminal all the same, and it does not end */
	shell(EXEC_TTY, "test -t 0 && test -t 1 && test -t 2 && echo yes; read a; echo no");
	CHECK(until("yes"));
	put_signal(SIGTERM);
	finish();
	CHECK(h.exited && h.exit == EXIT_KILLED + SIGTERM && out_is("yes\r\n"));
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

int main(int argc, char **argv)
{
	peer_main(argc, argv);
	statuses();
	not_started();
	not_executable();
	search_path();
	environment();
	other_user();
	no_stdin();
	through_cat();
	frame_in_pieces();
	unread_stdin();
	input_in_pieces();
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
	return peer_end();
}
