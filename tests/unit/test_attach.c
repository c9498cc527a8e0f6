/* channel/attach: the host's end of exec, against the real enclave's end. The
 * tool is a process of its own here, with pipes, files or a terminal as its
 * streams.
 */
#include "tests/unit/attach_tool.h"

/* --- cases --- */

static void statuses(void)
{
	char *const env[] = { "A=b c", NULL };
	static const uint32_t root[] = { 0, 0 };

	sh("echo out; echo err >&2; exit 42");
	CHECK(got.status == 42 && out_is("out\n") && strcmp(got.err, "err\n") == 0);
	sh("kill -9 $$");
	CHECK(got.status == 128 + 9 && got.err_len == 0);
	run_with(&(struct attach){ .argv = args("nosuch\x1b[2J", NULL, NULL) }, "", 0, 0);
	CHECK(got.status == ATTACH_NOT_FOUND && got.out_len == 0);
	CHECK(strcmp(got.err, "test: exec: box: not found: nosuch\x1b[2J\n") == 0);
	run_with(&(struct attach){ .argv = args("/etc", NULL, NULL) }, "", 0, 0);
	CHECK(got.status == ATTACH_NOT_EXECUTABLE &&
	      err_has("test: exec: box: not executable: /etc: Permission denied\n"));
	run_with(&(struct attach){ .argv = args("true", NULL, NULL), .cwd = "/nosuch" }, "", 0, 0);
	CHECK(got.status == ATTACH_NOT_FOUND && err_has("working directory '/nosuch'"));
	run_with(&(struct attach){ .argv = args("/bin/sh", "-c", "echo $A; pwd"),
	                           .env = env,
	                           .cwd = "/usr",
	                           .ids = root,
	                           .idc = 2 },
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
			_exit(attach_and_tell(&a));
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

int main(int argc, char **argv)
{
	tool_main(argc, argv);
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
	for (size_t i = 0; i < laters_len; i++)
		CHECK(status_of(laters[i]) == 0);
	return test_end();
}
