#include "channel/exec_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/exec_user.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
	/* PATH, HOME and TERM when the request has none of them. */
	EXTRA_ENV = 3,
	EXTRA_BYTES =
		sizeof "PATH=" DEFAULT_PATH + sizeof "HOME=" + USER_HOME_MAX + sizeof "TERM=xterm",
	/* A request's strings, each with a NUL. */
	STRINGS_MAX = FRAME_REQUEST_MAX + REQUEST_ARGS_MAX + REQUEST_ENV_MAX + 2 + EXTRA_BYTES,
	CANDIDATE_MAX = 4096,
};

enum spawn_stage { AT_SETUP, AT_USER, AT_CWD, AT_EXEC };

/* What the child needs, and what it answers. One session process runs one
 * command, so there is one of these. */
static struct plan {
	char *argv[REQUEST_ARGS_MAX + 1];
	char *envp[REQUEST_ENV_MAX + EXTRA_ENV + 1];
	const char *path; /* value of PATH */
	const char *cwd;
	bool change_user, tty, detach;
	struct user user;
	int fds[3]; /* to become 0, 1, 2; the caller's to close */
	char strings[STRINGS_MAX];
	char candidate[CANDIDATE_MAX];
	/* The child's answer when it could not exec. */
	volatile enum spawn_stage stage;
	volatile int error;
	volatile bool present; /* the file is there, but its interpreter is not */
} plan;

/* --- preparation --- */

/* A NUL-terminated copy; NULL when w is full. */
static char *copy(struct wbuf *w, struct slice s)
{
	char *at = (char *)w->p + w->len;

	wbuf_put(w, s.p, s.len);
	wbuf_u8(w, 0);
	return w->over ? NULL : at;
}

static struct slice key_of(struct slice var)
{
	const uint8_t *eq = var.len > 0 ? memchr(var.p, '=', var.len) : NULL;

	return slice_of(var.p, eq ? (size_t)(eq - var.p) : 0);
}

/* Is there a variable with this key from the i-th on? */
static bool env_has(const struct request *r, size_t i, struct slice key)
{
	for (; i < r->envc; i++)
		if (slice_eq(key_of(r->env[i]), key))
			return true;
	return false;
}

static bool put_default(const struct request *r, struct wbuf *w, size_t *n, const char *key,
                        const char *value)
{
	char var[USER_HOME_MAX + sizeof DEFAULT_PATH + 16];

	if (env_has(r, 0, slice_str(key)))
		return true;
	snprintf(var, sizeof var, "%s=%s", key, value);
	plan.envp[(*n)++] = copy(w, slice_str(var));
	return !w->over;
}

static enum rc prepare_env(const struct request *r, struct wbuf *w, struct failure *f)
{
	size_t n = 0;

	plan.path = DEFAULT_PATH;
	for (size_t i = 0; i < r->envc; i++) {
		struct slice key = key_of(r->env[i]);

		if (key.len == 0)
			return failure_set(f, ERR_PROTOCOL, "a variable is not KEY=VALUE");
		if (env_has(r, i + 1, key))
			continue; /* the last one counts */
		plan.envp[n] = copy(w, r->env[i]);
		if (plan.envp[n] && slice_is(key, "PATH"))
			plan.path = plan.envp[n] + sizeof "PATH";
		n++;
	}
	if (!put_default(r, w, &n, "PATH", DEFAULT_PATH) ||
	    !put_default(r, w, &n, "HOME", plan.user.home) ||
	    (plan.tty && !put_default(r, w, &n, "TERM", "xterm")))
		return failure_set(f, ERR_OVER_LIMIT, "the variables are too long");
	plan.envp[n] = NULL;
	return RC_OK;
}

static enum rc prepare_user(const struct request *r, struct failure *f)
{
	static const char passwd[] = "/etc/passwd", group[] = "/etc/group";
	int len = (int)r->user.len;
	const char *text = (const char *)r->user.p;
	bool is_group;

	plan.change_user = len > 0;
	if (!plan.change_user) {
		user_home(geteuid(), passwd, plan.user.home);
		return RC_OK;
	}
	switch (user_find(r->user, passwd, group, &plan.user, &is_group)) {
	case RC_OK: return RC_OK;
	case RC_ABSENT:
		return failure_set(f, ERR_NOT_FOUND, "%s '%.*s'", is_group ? "group of" : "user",
		                   len, text);
	case RC_BAD:
		return failure_set(f, ERR_PROTOCOL, "'%.*s' is not a user: USER or USER:GROUP", len,
		                   text);
	case RC_LIMIT:
		return failure_set(
			f, ERR_OVER_LIMIT,
			"user '%.*s': %s or %s is too long, or the user in too many groups", len,
			text, passwd, group);
	default: return failure_set(f, ERR_SYSTEM, "read %s and %s: %m", passwd, group);
	}
}

static enum rc prepare(const struct request *r, struct failure *f)
{
	struct wbuf w = wbuf_of(plan.strings, sizeof plan.strings);

	plan.tty = (r->flags & EXEC_TTY) != 0;
	plan.detach = (r->flags & EXEC_DETACH) != 0;
	if (prepare_user(r, f) != RC_OK || prepare_env(r, &w, f) != RC_OK)
		return RC_DENIED;
	for (size_t i = 0; i < r->argc; i++)
		plan.argv[i] = copy(&w, r->argv[i]);
	plan.argv[r->argc] = NULL;
	plan.cwd = r->cwd.len > 0 ? copy(&w, r->cwd) : "/";
	if (w.over)
		return failure_set(f, ERR_OVER_LIMIT, "arguments and variables are too long");
	return RC_OK;
}

/* --- streams --- */

static void set_nonblock(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* Only our end does not wait: an end is an open file of its own. The
 * command's end belongs to its user, so that /dev/stdout can be opened. */
static bool make_pipe(int *ours, int *theirs, bool we_read)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) != 0)
		return false;
	*ours = p[we_read ? 0 : 1];
	*theirs = p[we_read ? 1 : 0];
	set_nonblock(*ours);
	if (plan.change_user)
		(void)!fchown(*theirs, plan.user.uid, plan.user.gid);
	return true;
}

/* The name of the other side is never used: /dev/pts is the app's. */
static bool open_tty(const struct request *r, struct spawned *s)
{
	struct winsize size = { .ws_row = r->rows, .ws_col = r->cols };
	int unlock = 0, theirs;

	s->tty = true;
	s->out = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->out < 0 || ioctl(s->out, TIOCSPTLCK, &unlock) != 0 ||
	    ioctl(s->out, TIOCSWINSZ, &size) != 0)
		return false;
	s->in = fcntl(s->out, F_DUPFD_CLOEXEC, 3);
	theirs = ioctl(s->out, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	for (size_t i = 0; i < 3; i++)
		plan.fds[i] = theirs;
	if (s->in < 0 || theirs < 0)
		return false;
	if (plan.change_user)
		(void)!fchown(theirs, plan.user.uid, (gid_t)-1);
	s->hold = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
	return s->hold >= 0;
}

static bool open_streams(const struct request *r, struct spawned *s)
{
	bool piped_in = (r->flags & EXEC_STDIN) && !plan.detach;

	if (plan.tty && !plan.detach)
		return open_tty(r, s);
	if (!piped_in || plan.detach) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

		if (null < 0)
			return false;
		for (size_t i = 0; i < 3; i++)
			plan.fds[i] = null;
	}
	if (plan.detach)
		return true;
	return (!piped_in || make_pipe(&s->in, &plan.fds[0], false)) &&
	       make_pipe(&s->out, &plan.fds[1], true) && make_pipe(&s->err, &plan.fds[2], true);
}

/* They may be the same one more than once. */
static void close_theirs(void)
{
	for (size_t i = 0; i < 3; i++) {
		for (size_t j = i + 1; j < 3; j++)
			if (plan.fds[j] == plan.fds[i])
				plan.fds[j] = -1;
		io_close(&plan.fds[i]);
	}
}

void exec_spawn_close(struct spawned *s)
{
	io_close(&s->in);
	io_close(&s->out);
	io_close(&s->err);
	io_close(&s->hold);
	io_close(&s->pidfd);
}

/* --- the child: system calls only, memory is shared with the parent --- */

/* Raw calls: a libc's wrappers would tell threads that do not exist. */
static bool become_user(void)
{
	const struct user *u = &plan.user;

	return !plan.change_user || (syscall(SYS_setgroups, u->groups_len, u->groups) == 0 &&
	                             syscall(SYS_setresgid, u->gid, u->gid, u->gid) == 0 &&
	                             syscall(SYS_setresuid, u->uid, u->uid, u->uid) == 0);
}

/* What was ignored would stay so. */
static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* errno afterwards is execve's, unless the file is there after all. */
static void exec_file(const char *path)
{
	int error;

	execve(path, plan.argv, plan.envp);
	error = errno;
	plan.present = error == ENOENT && access(path, F_OK) == 0;
	errno = error;
}

/* Tries every folder of PATH. As a shell does, a file that is there and may
 * not be executed counts more than none. errno says what it came to. */
static void exec_search(void)
{
	size_t name_len = strlen(plan.argv[0]);
	int result = ENOENT;

	for (const char *at = plan.path, *end;; at = end + 1) {
		struct wbuf w = wbuf_of(plan.candidate, sizeof plan.candidate);

		end = strchrnul(at, ':');
		wbuf_put(&w, at, (size_t)(end - at));
		wbuf_put(&w, end > at ? "/" : "./", end > at ? 1 : 2); /* none: here */
		wbuf_put(&w, plan.argv[0], name_len + 1);
		if (!w.over) {
			exec_file(plan.candidate);
			if (plan.present ||
			    (errno != ENOENT && errno != ENOTDIR && errno != EACCES))
				return;
			if (errno == EACCES)
				result = EACCES;
		}
		if (*end == 0)
			break;
	}
	errno = result;
}

__attribute__((noreturn)) static void child(void)
{
	plan.stage = AT_SETUP;
	if (setsid() < 0)
		goto failed;
	for (int i = 0; i < 3; i++)
		if (dup2(plan.fds[i], i) < 0)
			goto failed;
	if (plan.tty && !plan.detach && ioctl(0, TIOCSCTTY, 0) != 0)
		goto failed;
	if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0)
		goto failed;
	reset_signals();
	plan.stage = AT_USER;
	if (!become_user())
		goto failed;
	/* Should this session process be killed, its command hears of it. */
	if (!plan.detach)
		(void)prctl(PR_SET_PDEATHSIG, SIGHUP);
	plan.stage = AT_CWD;
	if (chdir(plan.cwd) != 0)
		goto failed;
	plan.stage = AT_EXEC;
	if (strchr(plan.argv[0], '/'))
		exec_file(plan.argv[0]);
	else
		exec_search();
failed:
	plan.error = errno;
	_exit(127);
}

/* Not inlined, so that the child's stack frames lie below this one's. */
__attribute__((noinline)) static pid_t start(void)
{
	sigset_t all, old;
	pid_t pid;

	plan.error = 0;
	plan.present = false;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = vfork();
	if (pid == 0)
		child();
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/* --- why not --- */

static enum rc explain_exec(struct failure *f, int error)
{
	const char *name = plan.argv[0];

	switch (error) {
	case ENOENT:
	case ENOTDIR:
		if (plan.present)
			return failure_set(f, ERR_NOT_EXECUTABLE,
			                   "%.900s: the interpreter it names is missing", name);
		return failure_set(f, ERR_NOT_FOUND, "%.900s", name);
	case EACCES:
	case EPERM:
	case ENOEXEC:
	case ELIBBAD:
	case ETXTBSY:
	case ELOOP:
	case ENAMETOOLONG:
		return failure_set(f, ERR_NOT_EXECUTABLE, "%.900s: %s", name, strerror(error));
	case E2BIG: return failure_set(f, ERR_OVER_LIMIT, "%.900s: %s", name, strerror(error));
	default: return failure_set(f, ERR_SYSTEM, "execute %.900s: %s", name, strerror(error));
	}
}

static enum rc explain(struct failure *f)
{
	int error = plan.error;

	switch (plan.stage) {
	case AT_USER:
		return failure_set(f, error == EPERM ? ERR_DENIED : ERR_SYSTEM,
		                   "become user %u: %s", (unsigned)plan.user.uid, strerror(error));
	case AT_CWD:
		return failure_set(f,
		                   error == ENOENT || error == ENOTDIR ? ERR_NOT_FOUND : ERR_SYSTEM,
		                   "working directory %.900s: %s", plan.cwd, strerror(error));
	case AT_EXEC: return explain_exec(f, error);
	default:
		return failure_set(f, ERR_SYSTEM, "set up the command's process: %s",
		                   strerror(error));
	}
}

enum rc exec_spawn(const struct request *r, struct spawned *s, struct failure *f)
{
	enum rc rc = RC_DENIED;

	*s = (struct spawned){ .pid = -1, .pidfd = -1, .in = -1, .out = -1, .err = -1, .hold = -1 };
	for (size_t i = 0; i < 3; i++)
		plan.fds[i] = -1;
	f->code = 0;
	if (prepare(r, f) != RC_OK)
		return RC_DENIED;
	if (!open_streams(r, s)) {
		failure_set(f, ERR_SYSTEM, "%s: %m",
		            plan.tty ? "open a terminal" : "open the streams");
		goto out;
	}
	s->pid = start();
	if (s->pid < 0) {
		failure_set(f, ERR_SYSTEM, "make a process: %m");
		goto out;
	}
	s->pidfd = plan.error == 0 ? (int)syscall(SYS_pidfd_open, s->pid, 0) : -1;
	if (s->pidfd >= 0) {
		rc = RC_OK;
		goto out;
	}
	if (plan.error != 0)
		explain(f);
	else
		failure_set(f, ERR_SYSTEM, "watch the process: %m");
	(void)kill(-s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
out:
	close_theirs();
	if (rc != RC_OK)
		exec_spawn_close(s);
	return rc;
}
