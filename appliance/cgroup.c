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
static enum rc limit(int dir, const char *file, uint64_t n, const char *after)
{
	char text[48] = "max";

	if (n > 0)
		(void)snprintf(text, sizeof text, "%" PRIu64 "%s", n, after);
	return io_put_file(dir, file, text);
}

enum rc cgroup_init(int root)
{
	return io_put_file(root, "cgroup.subtree_control", "+memory +pids +cpu");
}

enum rc cgroup_make(int root, const char *name, const struct service_policy *p, int *fd)
{
	enum { PERIOD_US = 100000 };
	enum rc rc = RC_IO;

	/* Never one in which something was killed: CLONE_INTO_CGROUP of Linux 6.12
	 * kills what enters it. */
	if ((unlinkat(root, name, AT_REMOVEDIR) == 0 || errno == ENOENT) &&
	    mkdirat(root, name, 0755) == 0)
		*fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		rc = limit(*fd, "memory.max", p->memory, "");
	if (rc == RC_OK)
		rc = limit(*fd, "pids.max", p->pids, "");
	if (rc == RC_OK)
		rc = limit(*fd, "cpu.max", p->cpu * PERIOD_US / 1000, " 100000");
	/* Half a service is no service. */
	return rc == RC_OK ? io_put_file(*fd, "memory.oom.group", "1") : rc;
}

bool cgroup_clear(int root, const char *name)
{
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool clear = fd < 0 || !cgroup_populated(fd);

	if (!clear)
		cgroup_kill(fd);
	io_close(&fd);
	return clear;
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
