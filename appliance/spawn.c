#include "appliance/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The child's frames until it executes: a few calls deep. */
static char stack[8192] __attribute__((aligned(16)));

static int self = -1;

enum rc spawn_init(void)
{
	for (int i = 0; i < SPAWN_FDS; i++)
		if (open("/dev/null", O_RDWR | O_CLOEXEC) != SPAWN_FD_PAIR + i)
			return RC_IO;
	self = open("/init", O_PATH | O_CLOEXEC);
	return self < 0 ? RC_IO : RC_OK;
}

struct order {
	char *const *argv;
	const int *fds;
	int error; /* written by the child, in our memory */
};

static int child(void *arg)
{
	static char *const no_env[] = { NULL };
	struct order *o = arg;
	sigset_t none;
	bool ok;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* Not libc's function, which would tell the threads of a process: only
	 * the child becomes root. */
	ok = syscall(SYS_setresuid, 0, 0, 0) == 0;
	for (int i = 0; i < SPAWN_FDS; i++)
		ok = ok && (o->fds[i] < 0 || dup2(o->fds[i], SPAWN_FD_PAIR + i) >= 0);
	if (ok)
		syscall(SYS_execveat, self, "", o->argv, no_env, AT_EMPTY_PATH);
	o->error = errno;
	_exit(127);
}

pid_t spawn_role(char *const argv[], const int fds[SPAWN_FDS])
{
	struct order o = { argv, fds, 0 };
	pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &o);

	if (pid >= 0 && o.error != 0) {
		errno = o.error;
		return -1;
	}
	return pid;
}
