/* A host that speaks to channel/exec frame by frame, and commands to run:
 * what the tests of exec share. Each begins with peer_main().
 */
#ifndef TESTS_UNIT_EXEC_PEER_H
#define TESTS_UNIT_EXEC_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "appliance/base/io.h"
#include "channel/host_message.h"
#include "channel/session.h"
#include "tests/unit/test.h"

static struct {
	int fd;
	pid_t pid; /* the process that serves */
	bool accepted, exited;
	uint64_t exit;
	enum error_code error; /* 0: none */
	char text[ERROR_TEXT_MAX + 1];
	uint64_t credit;
	size_t out_len, err_len, frames;
	char out[1 << 20], err[1 << 16];
} h;

static char dir[] = "/tmp/test_exec.XXXXXX";

static inline const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
	return path[turn];
}

static inline void start(const struct request *r)
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
static inline struct request *request(unsigned flags, const char *const *argv)
{
	static struct request r;

	r = (struct request){ .op = OP_EXEC, .flags = flags, .rows = 24, .cols = 80 };
	for (; argv[r.argc]; r.argc++)
		r.argv[r.argc] = slice_str(argv[r.argc]);
	return &r;
}

#define REQUEST(flags, ...) request((flags), (const char *const[]){ __VA_ARGS__, NULL })

static inline void shell(unsigned flags, const char *script)
{
	start(REQUEST(flags, "/bin/sh", "-c", script));
}

/* This program itself, as a command that answers signals (helper() below): a
 * shell may lose one while it starts another program. */
static inline struct request *trap_request(unsigned flags)
{
	static char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = 0;
	return REQUEST(flags, self, "trap");
}

static inline void put(const void *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(h.fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* it has closed: the test will see why */
		p = (const char *)p + sent;
		n -= (size_t)sent;
	}
}

static inline void put_frame(unsigned type, const void *p, size_t n)
{
	uint8_t head[FRAME_HEAD] = { (uint8_t)type, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
		                     (uint8_t)n };

	put(head, sizeof head);
	put(p, n);
}

static inline void put_text(const char *s)
{
	put_frame(FRAME_STDIN, s, strlen(s));
}

static inline void put_signal(int n)
{
	put_frame(FRAME_SIGNAL, (const uint8_t[8]){ [7] = (uint8_t)n }, 8);
}

static inline void append(char *to, size_t max, size_t *len, struct slice s)
{
	size_t n = s.len < max - *len ? s.len : max - *len;

	memcpy(to + *len, s.p, n);
	*len += n;
}

/* false: the connection is over. */
static inline bool next(void)
{
	static uint8_t payload[FRAME_DATA_MAX];
	uint8_t head[FRAME_HEAD];
	struct frame f;
	struct slice s;
	struct error_msg e;
	uint64_t credit;

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
		CHECK(!h.accepted && s.len == 0);
		h.accepted = true;
		break;
	case FRAME_STDOUT: append(h.out, sizeof h.out - 1, &h.out_len, s); break;
	case FRAME_STDERR: append(h.err, sizeof h.err - 1, &h.err_len, s); break;
	case FRAME_CREDIT:
		CHECK(number_parse(s, INT64_MAX, &credit) && credit > 0);
		h.credit += credit;
		break;
	case FRAME_EXIT: h.exited = CHECK(number_parse(s, 511, &h.exit)); break;
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
static inline bool until(const char *text)
{
	while (!memmem(h.out, h.out_len, text, strlen(text)))
		if (!next())
			return false;
	return true;
}

/* Closes, and sees that the server ended well. */
static inline void end(void)
{
	int status;

	close(h.fd);
	CHECK(waitpid(h.pid, &status, 0) == h.pid && status == 0);
}

static inline void finish(void)
{
	while (!h.exited && h.error == 0 && next())
		;
	end();
}

static inline bool out_is(const char *text)
{
	bool same = h.out_len == strlen(text) && memcmp(h.out, text, h.out_len) == 0;

	if (!same)
		printf("output is '%.*s'\n", (int)h.out_len, h.out);
	return same;
}

static inline bool exited(int status)
{
	return h.exited && h.exit == (uint64_t)status;
}

static inline bool failed(enum error_code code, const char *part)
{
	bool same = h.error == code && strstr(h.text, part);

	if (!same)
		printf("error is %d '%s'\n", (int)h.error, h.text);
	return same;
}

static inline void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || io_write_full(fd, text, strlen(text)) != RC_OK || fchmod(fd, mode) != 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static inline void on_signal(int n)
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

static inline int helper(void)
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

/* The first thing of main(): the command of trap_request, or the test's folder
 * and signals. */
static inline void peer_main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "trap") == 0)
		exit(helper());
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* As a session process begins, whatever nohup and the like have ignored. */
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN); /* the command must not inherit it */
	umask(022);
	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		exit(1);
	}
	chmod(dir, 0755);
}

/* The last: the folder goes. The value of main(). */
static inline int peer_end(void)
{
	if (fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	wait(NULL);
	return test_end();
}

#endif
