#include "tools/image/rpmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"

enum {
	SECONDS_MAX = 60,       /* 2,000 packages take half a second */
	MEMORY_MAX = 512 << 20, /* address space */
	FOLDER_MAX = 64,
};

/* Six fields a package, the last always the same: who writes tabs into the others
 * spoils his own line. Keys that were imported are packages too, but none of files. */
static const char query[] = "%{NAME}\\t%|EPOCH?{%{EPOCH}}|\\t%{VERSION}-%{RELEASE}\\t"
			    "%|ARCH?{%{ARCH}}|\\t%|LICENSE?{%{LICENSE}}|\\t.\\n";

static void limit(int what, rlim_t value)
{
	struct rlimit l = { value, value };

	setrlimit((__rlimit_resource_t)what, &l);
}

static void run_child(const char *dir, int out, const sigset_t *mask)
{
	char path[4096];
	const char *given = getenv("PATH");
	int nowhere = open("/dev/null", O_RDWR);
	char *argv[] = {
		"rpm", "--dbpath", (char *)(uintptr_t)dir,   "--define", "_db_backend sqlite",
		"-qa", "--qf",     (char *)(uintptr_t)query, NULL
	};
	char *env[] = { path, "LC_ALL=C", "TZ=UTC0", "HOME=/nonexistent", NULL };

	snprintf(path, sizeof path, "PATH=%s", given ? given : "/usr/bin:/bin");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	alarm(SECONDS_MAX);
	limit(RLIMIT_AS, MEMORY_MAX);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 256 << 20);
	if (dup2(nowhere, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(nowhere, STDERR_FILENO) >= 0)
		execvpe(argv[0], argv, env);
	_exit(errno == ENOENT ? 127 : 126);
}

static enum rc explain(int status, const char **why)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return RC_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		*why = "there is no program rpm: install rpm";
		return RC_ABSENT;
	}
	*why = "rpm cannot read it";
	return RC_BAD;
}

static enum rc wait_for(pid_t pid, const char **why)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			*why = "waiting for rpm failed";
			return RC_IO;
		}
	return explain(status, why);
}

static enum rc take_output(int fd, uint8_t **text, size_t *len, const char **why)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end > RPMDB_MAX) {
		*why = "it lists more than 16 MiB";
		return RC_LIMIT;
	}
	*len = end > 0 ? (size_t)end : 0;
	*text = malloc(*len + 1);
	if (*text == NULL || end < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    io_read_full(fd, *text, *len) != RC_OK) {
		*why = "what rpm says cannot be read";
		return RC_IO;
	}
	return RC_OK;
}

static enum rc run(const char *dir, const sigset_t *mask, uint8_t **text, size_t *len,
                   const char **why)
{
	int out = memfd_create("rpm", MFD_CLOEXEC);
	pid_t pid = out >= 0 ? fork() : -1;
	enum rc rc = RC_IO;

	if (pid == 0)
		run_child(dir, out, mask);
	if (pid > 0)
		rc = wait_for(pid, why);
	else
		*why = "rpm cannot be started";
	if (rc == RC_OK)
		rc = take_output(out, text, len, why);
	io_close(&out);
	return rc;
}

static enum rc write_database(const char *path, struct slice database)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum rc rc = fd < 0 ? RC_IO : io_write_full(fd, database.p, database.len);

	io_close(&fd);
	return rc;
}

/* What rpm is known to make, and ours. */
static void remove_all(const char *dir)
{
	static const char *const names[] = { "rpmdb.sqlite", "rpmdb.sqlite-shm", "rpmdb.sqlite-wal",
		                             "rpmdb.sqlite-journal", ".rpm.lock" };
	char path[FOLDER_MAX + 32];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* In a folder that is there. */
static enum rc list(const char *dir, struct slice database, const sigset_t *mask, uint8_t **text,
                    size_t *len, const char **why)
{
	char path[FOLDER_MAX + 32];
	enum rc rc;

	snprintf(path, sizeof path, "%s/rpmdb.sqlite", dir);
	rc = write_database(path, database);
	return rc == RC_OK ? run(dir, mask, text, len, why) : rc;
}

enum rc rpmdb_list(struct slice database, uint8_t **text, size_t *len, const char **why)
{
	char dir[FOLDER_MAX] = "/tmp/casemate-rpm.XXXXXX";
	sigset_t all, old;
	enum rc rc = RC_IO;

	*text = NULL;
	*len = 0;
	*why = "it cannot be written into a folder in /tmp";
	/* Held back until the folder is gone; the child, which takes its time, ends. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if (mkdtemp(dir) != NULL) {
		rc = list(dir, database, &old, text, len, why);
		remove_all(dir);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (rc != RC_OK) {
		free(*text);
		*text = NULL;
	}
	return rc;
}
