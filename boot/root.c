#include "boot/root.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "appliance/base/log.h"
#include "boot/early.h"

#define IMAGE   "/root.erofs"
#define LOWER   "/lower"
#define UPPER   "/upper"
#define ROOT_AT "/root"

/* Of all memory, beside ROOT_SHARE of what is free. When both are full, an
 * enclave of 48 MiB or less loses a program to the kernel, never a role. */
#define SHM_SIZE "5%"

/* No device files but those made below, no programs with other rights. */
enum { PLAIN = MS_NODEV | MS_NOSUID };

void root_tmpfs_options(char *out, size_t max, uint64_t free_bytes)
{
	snprintf(out, max, "size=%llu,nr_inodes=%llu,mode=0755",
	         (unsigned long long)(free_bytes / 100 * ROOT_SHARE),
	         (unsigned long long)(free_bytes / ROOT_BYTES_A_FILE));
}

static bool mount_layers(uint64_t free_bytes)
{
	char options[96];

	root_tmpfs_options(options, sizeof options, free_bytes);
	/* The mount holds the file; without a name nothing else will. */
	return early_mount(IMAGE, LOWER, "erofs", MS_RDONLY | PLAIN, NULL) == RC_OK &&
	       unlink(IMAGE) == 0 &&
	       early_mount("tmpfs", UPPER, "tmpfs", PLAIN, options) == RC_OK &&
	       mkdir(UPPER "/files", 0755) == 0 && mkdir(UPPER "/work", 0755) == 0;
}

/* What lies on the layers, in this order. */
static bool mount_rest(void)
{
	static const struct {
		const char *type, *path;
		unsigned long flags;
		const char *options;
	} mounts[] = {
		{ "overlay", ROOT_AT, PLAIN,
		  "lowerdir=" LOWER ",upperdir=" UPPER "/files,workdir=" UPPER "/work"
		  ",index=on,nfs_export=on,uuid=on" },
		{ "proc", ROOT_AT "/proc", PLAIN | MS_NOEXEC, NULL },
		{ "sysfs", ROOT_AT "/sys", PLAIN | MS_NOEXEC | MS_RDONLY, NULL },
		{ "cgroup2", ROOT_CGROUPS, PLAIN | MS_NOEXEC, NULL },
		{ "cgroup2", ROOT_AT "/sys/fs/cgroup", PLAIN | MS_NOEXEC | MS_RDONLY, NULL },
		{ "tmpfs", ROOT_AT "/dev", MS_NOSUID | MS_NOEXEC, "size=64k,mode=0755" },
		{ "devpts", ROOT_AT "/dev/pts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5" },
		{ "tmpfs", ROOT_AT "/dev/shm", PLAIN | MS_NOEXEC, "size=" SHM_SIZE ",mode=1777" },
	};

	for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++)
		if (early_mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags,
		                mounts[i].options) != RC_OK)
			return false;
	return true;
}

/* Only what any program may have: the console, the security module and the
 * clock's device stay with PID 1. */
static bool fill_dev(void)
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
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) !=
		    0)
			return false;
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (symlink(links[i].to, links[i].path) != 0)
			return false;
	return true;
}

enum rc root_protect_sysctls(const char *path)
{
	if (mount(path, path, NULL, MS_BIND, NULL) == 0 &&
	    mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | PLAIN | MS_NOEXEC, NULL) ==
	            0)
		return RC_OK;
	return RC_IO;
}

enum rc root_mount(void)
{
	mode_t mask = umask(0);
	struct sysinfo info = { 0 };
	bool ok = sysinfo(&info) == 0;
	uint64_t free_bytes = (uint64_t)info.freeram * info.mem_unit;

	/* An image without /tmp gets one; one that has it keeps its own. */
	ok = ok && mount_layers(free_bytes) && mount_rest() &&
	     root_protect_sysctls(ROOT_AT "/proc/sys") == RC_OK && fill_dev() &&
	     (mkdir(ROOT_AT "/tmp", 01777) == 0 || errno == EEXIST);
	umask(mask);
	if (!ok)
		log_line("root: the app's root cannot be set up: %m");
	else
		log_line(
			"root: image read-only from its file, changes in memory (at most %llu MiB)",
			(unsigned long long)(free_bytes / 100 * ROOT_SHARE >> 20));
	return ok ? RC_OK : RC_IO;
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
