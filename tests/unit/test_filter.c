/* appliance/base/filter.h: what is on the list works, all else ends the
 * process. Raw calls: the sanitizers of this build must not add their own.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "appliance/base/filter.h"
#include "tests/unit/test.h"

/* Filters itself, makes one call, and exits with 7 by another. */
static int run(const int *calls, size_t n, long call)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter_allow(calls, n) != RC_OK)
			_exit(1);
		syscall(call, 0, 0, 0);
		syscall(SYS_exit_group, 7);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

/* What the refused call and another one come to. */
static void refuse(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    filter_refuse(SYS_getppid) != RC_OK)
			_exit(1);
		if (syscall(SYS_getppid) != -1 || errno != ENOSYS)
			_exit(2);
		_exit(syscall(SYS_getpid) > 0 ? 7 : 3);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static bool killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

int main(void)
{
	static const int some[] = { SYS_getpid, SYS_exit_group };
	static const int exit_only[] = { SYS_exit_group };
	static int many[FILTER_CALLS_MAX + 1];
	int status;

	status = run(some, 2, SYS_getpid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(killed(run(some, 2, SYS_getppid)));
	CHECK(killed(run(exit_only, 1, SYS_getpid)));
	CHECK(killed(run(NULL, 0, SYS_getpid)));
#ifdef __x86_64__
	/* x32's numbers are others. */
	CHECK(killed(run(some, 2, 0x40000000 | SYS_getpid)));
#endif

	for (size_t i = 0; i < FILTER_CALLS_MAX; i++)
		many[i] = 1000;
	many[FILTER_CALLS_MAX - 1] = SYS_exit_group;
	status = run(many, FILTER_CALLS_MAX, SYS_exit_group);
	CHECK(WIFEXITED(status));
	CHECK(filter_allow(many, FILTER_CALLS_MAX + 1) == RC_LIMIT);
	refuse();
	return test_end();
}
