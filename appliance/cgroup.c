#include "appliance/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"

/* 0 is no limit, here and in the manifest. */
static bool limit(int dir, const char *file, uint64_t n, const char *after)
{
	char text[48] = "max";

	if (n > 0)
		(void)snprintf(text, sizeof text, "%" PRIu64 "%s", n, after);
	return io_put_file(dir, file, text) == RC_OK;
}

enum rc cgroup_init(int root)
{
	return io_put_file(root, "cgroup.subtree_control", "+memory +pids +cpu");
}

enum rc cgroup_make(int root, const char *name, const struct service_policy *p, int *fd)
{
	enum { PERIOD_US = 100000 };

	/* Never one in which something was killed: CLONE_INTO_CGROUP of Linux 6.12
	 * kills what enters it. */
	if ((unlinkat(root, name, AT_REMOVEDIR) == 0 || errno == ENOENT) &&
	    mkdirat(root, name, 0755) == 0)
		*fd = cgroup_open(root, name);
	/* Half a service is no service: out of memory ends all of it. */
	return *fd >= 0 && limit(*fd, "memory.max", p->memory, "") &&
	                       limit(*fd, "pids.max", p->pids, "") &&
	                       limit(*fd, "cpu.max", p->cpu * PERIOD_US / 1000, " 100000") &&
	                       limit(*fd, "memory.oom.group", 1, "")
	               ? RC_OK
	               : RC_IO;
}

int cgroup_open(int root, const char *name)
{
	return openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void cgroup_kill(int fd)
{
	(void)!io_put_file(fd, "cgroup.kill", "1");
}

uint64_t cgroup_number(int dir, const char *file, const char *key)
{
	char text[1024];
	size_t len = strlen(key);
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	io_close(&fd);
	if (n < 0)
		return 0;
	text[n] = '\0';
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) == 0 && (len == 0 || at[len] == ' '))
			return strtoull(at + len, NULL, 10);
	}
	return 0;
}

bool cgroup_populated(int fd)
{
	return cgroup_number(fd, "cgroup.events", "populated") != 0;
}
