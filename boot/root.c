#include "boot/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "appliance/base/log.h"

#define IMAGE   "/root.erofs"
#define LOWER   "/lower"
#define UPPER   "/upper"
#define ROOT_AT "/root"

/* No device files but those made below, no programs with other rights. */
enum { PLAIN = MS_NODEV | MS_NOSUID };

static enum rc folder(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return chmod(path, mode) == 0 ? RC_OK : RC_IO;
	if (errno != EEXIST || lstat(path, &st) != 0)
		return RC_IO;
	if (S_ISDIR(st.st_mode))
		return RC_OK;
	errno = ENOTDIR;
	return RC_IO;
}

static enum rc mount_at(const char *source, const char *path, const char *type, unsigned long flags,
                        const char *options)
{
	enum rc rc = folder(path, 0755);

	if (rc == RC_OK && mount(source, path, type, flags, options) != 0)
		rc = RC_IO;
	if (rc != RC_OK)
		log_line("root: cannot mount %s on %s: %m", type ? type : source, path);
	return rc;
}

void root_tmpfs_options(char *out, size_t max, uint64_t free_bytes)
{
	snprintf(out, max, "size=%llu,nr_inodes=%llu,mode=0755",
	         (unsigned long long)(free_bytes / 100 * ROOT_SHARE),
	         (unsigned long long)(free_bytes / ROOT_BYTES_A_FILE));
}

static enum rc mount_upper(uint64_t *free_bytes)
{
	struct sysinfo info;
	char options[96];
	enum rc rc;

	if (sysinfo(&info) != 0)
		return RC_IO;
	*free_bytes = (uint64_t)info.freeram * info.mem_unit;
	root_tmpfs_options(options, sizeof options, *free_bytes);
	rc = mount_at("tmpfs", UPPER, "tmpfs", PLAIN, options);
	if (rc == RC_OK && (mkdir(UPPER "/files", 0755) != 0 || mkdir(UPPER "/work", 0755) != 0))
		rc = RC_IO;
	return rc;
}

/* A kernel that cannot export the overlay mounts it all the same, perhaps
 * after dropping options: ask for a handle to know. */
static void check_export(void)
{
	struct file_handle none = { .handle_bytes = 0 };
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, ROOT_AT, &none, &mount_id, 0) != 0 && errno == EOVERFLOW)
		return;
	log_line("root: WARNING: the overlay gives no file handles (%m); files cannot be watched");
}

static enum rc mount_overlay(void)
{
#define LAYERS "lowerdir=" LOWER ",upperdir=" UPPER "/files,workdir=" UPPER "/work"
	static const char full[] = LAYERS ",index=on,nfs_export=on,uuid=on";

	if (folder(ROOT_AT, 0755) != RC_OK)
		return RC_IO;
	if (mount("overlay", ROOT_AT, "overlay", PLAIN, full) == 0) {
		check_export();
		return RC_OK;
	}
	log_line("root: WARNING: overlay options refused (%m); files cannot be watched");
	return mount_at("overlay", ROOT_AT, "overlay", PLAIN, LAYERS);
}

static enum rc device(const char *path, unsigned major, unsigned minor)
{
	if (mknod(path, S_IFCHR | 0666, makedev(major, minor)) != 0)
		return RC_IO;
	return chmod(path, 0666) == 0 ? RC_OK : RC_IO;
}

/* Only what any program may have: the console, the security module and the
 * clock's device stay with PID 1. */
static enum rc fill_dev(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {
		{ ROOT_AT "/dev/null", 1, 3 },    { ROOT_AT "/dev/zero", 1, 5 },
		{ ROOT_AT "/dev/full", 1, 7 },    { ROOT_AT "/dev/random", 1, 8 },
		{ ROOT_AT "/dev/urandom", 1, 9 }, { ROOT_AT "/dev/tty", 5, 0 },
	};
	static const struct {
		const char *to, *path;
	} links[] = {
		{ "pts/ptmx", ROOT_AT "/dev/ptmx" },
		{ "/proc/self/fd", ROOT_AT "/dev/fd" },
		{ "/proc/self/fd/0", ROOT_AT "/dev/stdin" },
		{ "/proc/self/fd/1", ROOT_AT "/dev/stdout" },
		{ "/proc/self/fd/2", ROOT_AT "/dev/stderr" },
	};

	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		if (device(nodes[i].path, nodes[i].major, nodes[i].minor) != RC_OK)
			return RC_IO;
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (symlink(links[i].to, links[i].path) != 0)
			return RC_IO;
	return RC_OK;
}

static enum rc mount_shm(uint64_t free_bytes)
{
	char options[64];

	snprintf(options, sizeof options, "mode=1777,size=%llu",
	         (unsigned long long)(free_bytes / 100 * ROOT_SHM_SHARE));
	return mount_at("tmpfs", ROOT_AT "/dev/shm", "tmpfs", PLAIN | MS_NOEXEC, options);
}

static enum rc mount_dev(uint64_t free_bytes)
{
	enum rc rc = mount_at("tmpfs", ROOT_AT "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
	                      "size=64k,mode=0755");

	if (rc != RC_OK)
		return rc;
	rc = fill_dev();
	if (rc != RC_OK) {
		log_line("root: cannot fill /dev: %m");
		return rc;
	}
	rc = mount_at("devpts", ROOT_AT "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
	              "newinstance,ptmxmode=0666,mode=0620,gid=5");
	if (rc != RC_OK)
		return rc;
	return mount_shm(free_bytes);
}

/* Root inside the enclave keeps no right to mount, so that what is read-only
 * here stays so. */
static enum rc read_only(const char *path)
{
	if (mount(path, path, NULL, MS_BIND, NULL) == 0 &&
	    mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | PLAIN | MS_NOEXEC, NULL) ==
	            0)
		return RC_OK;
	if (errno == ENOENT)
		return RC_OK;
	log_line("root: cannot make %s read-only: %m", path);
	return RC_IO;
}

static enum rc mount_kernel(void)
{
	static const unsigned long flags = PLAIN | MS_NOEXEC;
	enum rc rc = mount_at("proc", ROOT_AT "/proc", "proc", flags, NULL);

	if (rc == RC_OK)
		rc = read_only(ROOT_AT "/proc/sys");
	if (rc == RC_OK)
		rc = read_only(ROOT_AT "/proc/sysrq-trigger");
	if (rc == RC_OK)
		rc = mount_at("sysfs", ROOT_AT "/sys", "sysfs", flags | MS_RDONLY, NULL);
	if (rc == RC_OK)
		rc = mount_at("cgroup2", ROOT_AT "/sys/fs/cgroup", "cgroup2", flags | MS_RDONLY,
		              NULL);
	return rc;
}

/* An image without /tmp gets one; one that has it keeps its own. */
static enum rc ensure_tmp(void)
{
	if (mkdir(ROOT_AT "/tmp", 0) == 0)
		return chmod(ROOT_AT "/tmp", 01777) == 0 ? RC_OK : RC_IO;
	return errno == EEXIST ? RC_OK : RC_IO;
}

enum rc root_mount(void)
{
	uint64_t free_bytes = 0;
	enum rc rc = mount_at(IMAGE, LOWER, "erofs", MS_RDONLY | PLAIN, NULL);

	/* The mount holds the file; without a name nothing else will. */
	if (rc == RC_OK && unlink(IMAGE) != 0)
		rc = RC_IO;
	if (rc == RC_OK)
		rc = mount_upper(&free_bytes);
	if (rc == RC_OK)
		rc = mount_overlay();
	if (rc == RC_OK)
		rc = mount_kernel();
	if (rc == RC_OK)
		rc = mount_dev(free_bytes);
	if (rc == RC_OK)
		rc = ensure_tmp();
	if (rc != RC_OK)
		log_line("root: the app's root cannot be set up: %m");
	else
		log_line(
			"root: image read-only from its file, changes in memory (at most %llu MiB)",
			(unsigned long long)(free_bytes / 100 * ROOT_SHARE >> 20));
	return rc;
}

enum rc root_enter(void)
{
	static const char *const old[] = { "/proc", "/sys", "/dev" };

	for (size_t i = 0; i < sizeof old / sizeof old[0]; i++)
		if (umount2(old[i], MNT_DETACH) != 0)
			goto fail;
	/* Our own executable is there, and /proc/PID/exe leads to it. */
	if (mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | PLAIN, NULL) != 0)
		goto fail;
	if (chdir(ROOT_AT) == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0 && chroot(".") == 0 &&
	    chdir("/") == 0)
		return RC_OK;
fail:
	log_line("root: cannot move to the app's root: %m");
	return RC_IO;
}
