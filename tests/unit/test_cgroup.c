/* appliance/cgroup.h over a folder of files, which openat(2) of the test's own
 * makes as the kernel would: what is written to which file, in what order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "appliance/base/io.h"
#include "appliance/cgroup.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/test_cgroup.XXXXXX";
static int root = -1;
static char opened[512];          /* the files that were written to, in order */
static const char *none = "none"; /* one that cannot be */

int openat(int dir, const char *file, int flags, ...)
{
	if ((flags & O_ACCMODE) == O_WRONLY) {
		strncat(opened, file, sizeof opened - strlen(opened) - 2);
		strcat(opened, " ");
		if (strcmp(file, none) == 0) {
			errno = EACCES;
			return -1;
		}
		flags |= O_CREAT;
	}
	return (int)syscall(SYS_openat, dir, file, flags, 0600);
}

static void put(const char *file, const char *text)
{
	test_put(folder, file, text);
}

static bool holds(const char *file, const char *text)
{
	char path[256], got[256] = "";
	size_t len;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	return io_read_file(path, got, sizeof got - 1, &len) == RC_OK && strcmp(got, text) == 0;
}

static void remove_all(const char *name)
{
	static const char *const files[] = { "memory.max",       "pids.max",    "cpu.max",
		                             "memory.oom.group", "cgroup.kill", "cgroup.events" };
	char path[256];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s/%s", folder, name, files[i]);
		unlink(path);
	}
}

static void limits(void)
{
	struct service_policy p = { .memory = 1 << 20, .pids = 64, .cpu = 1500 },
			      none_at_all = { 0 };
	int fd = -1;

	opened[0] = '\0';
	CHECK(cgroup_make(root, "a", &p, &fd) == RC_OK && fd >= 0);
	CHECK(strcmp(opened, "memory.max pids.max cpu.max memory.oom.group ") == 0);
	CHECK(holds("a/memory.max", "1048576") && holds("a/pids.max", "64"));
	CHECK(holds("a/cpu.max", "150000 100000") && holds("a/memory.oom.group", "1"));
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	io_close(&fd);
	CHECK(cgroup_make(root, "a", &p, &fd) == RC_IO && fd == -1); /* it is not empty */
	remove_all("a");
	CHECK(cgroup_make(root, "a", &none_at_all, &fd) == RC_OK); /* made anew */
	CHECK(holds("a/memory.max", "max") && holds("a/pids.max", "max"));
	CHECK(holds("a/cpu.max", "max"));
	io_close(&fd);
	remove_all("a");
}

/* Whichever limit cannot be set, there is no group without it. */
static void a_limit_that_fails(void)
{
	static const char *const files[] = { "memory.max", "pids.max", "cpu.max",
		                             "memory.oom.group" };
	struct service_policy p = { .memory = 1 };

	for (size_t i = 0; i < 4; i++) {
		int fd = -1;

		none = files[i];
		CHECK(cgroup_make(root, "a", &p, &fd) == RC_IO && errno == EACCES);
		none = "none";
		io_close(&fd);
		remove_all("a");
	}
}

static void root_group(void)
{
	CHECK(cgroup_init(root) == RC_OK);
	CHECK(holds("cgroup.subtree_control", "+memory +pids +cpu"));
	none = "cgroup.subtree_control";
	CHECK(cgroup_init(root) == RC_IO);
	none = "none";
}

static void numbers(void)
{
	put("pids.current", "17\n");
	put("cpu.stat", "usage_usec 12345678901\nuser_usec 5\nusage_usec 7\n");
	put("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n");
	put("empty", "");
	put("words", "max\n");
	CHECK(cgroup_number(root, "pids.current", "") == 17);
	CHECK(cgroup_number(root, "cpu.stat", "usage_usec") == 12345678901);
	CHECK(cgroup_number(root, "cpu.stat", "user_usec") == 5);
	CHECK(cgroup_number(root, "cpu.stat", "user") == 0);
	CHECK(cgroup_number(root, "memory.events", "oom") == 3);
	CHECK(cgroup_number(root, "memory.events", "oom_kill") == 2);
	CHECK(cgroup_number(root, "memory.events", "oom_group_kill") == 1);
	CHECK(cgroup_number(root, "memory.events", "sock_throttled") == 0);
	CHECK(cgroup_number(root, "empty", "") == 0 && cgroup_number(root, "empty", "x") == 0);
	CHECK(cgroup_number(root, "words", "") == 0);
	CHECK(cgroup_number(root, "nothing", "") == 0 && cgroup_number(-1, "words", "") == 0);
}

static void populated(void)
{
	int fd = -1;
	struct service_policy p = { 0 };

	CHECK(cgroup_make(root, "b", &p, &fd) == RC_OK);
	CHECK(!cgroup_populated(fd) && !cgroup_populated(-1));
	put("b/cgroup.events", "populated 1\nfrozen 0\n");
	CHECK(cgroup_populated(fd));
	cgroup_kill(fd);
	CHECK(holds("b/cgroup.kill", "1"));
	put("b/cgroup.kill", "");
	put("b/cgroup.events", "populated 0\nfrozen 0\n");
	CHECK(!cgroup_populated(fd) && cgroup_open(root, "c") == -1);
	io_close(&fd);
	fd = cgroup_open(root, "b");
	CHECK(fd >= 0 && !cgroup_populated(fd) && holds("b/cgroup.kill", ""));
	cgroup_kill(-1);
	io_close(&fd);
	remove_all("b");
}

int main(void)
{
	char command[64];

	if (!CHECK(mkdtemp(folder) != NULL))
		return test_end();
	root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	limits();
	a_limit_that_fails();
	root_group();
	numbers();
	populated();
	snprintf(command, sizeof command, "rm -rf %s", folder);
	CHECK(system(command) == 0);
	return test_end();
}
