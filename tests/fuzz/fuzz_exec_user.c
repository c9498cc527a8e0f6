/* User and group look-up: a specification, /etc/passwd and /etc/group of
 * anybody's, separated by NUL. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channel/exec_user.h"

static char path[2][64];
static int fd[2] = { -1, -1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_file(int i, struct slice s)
{
	if (fd[i] < 0) {
		fd[i] = memfd_create("file", MFD_CLOEXEC);
		snprintf(path[i], sizeof path[i], "/proc/self/fd/%d", fd[i]);
	}
	if (fd[i] < 0 || ftruncate(fd[i], 0) != 0 || pwrite(fd[i], s.p, s.len, 0) != (ssize_t)s.len)
		abort();
}

/* Takes up to the next NUL, or all. */
static struct slice part(struct slice *in)
{
	const uint8_t *nul = in->len > 0 ? memchr(in->p, 0, in->len) : NULL;
	struct slice s = slice_of(in->p, nul ? (size_t)(nul - in->p) : in->len);
	size_t taken = s.len + (nul != NULL);

	*in = slice_of(in->p + taken, in->len - taken);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct user u;
	struct slice in = slice_of(data, size), spec = part(&in);
	bool group;

	put_file(0, part(&in));
	put_file(1, in); /* a NUL in this one is part of it */
	if (user_find(spec, path[0], path[1], &u, &group) != RC_OK)
		return 0;
	if (u.groups_len > USER_GROUPS_MAX || u.uid > INT32_MAX || u.gid > INT32_MAX ||
	    strnlen(u.home, sizeof u.home) == sizeof u.home)
		abort();
	return 0;
}
