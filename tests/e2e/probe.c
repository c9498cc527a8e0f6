/* What a program in the enclave tries when it wants the security module or the
 * gate's secrets; run by attest.sh as root and as the roles' own users.
 *
 *   probe            prints "REACHED what" for all that succeeded; then status 1
 *
 * It finds the gate and the other roles by their names in /proc. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

enum { MISC_MAJOR = 10, MINORS = 256, FDS = 64, PATIENCE_MS = 5000 };

static int reached, tried;

static void report(const char *what, int success)
{
	tried++;
	if (success) {
		reached++;
		printf("REACHED %s\n", what);
	}
}

static void open_any(const char *path)
{
	report(path, open(path, O_RDWR | O_CLOEXEC) >= 0);
	report(path, open(path, O_RDONLY | O_CLOEXEC) >= 0);
}

/* The module's device is a misc device of unknown number: any will do. */
static void make_device(const char *where)
{
	char path[64];

	snprintf(path, sizeof path, "%s/probe-node", where);
	for (unsigned minor = 0; minor < MINORS; minor++) {
		(void)unlink(path);
		if (mknod(path, S_IFCHR | 0600, makedev(MISC_MAJOR, minor)) != 0)
			continue;
		report("a device node", 1);
		report("a misc device", open(path, O_RDWR | O_CLOEXEC) >= 0);
	}
	(void)unlink(path);
	report("a device node at all", mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0);
	(void)unlink(path);
}

static void mount_devices(void)
{
	report("mount devtmpfs", mount("dev", "/tmp", "devtmpfs", 0, NULL) == 0);
	report("mount sysfs", mount("sys", "/tmp", "sysfs", 0, NULL) == 0);
	report("mount --bind", mount("/proc/1/root", "/tmp", NULL, MS_BIND, NULL) == 0);
	report("chroot", chroot("/proc/1/root") == 0);
	report("a namespace of mounts", unshare(CLONE_NEWNS) == 0);
	report("a namespace of users", unshare(CLONE_NEWUSER) == 0);
}

static void reach_memory(pid_t pid)
{
	char path[64], byte[8];
	struct iovec here = { byte, sizeof byte }, there = { &reached, sizeof byte };
	long fd;

	report("process_vm_readv", process_vm_readv(pid, &here, 1, &there, 1, 0) > 0);
	report("process_vm_writev", process_vm_writev(pid, &here, 1, &there, 1, 0) > 0);
	report("ptrace", ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0);
	report("ptrace, seized", ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0);
	static const char *const files[] = { "mem",  "environ",      "maps", "auxv",
		                             "fd/0", "root/dev/nsm", "exe",  "cwd/dev/nsm" };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
		report(path, open(path, O_RDONLY | O_CLOEXEC) >= 0);
	}
	fd = syscall(SYS_pidfd_open, pid, 0);
	for (int i = 0; fd >= 0 && i < FDS; i++)
		report("a descriptor of another process", syscall(SYS_pidfd_getfd, fd, i, 0) >= 0);
}

/* A limit of 0 descriptors would be the end of it. As its user, and as itself. */
static void reach_limits(pid_t pid)
{
	static const unsigned users[] = { 0, 901, 902, 903, 904 };

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			struct rlimit limit;
			uid_t id = users[i];

			if (i > 0 && (setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0))
				_exit(0);
			_exit(prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0);
		}
		waitpid(child, &status, 0);
		report("limits of a role", status != 0);
	}
}

/* The ports are the parent's: a connection from here is hung up on. One that is
 * kept shows by nothing coming. */
static void reach_port(unsigned port)
{
	struct sockaddr_vm at = { .svm_family = AF_VSOCK,
		                  .svm_port = port,
		                  .svm_cid = VMADDR_CID_LOCAL };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { fd, POLLIN, 0 };

	report("a port of the parent's",
	       fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
	               poll(&p, 1, PATIENCE_MS) == 0);
	close(fd);
}

/* The roles by their names: argv[0] says the role, PID 1 is the init. */
static int is_role(const char *pid)
{
	char path[64], name[32] = "";
	FILE *f;

	if (strcmp(pid, "1") == 0)
		return 1;
	snprintf(path, sizeof path, "/proc/%.16s/cmdline", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	(void)!fread(name, 1, sizeof name - 1, f);
	fclose(f);
	return strcmp(name, "gate") == 0 || strcmp(name, "channel") == 0 ||
	       strcmp(name, "launch") == 0;
}

int main(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int roles = 0;

	open_any("/dev/nsm");
	open_any("/dev/mem");
	open_any("/dev/hwrng");
	make_device("/tmp");
	make_device("/dev");
	while (proc != NULL && (e = readdir(proc)) != NULL)
		if (is_role(e->d_name)) {
			reach_memory((pid_t)strtol(e->d_name, NULL, 10));
			reach_limits((pid_t)strtol(e->d_name, NULL, 10));
			roles++;
		}
	mount_devices();
	reach_port(7000);
	reach_port(7001);
	printf("tried %d things, reached %d; %d roles\n", tried, reached, roles);
	return reached > 0;
}
