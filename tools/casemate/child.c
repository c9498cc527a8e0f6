#include "tools/casemate/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_FDS = 4, EXEC_FAILED = 127 };

struct child child_of(const char *program)
{
	struct child c = { .in = -1, .out = -1, .err = -1, .extra = -1 };

	c.argv[0] = program;
	return c;
}

void child_arg(struct child *c, const char *arg)
{
	size_t n = 0;

	while (c->argv[n] != NULL)
		n++;
	if (n == CHILD_ARGS_MAX)
		abort();
	c->argv[n] = arg;
}

/* Puts the wanted descriptors to 0 to 3, by way of numbers above them, so that
 * none is overwritten before it was copied. */
static bool place_fds(const struct child *c)
{
	int want[CHILD_FDS] = { c->in, c->out, c->err, c->extra }, high[CHILD_FDS];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return false;
	for (int i = 0; i < CHILD_FDS; i++) {
		high[i] = -1;
		if (i < 3 || want[i] >= 0)
			high[i] = fcntl(want[i] < 0 ? null : want[i], F_DUPFD_CLOEXEC, 16);
	}
	for (int i = 0; i < CHILD_FDS; i++) {
		if (high[i] >= 0 && dup2(high[i], i) < 0)
			return false;
	}
	return high[0] >= 0 && high[1] >= 0 && high[2] >= 0 && (want[3] < 0 || high[3] >= 0);
}

static _Noreturn void become(const struct child *c, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (c->die_with_us) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXEC_FAILED); /* it ended before it could be told */
	}
	if (!place_fds(c) || (c->dir != NULL && chdir(c->dir) < 0))
		_exit(EXEC_FAILED);
	execvp(c->argv[0], (char *const *)(uintptr_t)c->argv);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", c->argv[0], strerror(errno));
	_exit(EXEC_FAILED);
}

pid_t child_start(const struct child *c)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		become(c, parent);
	return pid;
}

int child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_fd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
}
