/* tools/casemate/interrupt: the transfer ends the ordinary way, the process as
 * the signal would have ended it. */
#include "tests/unit/test.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "tools/casemate/interrupt.h"

struct child {
	pid_t pid;
	int peer; /* the transfer's other end; the child also reports on it */
};

/* A process that waits for its peer as a transfer does, cleans up (says 'c')
 * and ends. */
static struct child start(int ignored)
{
	struct child c;
	int pair[2], report[2];
	char b;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || pipe(report) < 0)
		exit(1);
	c.pid = fork();
	if (c.pid == 0) {
		close(report[0]);
		close(pair[1]);
		if (ignored != 0)
			signal(ignored, SIG_IGN);
		interrupt_start(pair[0]);
		if (write(report[1], "r", 1) != 1 || io_read_full(pair[0], &b, 1) != RC_EOF ||
		    write(report[1], "c", 1) != 1)
			_exit(9);
		interrupt_end();
		_exit(0);
	}
	close(pair[0]);
	close(report[1]);
	/* The pair must outlive the child's wait: it is left open. */
	c.peer = report[0];
	if (read(c.peer, &b, 1) != 1 || b != 'r')
		exit(1);
	return c;
}

static int status_of(const struct child *c, bool *cleaned)
{
	int status = -1;
	char b = 0;

	*cleaned = read(c->peer, &b, 1) == 1 && b == 'c';
	waitpid(c->pid, &status, 0);
	close(c->peer);
	return status;
}

static void test_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	bool cleaned;

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct child c = start(0);
		int status;

		kill(c.pid, signals[i]);
		status = status_of(&c, &cleaned);
		CHECK(cleaned && WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
	}
}

static void test_ignored(void)
{
	struct child c = start(SIGHUP);
	bool cleaned;
	int status;

	kill(c.pid, SIGHUP); /* nothing happens */
	kill(c.pid, SIGTERM);
	status = status_of(&c, &cleaned);
	CHECK(cleaned && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* Afterwards a signal does what it did before. */
static void test_after(void)
{
	pid_t pid = fork();
	int status = -1, pair[2];

	if (pid == 0) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
			_exit(9);
		interrupt_start(pair[0]);
		interrupt_end();
		raise(SIGINT);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

int main(void)
{
	/* A background job of a script ignores INT from the start. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	test_signals();
	test_ignored();
	test_after();
	return test_end();
}
