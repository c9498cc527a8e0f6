#include "appliance/base/command.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static struct {
	char *argv[COMMAND_ARGS_MAX + 1];
	char *envp[COMMAND_ENV_MAX + 1];
	const char *path, *cwd, *object;
	char strings[COMMAND_BYTES_MAX];
	char candidate[COMMAND_BYTES_MAX];
} c;

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

enum rc command_prepare(const struct slice *argv, size_t argc, const struct slice *env, size_t envc,
                        struct slice cwd)
{
	struct wbuf w = wbuf_of(c.strings, sizeof c.strings);

	if (argc == 0 || argc > COMMAND_ARGS_MAX || envc > COMMAND_ENV_MAX)
		return RC_LIMIT;
	copy_all(&w, c.argv, argv, argc);
	copy_all(&w, c.envp, env, envc);
	c.cwd = cwd.len > 0 ? copy(&w, cwd) : "/";
	if (w.over)
		return RC_LIMIT;
	c.object = c.argv[0];
	c.path = DEFAULT_PATH;
	for (char **var = c.envp; *var; var++) {
		const char *value = strchr(*var, '=');

		if (!value || value == *var)
			return RC_BAD;
		if (strncmp(*var, "PATH=", sizeof "PATH=" - 1) == 0)
			c.path = value + 1;
	}
	return RC_OK;
}

static void execute(void)
{
	const char *name = c.argv[0], *at = strchr(name, '/') ? "" : c.path;
	int result = ENOENT;

	while (result == ENOENT || result == EACCES) {
		const char *end = strchrnul(at, ':');

		(void)snprintf(c.candidate, sizeof c.candidate, "%.*s%s%s", (int)(end - at), at,
		               end > at ? "/" : "", name);
		execve(c.candidate, c.argv, c.envp);
		if (errno == ENOENT && access(c.candidate, F_OK) == 0)
			errno = ELIBACC;
		if (errno != ENOENT && errno != ENOTDIR)
			result = errno;
		if (*end == 0)
			break;
		at = end + 1;
	}
	errno = result;
}

/* Raw calls: a libc's wrappers would tell threads that do not exist. */
const char *command_run(const uint32_t *ids, size_t n, int end_signal)
{
	if (n > 0 && (syscall(SYS_setgroups, n - 2, ids + 2) != 0 ||
	              syscall(SYS_setresgid, ids[1], ids[1], ids[1]) != 0 ||
	              syscall(SYS_setresuid, ids[0], ids[0], ids[0]) != 0))
		return "become the user of";
	(void)prctl(PR_SET_PDEATHSIG, end_signal); /* which a change of user cancels */
	if (chdir(c.cwd) != 0) {
		c.object = c.cwd;
		return "enter working directory";
	}
	execute();
	return NULL;
}

const char *command_object(void)
{
	return c.object;
}
