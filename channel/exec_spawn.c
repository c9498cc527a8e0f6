#include "channel/exec_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "appliance/base/command.h"
#include "appliance/base/io.h"

enum spawn_stage { AT_SETUP, AT_USER, AT_CWD, AT_EXEC };

/* What the child needs, and what it answers. One session process runs one
 * command, so there is one of these. */
static struct plan {
	const struct request *r;
	bool tty;
	int fds[3]; /* to become 0, 1, 2 */
	/* What failed, and where; 0: nothing did. */
	volatile enum spawn_stage stage;
	volatile int error;
} plan;

static enum rc prepare(const struct request *r, struct failure *f)
{
	plan.r = r;
	plan.tty = (r->flags & (EXEC_TTY | EXEC_DETACH)) == EXEC_TTY;
	switch (command_prepare(r->argv, r->argc, r->env, r->envc, r->cwd)) {
	case RC_OK: return RC_OK;
	case RC_BAD: return failure_set(f, ERR_PROTOCOL, "a variable is not KEY=VALUE");
	default:
		return failure_set(f, ERR_OVER_LIMIT, "arguments and variables are too long");
	}
}

/* --- streams --- */

/* The command's ends belong to its user, so that /dev/stdout can be opened. */
static void give_to_user(int fd)
{
	if (plan.r->idc > 0)
		(void)!fchown(fd, plan.r->ids[0], (gid_t)-1);
}

/* Only our end does not wait: an end is an open file of its own. */
static bool open_pipe(struct spawned *s, int stream)
{
	int p[2], ours = stream == STDIN_FILENO ? 1 : 0;

	if (pipe2(p, O_CLOEXEC) != 0)
		return false;
	s->fd[stream] = p[ours];
	plan.fds[stream] = p[1 - ours];
	give_to_user(plan.fds[stream]);
	return fcntl(s->fd[stream], F_SETFL, O_NONBLOCK) == 0;
}

static bool open_null(int stream)
{
	plan.fds[stream] = open("/dev/null", O_RDWR | O_CLOEXEC);
	return plan.fds[stream] >= 0;
}

/* The name of the other side is never used: /dev/pts is the app's. */
static bool open_tty(struct spawned *s)
{
	struct winsize size = { .ws_row = plan.r->rows, .ws_col = plan.r->cols };
	int unlock = 0, tty;

	tty = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	s->fd[STDOUT_FILENO] = tty;
	if (tty < 0 || ioctl(tty, TIOCSPTLCK, &unlock) != 0 || ioctl(tty, TIOCSWINSZ, &size) != 0)
		return false;
	s->hold = ioctl(tty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->hold < 0)
		return false;
	give_to_user(s->hold);
	for (int i = 0; i < 3; i++)
		if ((plan.fds[i] = fcntl(s->hold, F_DUPFD_CLOEXEC, 3)) < 0)
			return false;
	if (plan.r->flags & EXEC_STDIN)
		s->fd[STDIN_FILENO] = fcntl(tty, F_DUPFD_CLOEXEC, 3);
	return !(plan.r->flags & EXEC_STDIN) || s->fd[STDIN_FILENO] >= 0;
}

static bool open_streams(struct spawned *s)
{
	bool detach = plan.r->flags & EXEC_DETACH, in = plan.r->flags & EXEC_STDIN;

	s->tty = plan.tty;
	if (plan.tty)
		return open_tty(s);
	for (int i = 0; i < 3; i++) {
		bool null = detach || (i == STDIN_FILENO && !in);

		if (!(null ? open_null(i) : open_pipe(s, i)))
			return false;
	}
	return true;
}

void exec_spawn_close(struct spawned *s)
{
	for (int i = 0; i < 3; i++)
		io_close(&s->fd[i]);
	io_close(&s->hold);
	io_close(&s->pidfd);
}

/* --- the child: memory is shared with the parent --- */

__attribute__((noreturn)) static void child(void)
{
	if (setsid() < 0)
		goto failed;
	for (int i = 0; i < 3; i++)
		if (dup2(plan.fds[i], i) < 0)
			goto failed;
	if (plan.tty && ioctl(0, TIOCSCTTY, 0) != 0)
		goto failed;
	if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0)
		goto failed;
	/* Of all signals, only this one is not as it was at our own start. */
	(void)signal(SIGPIPE, SIG_DFL);
	plan.stage = AT_USER;
	if (!command_become(plan.r->ids, plan.r->idc))
		goto failed;
	/* Should this session process be killed, its command hears of it. */
	if (!(plan.r->flags & EXEC_DETACH))
		(void)prctl(PR_SET_PDEATHSIG, SIGHUP);
	plan.stage = AT_CWD;
	if (chdir(command_cwd()) != 0)
		goto failed;
	plan.stage = AT_EXEC;
	command_execute();
failed:
	plan.error = errno;
	_exit(127);
}

/* Not inlined, so that the child's stack frames lie below this one's. */
__attribute__((noinline)) static pid_t start(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		child();
	return pid;
}

/* --- why not --- */

static enum rc explain_exec(struct failure *f)
{
	enum error_code code = ERR_NOT_EXECUTABLE;
	const char *why = strerror(plan.error);

	switch (plan.error) {
	case ENOENT: return failure_set(f, ERR_NOT_FOUND, "%.900s", command_name());
	case ELIBACC: why = "the interpreter it names is missing"; break;
	case E2BIG: code = ERR_OVER_LIMIT; break;
	case EAGAIN:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM: code = ERR_SYSTEM; break;
	default: break;
	}
	return failure_set(f, code, "%.900s: %s", command_name(), why);
}

static enum rc explain(struct failure *f)
{
	errno = plan.error;
	switch (plan.stage) {
	case AT_USER: return failure_set(f, ERR_DENIED, "become user %u: %m", plan.r->ids[0]);
	case AT_CWD: return failure_errno(f, "enter working directory", command_cwd());
	case AT_EXEC: return explain_exec(f);
	default: return failure_errno(f, "set up", command_name());
	}
}

/* Sets plan.error when it is not RC_OK. */
static enum rc spawn(struct spawned *s)
{
	plan.stage = AT_SETUP;
	plan.error = 0;
	if (!open_streams(s) || (s->pid = start()) < 0) {
		plan.error = errno;
		return RC_IO;
	}
	if (plan.error != 0)
		return RC_IO;
	plan.stage = AT_SETUP;
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pidfd < 0)
		plan.error = errno;
	return s->pidfd < 0 ? RC_IO : RC_OK;
}

enum rc exec_spawn(const struct request *r, struct spawned *s, struct failure *f)
{
	enum rc rc;

	*s = (struct spawned){ .pid = -1, .pidfd = -1, .fd = { -1, -1, -1 }, .hold = -1 };
	memset(plan.fds, -1, sizeof plan.fds);
	f->code = 0;
	if (prepare(r, f) != RC_OK)
		return RC_DENIED;
	rc = spawn(s);
	for (int i = 0; i < 3; i++)
		io_close(&plan.fds[i]);
	if (rc == RC_OK)
		return RC_OK;
	if (s->pid > 0) {
		(void)kill(-s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	exec_spawn_close(s);
	return explain(f);
}
