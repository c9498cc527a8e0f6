#include "tools/image/netfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"
#include "tools/image/oci_merge.h"
#include "tools/image/oci_tar.h"
#include "tools/image/rootfs.h"

const struct netfile *netfile(size_t i)
{
	static const char resolv[] = "nameserver 10.7.0.1\n";
	static const char hosts[] = "127.0.0.1\tlocalhost\n::1\tlocalhost\n";
	static const struct netfile files[NETFILES_MAX] = {
		{ "etc/resolv.conf", { (const uint8_t *)resolv, sizeof resolv - 1 } },
		{ "etc/hosts", { (const uint8_t *)hosts, sizeof hosts - 1 } },
	};

	return &files[i];
}

/* --- over a container image --- */

enum rc netfiles_merge(struct oci_tree *t, unsigned layer, char why[OCI_WHY_MAX])
{
	const struct oci_node *hosts = oci_tree_find(t, "/etc/hosts");
	size_t n = hosts == NULL || (hosts->kind == OCI_FILE && hosts->size == 0) ? 2 : 1;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		struct oci_entry e = { .name = netfile(i)->path,
			               .kind = OCI_FILE,
			               .mode = 0644,
			               .size = netfile(i)->text.len };

		rc = oci_merge(t, layer, (uint32_t)i, &e, why);
	}
	return rc;
}

/* --- over a folder --- */

/* How many are wanted. */
static enum rc look(const char *dir, size_t *n)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat etc, hosts;
	enum rc rc = RC_OK;

	if (fd < 0)
		return fail_errno("'%s'", dir);
	if (fstatat(fd, "etc", &etc, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(etc.st_mode))
		rc = fail(RC_BAD, "etc of the folder is none: resolv.conf cannot be put there");
	*n = fstatat(fd, "etc/hosts", &hosts, AT_SYMLINK_NOFOLLOW) < 0 ||
	                     (S_ISREG(hosts.st_mode) && hosts.st_size == 0)
	             ? 2
	             : 1;
	io_close(&fd);
	return rc;
}

/* They come first: the folder's own etc, behind them, says what it is like, and what
 * they replace does not come. */
static enum rc put_files(int fd, size_t n)
{
	static struct oci_tar w;
	struct oci_node folder = { .kind = OCI_FOLDER, .mode = 0755 };
	enum rc rc;

	oci_tar_init(&w, fd);
	rc = oci_tar_node(&w, "etc", &folder);
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		const struct netfile *f = netfile(i);
		struct oci_node node = { .kind = OCI_FILE, .mode = 0644, .size = f->text.len };

		rc = oci_tar_node(&w, f->path, &node);
		if (rc == RC_OK)
			rc = oci_tar_data(&w, f->text.p, f->text.len);
	}
	return rc == RC_OK ? oci_tar_flush(&w) : rc;
}

static void exec_tar(const char *dir, size_t n, int out)
{
	char *argv[] = { "tar",
		         "--create",
		         "--format=gnu",
		         "--sort=name",
		         "--numeric-owner",
		         "--owner=0",
		         "--group=0",
		         "--mtime=@0",
		         "--anchored",
		         "--no-wildcards",
		         "--exclude=./etc/resolv.conf",
		         n > 1 ? "--exclude=./etc/hosts" : "--exclude=./etc/resolv.conf",
		         "-C",
		         (char *)(uintptr_t)dir,
		         ".",
		         NULL };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	setenv("LC_ALL", "C", 1);
	unsetenv("TAR_OPTIONS");
	unsetenv("POSIXLY_CORRECT");
	if (dup2(out, STDOUT_FILENO) >= 0)
		execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static enum rc put_folder(const char *dir, size_t n, int out)
{
	pid_t pid = fork(), ended;
	int status = 0;

	if (pid == 0)
		exec_tar(dir, n, out);
	if (pid < 0)
		return fail_errno("packing '%s'", dir);
	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return RC_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fail(RC_ABSENT, "packing '%s': there is no tar in PATH", dir);
	return fail(RC_IO, "packing '%s': tar could not read all of it", dir);
}

enum rc netfiles_pack(const char *dir, const char *out)
{
	struct rootfs r = ROOTFS_NONE;
	size_t n = 0;
	enum rc rc = look(dir, &n);

	if (rc == RC_OK)
		rc = rootfs_start(&r, dir, out);
	if (rc == RC_OK && (rc = put_files(r.in, n)) != RC_OK)
		rc = fail_errno("packing '%s'", dir);
	if (rc == RC_OK)
		rc = put_folder(dir, n, r.in);
	if (rc == RC_OK)
		rc = rootfs_finish(&r, dir);
	rootfs_stop(&r);
	return rc;
}
