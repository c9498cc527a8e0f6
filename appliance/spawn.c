#include "appliance/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int self = -1;

enum rc spawn_init(void)
{
	for (int i = 0; i < SPAWN_FDS; i++)
		if (open("/dev/null", O_RDWR | O_CLOEXEC) != SPAWN_FD_PAIR + i)
			return RC_IO;
	self = open("/init", O_PATH | O_CLOEXEC);
	return self < 0 ? RC_IO : RC_OK;
}

/* The child, in our memory until it executes: not inlined, so that its frame lies
 * below its parent's. */
__attribute__((noreturn, noinline)) static void child(char *const argv[], const int *fds,
                                                      volatile int *error)
{
	static char *const no_env[] = { NULL };
	sigset_t none;
	bool ok;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* Not libc's function, which would tell the threads of a process: only
	 * the child becomes root. */
	ok = syscall(SYS_setresuid, 0, 0, 0) == 0;
	for (int i = 0; i < SPAWN_FDS; i++)
		ok = ok && (fds[i] < 0 || dup2(fds[i], SPAWN_FD_PAIR + i) >= 0);
	if (ok)
		syscall(SYS_execveat, self, "", argv, no_env, AT_EMPTY_PATH);
	*error = errno;
	_exit(127);
}

pid_t spawn_role(const char *name, const int fds[SPAWN_FDS])
{
	char *const argv[] = { (char *)(uintptr_t)name, NULL };
	volatile int error = 0;
	pid_t pid = vfork();

	if (pid == 0)
		child(argv, fds, &error);
	if (pid < 0 || error == 0)
		return pid;
	errno = error;
	return -1;
}
