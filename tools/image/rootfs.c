#include "tools/image/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"

/* The path of the cached mkfs.erofs, or its bare name for PATH. */
static void find_mkfs(char path[PATH_MAX])
{
	const char *cache = getenv("CASEMATE_CACHE"), *home = getenv("HOME");
	int n = -1;

	if (cache != NULL && *cache != '\0')
		n = snprintf(path, PATH_MAX, "%s/tools/mkfs.erofs", cache);
	else if (home != NULL && *home != '\0')
		n = snprintf(path, PATH_MAX, "%s/.cache/casemate/tools/mkfs.erofs", home);
	if (n < 0 || n >= PATH_MAX || access(path, X_OK) != 0)
		snprintf(path, PATH_MAX, "mkfs.erofs");
}

/* LZ4 because the kernel unpacks it on every first read of a page. Clusters of
 * 64 KiB and shared tails made Python's library of 54 MB a quarter smaller than
 * the defaults, in twice the time; a higher level or deduplication gained 3 %
 * in five times as long. -x-1 leaves extended attributes behind, the locale
 * and the time zone are set so that they cannot matter. */
static void run_child(char *mkfs, char *dir, char *out, int output)
{
	char *argv[] = {
		mkfs,
		"--quiet",
		"-T0",
		"--all-root",
		"-x-1",
		"-U",
		"00000000-0000-4000-8000-000000000000",
		"-zlz4hc,level=9",
		"-C65536",
		"-Efragments",
		out,
		dir,
		NULL,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	setenv("LC_ALL", "C", 1);
	setenv("TZ", "UTC0", 1);
	unsetenv("SOURCE_DATE_EPOCH");
	umask(022);
	if (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0)
		execvp(mkfs, argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Keeps the last max - 1 bytes that come. */
static void collect(int fd, char *text, size_t max)
{
	size_t len = 0;
	char buf[512];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (len + (size_t)n > max - 1) {
			size_t drop = len + (size_t)n - (max - 1);

			memmove(text, text + drop, len - drop);
			len -= drop;
		}
		memcpy(text + len, buf, (size_t)n);
		len += (size_t)n;
	}
	text[len] = '\0';
}

static enum rc explain(int status, const char *dir, const char *said)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	if (code == 127)
		return fail(RC_ABSENT,
		            "mkfs.erofs is neither in $CASEMATE_CACHE/tools nor in PATH: "
		            "run ./build.sh build, or install erofs-utils 1.8");
	fprintf(stderr, "%s", said);
	if (WIFSIGNALED(status))
		return fail(RC_IO, "packing '%s': mkfs.erofs was ended by signal %d", dir,
		            WTERMSIG(status));
	return fail(RC_IO, "packing '%s': mkfs.erofs failed with status %d", dir, code);
}

enum rc rootfs_make(const char *dir, const char *out)
{
	char mkfs[PATH_MAX], said[2048];
	int output[2], status;
	pid_t pid;

	find_mkfs(mkfs);
	if (pipe2(output, O_CLOEXEC) < 0)
		return fail_errno("packing '%s'", dir);
	pid = fork();
	if (pid == 0)
		run_child(mkfs, (char *)(uintptr_t)dir, (char *)(uintptr_t)out, output[1]);
	io_close(&output[1]);
	if (pid < 0) {
		io_close(&output[0]);
		return fail_errno("packing '%s'", dir);
	}
	collect(output[0], said, sizeof said);
	io_close(&output[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno("packing '%s'", dir);
	return status == 0 ? RC_OK : explain(status, dir, said);
}
