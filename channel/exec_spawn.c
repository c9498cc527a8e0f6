#include "channel/exec_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/command.h"
#include "appliance/base/io.h"

/* What the child needs, and what it answers. One session process runs one
 * command, so there is one of these. */
static struct plan {
	const struct request *r;
	bool tty;
	int fds[3]; /* to become 0, 1, 2; with a terminal all are its hold */
	/* What was tried last (NULL: to execute it), and why it failed; 0: it did
	 * not. */
	const char *volatile what;
	volatile int error;
} plan;

static enum rc prepare(const struct request *r, struct failure *f)
{
	plan.r = r;
	plan.tty = (r->flags & (EXEC_TTY | EXEC_DETACH)) == EXEC_TTY;
	switch (command_prepare(r->argv, r->argc, r->env, r->envc, r->cwd)) {
	case RC_OK: return RC_OK;
	case RC_BAD: return failure_set(f, ERR_PROTOCOL, "a variable is not KEY=VALUE");
	default: return failure_set(f, ERR_OVER_LIMIT, "arguments and variables are too long");
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
		plan.fds[i] = s->hold;
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

		if (null)
			plan.fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null ? plan.fds[i] < 0 : !open_pipe(s, i))
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
	bool ok = setsid() >= 0;

	for (int i = 0; i < 3; i++)
		ok = ok && dup2(plan.fds[i], i) >= 0;
	ok = ok && (!plan.tty || ioctl(0, TIOCSCTTY, 0) == 0) &&
	     syscall(SYS_close_range, 3u, ~0u, 0u) == 0;
	/* Of all signals, only this one is not as it was at our own start. */
	(void)signal(SIGPIPE, SIG_DFL);
	/* Should this session process be killed, its command hears of it. */
	if (ok)
		plan.what = command_run(plan.r->ids, plan.r->idc,
		                        plan.r->flags & EXEC_DETACH ? 0 : SIGHUP);
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
	case ENOENT: return failure_set(f, ERR_NOT_FOUND, "%.900s", command_object());
	case ELIBACC: why = "the interpreter it names is missing"; break;
	case E2BIG: code = ERR_OVER_LIMIT; break;
	case EAGAIN:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM: code = ERR_SYSTEM; break;
	default: break;
	}
	return failure_set(f, code, "%.900s: %s", command_object(), why);
}

/* Sets plan.error unless it runs. */
static void spawn(struct spawned *s)
{
	plan.what = "set up";
	plan.error = 0;
	if (!open_streams(s) || (s->pid = start()) < 0)
		plan.error = errno;
	if (plan.error != 0)
		return;
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pidfd < 0)
		plan.error = errno;
}

enum rc exec_spawn(const struct request *r, struct spawned *s, struct failure *f)
{
	*s = (struct spawned){ .pid = -1, .pidfd = -1, .fd = { -1, -1, -1 }, .hold = -1 };
	memset(plan.fds, -1, sizeof plan.fds);
	f->code = 0;
	if (prepare(r, f) != RC_OK)
		return RC_DENIED;
	spawn(s);
	for (int i = 0; i < 3 && !plan.tty; i++)
		io_close(&plan.fds[i]);
	if (plan.error == 0)
		return RC_OK;
	if (s->pid > 0) {
		(void)kill(-s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	exec_spawn_close(s);
	errno = plan.error;
	return plan.what ? failure_errno(f, plan.what, command_object()) : explain_exec(f);
}
