#include "appliance/start.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/command.h"
#include "appliance/base/log.h"
#include "appliance/confine.h"
#include "boot/root.h"

enum { TOLD = STDERR_FILENO + 1 };

static bool bind(struct slice path)
{
	char text[MANIFEST_ARG_MAX + 1] = "";

	memcpy(text, path.p, path.len);
	return mount(text, text, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static bool set_mounts(const struct service *s)
{
	const unsigned long plain = MS_NOSUID | MS_NODEV;
	bool ok = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;

	if (s->policy.flags & SERVICE_OWN_PIDS)
		ok = ok && mount("proc", "/proc", "proc", plain | MS_NOEXEC, NULL) == 0 &&
		     root_protect_sysctls("/proc/sys") == RC_OK;
	if (!(s->policy.flags & SERVICE_READ_ONLY))
		return ok;
	for (size_t i = 0; i < s->pathc; i++)
		ok = ok && bind(s->paths[i]);
	/* And /dev, where others look for what is random and for nothing. */
	return ok && mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | plain, NULL) == 0 &&
	       mount(NULL, "/dev", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC,
	             NULL) == 0;
}

static bool set_process(const struct start *s)
{
	sigset_t none;

	sigemptyset(&none);
	/* First: until then that number is the launcher's pair to PID 1. */
	return dup3(s->fds[START_TOLD], TOLD, O_CLOEXEC) >= 0 && setsid() >= 0 &&
	       dup2(s->fds[START_OUT], STDOUT_FILENO) >= 0 &&
	       dup2(s->fds[START_ERR], STDERR_FILENO) >= 0 &&
	       syscall(SYS_close_range, TOLD + 1u, ~0u, 0u) == 0 &&
	       signal(SIGTERM, SIG_DFL) != SIG_ERR && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
	       confine_spare(false);
}

static bool set_command(const struct service *s, bool probe)
{
	enum rc rc = command_prepare(probe ? s->probe : s->argv, probe ? s->probec : s->argc,
	                             s->env, s->envc, s->cwd);

	errno = E2BIG; /* it does not say */
	return rc == RC_OK;
}

__attribute__((noreturn)) static void child(const struct start *s)
{
	const struct service *v = s->service;
	static const char failed[] = "cannot %s %s: %m";
	const char *what = "set up the process of";
	bool ok = set_process(s);

	log_to(STDERR_FILENO);
	if (ok && !s->probe) {
		what = "set up the mounts of";
		ok = set_mounts(v);
	}
	if (ok) {
		what = "put together the command of";
		ok = set_command(v, s->probe);
	}
	if (ok) {
		what = "give up the rights of";
		ok = confine_service(v->policy.caps) == RC_OK;
	}
	if (ok)
		what = command_run(v->ids, v->idc, 0);
	log_line(failed, what ? what : "execute", ok ? command_object() : "it");
	dprintf(TOLD, failed, what ? what : "execute", ok ? command_object() : "it");
	_exit(!what && errno == ENOENT ? 127 : 126);
}

pid_t start(const struct start *s)
{
	bool own_pids = !s->probe && s->service->policy.flags & SERVICE_OWN_PIDS;
	struct clone_args a = {
		.flags = CLONE_INTO_CGROUP | (s->probe ? 0u : CLONE_NEWNS) |
		         (own_pids ? CLONE_NEWPID : 0u),
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned)s->cgroup,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof a);

	if (pid == 0)
		child(s);
	return pid;
}
