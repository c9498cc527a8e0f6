#include "tools/image/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
 * in five times as long. The locale and the time zone are set so that they cannot
 * matter. -x-1 leaves extended attributes behind; --mkfs-time gives -T to the image
 * alone and leaves the files theirs. Without the superblock's checksum, because
 * settle() changes what it covers; what is measured is the whole file. Tails that are
 * the same are not shared in an archive's files: mkfs.erofs 1.8.6 looks for those at a
 * wrong place of its input, and gives files the content of others. */
static void exec_mkfs(char *mkfs, char *dir, char *out)
{
	char *argv[16] = { mkfs,
		           "--quiet",
		           "-T0",
		           "-U",
		           "00000000-0000-4000-8000-000000000000",
		           "-zlz4hc,level=9",
		           "-C65536" };
	size_t n = 7;

	if (dir != NULL) {
		argv[n++] = "-Efragments";
		argv[n++] = "--all-root";
		argv[n++] = "-x-1";
	} else {
		argv[n++] = "-Efragments,^fragdedupe,nosbcrc";
		argv[n++] = "--mkfs-time";
		argv[n++] = "--tar=f";
	}
	argv[n++] = out;
	argv[n] = dir; /* without one it reads its standard input */
	execvp(mkfs, argv);
}

static void run_child(const struct rootfs *r, const char *dir, const char *out, int in)
{
	char mkfs[PATH_MAX];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	setenv("LC_ALL", "C", 1);
	setenv("TZ", "UTC0", 1);
	unsetenv("SOURCE_DATE_EPOCH");
	umask(022);
	find_mkfs(mkfs);
	if ((in < 0 || dup2(in, STDIN_FILENO) >= 0) && dup2(r->said, STDOUT_FILENO) >= 0 &&
	    dup2(r->said, STDERR_FILENO) >= 0)
		exec_mkfs(mkfs, (char *)(uintptr_t)dir, (char *)(uintptr_t)out);
	_exit(errno == ENOENT ? 127 : 126);
}

/* in: what it reads as standard input, or -1. */
static enum rc start(struct rootfs *r, const char *dir, const char *out, int in)
{
	r->said = memfd_create("mkfs.erofs", MFD_CLOEXEC);
	if (r->said < 0)
		return RC_IO;
	r->pid = fork();
	if (r->pid == 0)
		run_child(r, dir, out, in);
	if (r->pid < 0)
		r->pid = 0;
	return r->pid > 0 ? RC_OK : RC_IO;
}

/* The end of what it said, in which names of the source may be. */
static void show(int said)
{
	char text[2048];
	off_t len = lseek(said, 0, SEEK_END);
	off_t from = len > (off_t)sizeof text ? len - (off_t)sizeof text : 0;
	ssize_t n = pread(said, text, sizeof text, from);

	for (ssize_t i = 0; i < n; i++)
		fputc(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f) ? text[i] : '?',
		      stderr);
}

static enum rc explain(int status, const char *what, int said)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	fail_progress_end();
	if (code == 127)
		return fail(RC_ABSENT,
		            "mkfs.erofs is neither in $CASEMATE_CACHE/tools nor in PATH: "
		            "run ./build.sh build, or install erofs-utils 1.8");
	show(said);
	if (WIFSIGNALED(status))
		return fail(RC_IO, "packing '%s': mkfs.erofs was ended by signal %d", what,
		            WTERMSIG(status));
	return fail(RC_IO, "packing '%s': mkfs.erofs failed with status %d", what, code);
}

static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* mkfs.erofs keeps shared tails in an inode without a name, and with --mkfs-time
 * leaves it the time at which it ran: set to 0. The superblock, at 1024:
 * 0 magic 4 · 12 log2 of the block size 1 · 40 first block of inodes 4 · 80 features
 * 4, of which 0x20: there are tails · 96 their inode, in units of 32 bytes, 8.
 * The inode: 0 format 2, of which bit 0: it has a time · 32 seconds 8 · 40 ns 4. */
static enum rc settle_fd(int fd)
{
	static const uint8_t no_time[12];
	uint8_t sb[128], format[2];
	off_t inode;

	if (pread(fd, sb, sizeof sb, 1024) != (ssize_t)sizeof sb)
		return RC_IO;
	if (little(sb, 4) != 0xE0F5E1E2 || sb[12] > 16 || little(sb + 96, 8) > UINT32_MAX)
		return RC_BAD;
	if ((little(sb + 80, 4) & 0x20) == 0 || little(sb + 96, 8) == 0)
		return RC_OK;
	inode = (off_t)((little(sb + 40, 4) << sb[12]) + 32 * little(sb + 96, 8));
	if (pread(fd, format, sizeof format, inode) != (ssize_t)sizeof format)
		return RC_IO;
	if ((format[0] & 1) != 0 &&
	    pwrite(fd, no_time, sizeof no_time, inode + 32) != (ssize_t)sizeof no_time)
		return RC_IO;
	return RC_OK;
}

static enum rc settle(const char *out, const char *what)
{
	int fd = open(out, O_RDWR | O_CLOEXEC);
	enum rc rc = fd < 0 ? RC_IO : settle_fd(fd);

	if (rc == RC_BAD)
		rc = fail(rc, "packing '%s': mkfs.erofs made no EROFS image", what);
	else if (rc != RC_OK)
		rc = fail_errno("packing '%s'", what);
	io_close(&fd);
	return rc;
}

static enum rc wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return RC_IO;
	return RC_OK;
}

enum rc rootfs_finish(struct rootfs *r, const char *what)
{
	pid_t pid = r->pid;
	int status;

	io_close(&r->in);
	r->pid = 0;
	if (wait_for(pid, &status) != RC_OK)
		return fail_errno("packing '%s'", what);
	if (status != 0)
		return explain(status, what, r->said);
	return r->out != NULL ? settle(r->out, what) : RC_OK;
}

enum rc rootfs_start(struct rootfs *r, const char *what, const char *out)
{
	int in[2];
	enum rc rc;

	if (pipe2(in, O_CLOEXEC) < 0)
		return fail_errno("packing '%s'", what);
	r->in = in[1];
	r->out = out;
	rc = start(r, NULL, out, in[0]);
	if (rc != RC_OK)
		fail_errno("packing '%s'", what);
	io_close(&in[0]);
	return rc;
}

void rootfs_stop(struct rootfs *r)
{
	int status;

	io_close(&r->in);
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		(void)(wait_for(r->pid, &status) == RC_OK);
	}
	r->pid = 0;
	io_close(&r->said);
}

enum rc rootfs_make(const char *dir, const char *out)
{
	struct rootfs r = ROOTFS_NONE;
	enum rc rc = start(&r, dir, out, -1);

	rc = rc == RC_OK ? rootfs_finish(&r, dir) : fail_errno("packing '%s'", dir);
	rootfs_stop(&r);
	return rc;
}
