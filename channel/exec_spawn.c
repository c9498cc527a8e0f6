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

#include "appliance/base/io.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
	/* A request's strings, each with a NUL. */
	STRINGS_MAX = FRAME_REQUEST_MAX + REQUEST_ARGS_MAX + REQUEST_ENV_MAX + 1,
	CANDIDATE_MAX = REQUEST_VAR_MAX + REQUEST_STRING_MAX,
};

enum spawn_stage { AT_SETUP, AT_USER, AT_CWD, AT_EXEC };

/* What the child needs, and what it answers. One session process runs one
 * command, so there is one of these. */
static struct plan {
	const struct request *r;
	bool tty;
	char *argv[REQUEST_ARGS_MAX + 1];
	char *envp[REQUEST_ENV_MAX + 1];
	const char *path; /* value of PATH */
	const char *cwd;
	int fds[3]; /* to become 0, 1, 2 */
	char strings[STRINGS_MAX];
	char candidate[CANDIDATE_MAX];
	/* What failed, and where; 0: nothing did. */
	volatile enum spawn_stage stage;
	volatile int error;
} plan;

/* --- preparation --- */

/* A NUL-terminated copy. */
static char *copy(struct wbuf *w, struct slice s)
{
	char *at = (char *)w->p + w->len;

	wbuf_put(w, s.p, s.len);
	wbuf_u8(w, 0);
	return at;
}

static void copy_all(struct wbuf *w, char **to, const struct slice *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = copy(w, from[i]);
	to[n] = NULL;
}

static enum rc prepare(const struct request *r, struct failure *f)
{
	struct wbuf w = wbuf_of(plan.strings, sizeof plan.strings);

	plan.r = r;
	plan.tty = (r->flags & (EXEC_TTY | EXEC_DETACH)) == EXEC_TTY;
	copy_all(&w, plan.argv, r->argv, r->argc);
	copy_all(&w, plan.envp, r->env, r->envc);
	plan.cwd = r->cwd.len > 0 ? copy(&w, r->cwd) : "/";
	if (w.over || !plan.argv[0])
		return failure_set(f, ERR_OVER_LIMIT, "arguments and variables are too long");
	plan.path = DEFAULT_PATH;
	for (char **var = plan.envp; *var; var++) {
		const char *value = strchr(*var, '=');

		if (!value || value == *var)
			return failure_set(f, ERR_PROTOCOL, "a variable is not KEY=VALUE");
		if (strncmp(*var, "PATH=", sizeof "PATH=" - 1) == 0)
			plan.path = value + 1;
	}
	return RC_OK;
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

/* Raw calls: a libc's wrappers would tell threads that do not exist. */
static bool become_user(void)
{
	const uint32_t *ids = plan.r->ids;
	size_t n = plan.r->idc;

	return n == 0 || (syscall(SYS_setgroups, n - 2, ids + 2) == 0 &&
	                  syscall(SYS_setresgid, ids[1], ids[1], ids[1]) == 0 &&
	                  syscall(SYS_setresuid, ids[0], ids[0], ids[0]) == 0);
}

/* Tries every folder of PATH, or what has a slash as it is. As a shell does, a
 * file that is there and may not be executed counts more than none. errno says
 * what it came to; ELIBACC: a file is there, but its interpreter is not. */
static void exec_search(void)
{
	const char *name = plan.argv[0], *at = strchr(name, '/') ? "" : plan.path;
	int result = ENOENT;

	while (result == ENOENT || result == EACCES) {
		const char *end = strchrnul(at, ':');

		(void)snprintf(plan.candidate, sizeof plan.candidate, "%.*s%s%s", (int)(end - at),
		               at, end > at ? "/" : "", name);
		execve(plan.candidate, plan.argv, plan.envp);
		if (errno == ENOENT && access(plan.candidate, F_OK) == 0)
			errno = ELIBACC;
		if (errno != ENOENT && errno != ENOTDIR)
			result = errno;
		if (*end == 0)
			break;
		at = end + 1;
	}
	errno = result;
}

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
	if (!become_user())
		goto failed;
	/* Should this session process be killed, its command hears of it. */
	if (!(plan.r->flags & EXEC_DETACH))
		(void)prctl(PR_SET_PDEATHSIG, SIGHUP);
	plan.stage = AT_CWD;
	if (chdir(plan.cwd) != 0)
		goto failed;
	plan.stage = AT_EXEC;
	exec_search();
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
	case ENOENT: return failure_set(f, ERR_NOT_FOUND, "%.900s", plan.argv[0]);
	case ELIBACC: why = "the interpreter it names is missing"; break;
	case E2BIG: code = ERR_OVER_LIMIT; break;
	case EAGAIN:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM: code = ERR_SYSTEM; break;
	default: break;
	}
	return failure_set(f, code, "%.900s: %s", plan.argv[0], why);
}

static enum rc explain(struct failure *f)
{
	errno = plan.error;
	switch (plan.stage) {
	case AT_USER: return failure_set(f, ERR_DENIED, "become user %u: %m", plan.r->ids[0]);
	case AT_CWD: return failure_errno(f, "enter working directory", plan.cwd);
	case AT_EXEC: return explain_exec(f);
	default: return failure_errno(f, "set up", plan.argv[0]);
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
