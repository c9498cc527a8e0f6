#include "tools/image/users.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"
#include "tools/image/oci_image.h"

int users_open_in(int folder, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC,
		                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

static enum rc read_all(int fd, const char *name, uint8_t **text, struct slice *out)
{
	struct stat st;
	size_t len;

	if (fstat(fd, &st) < 0)
		return fail_errno("%s of the folder", name);
	if (!S_ISREG(st.st_mode) || st.st_size > OCI_USERS_FILE_MAX)
		return fail(RC_BAD, "%s of the folder is no file of at most 4 MiB", name);
	len = (size_t)st.st_size;
	*text = malloc(len + 1);
	if (*text == NULL)
		return fail_errno("%s of the folder", name);
	if (io_read_full(fd, *text, len) != RC_OK)
		return fail(RC_IO, "%s of the folder: cannot be read, or changed meanwhile", name);
	*out = slice_of(*text, len);
	return RC_OK;
}

static enum rc read_one(int folder, const char *name, uint8_t **text, struct slice *out)
{
	int fd = users_open_in(folder, name, O_RDONLY | O_NONBLOCK); /* it may be a pipe's */
	enum rc rc;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return RC_OK;
	if (fd < 0)
		return fail_errno("%s of the folder", name);
	rc = read_all(fd, name, text, out);
	io_close(&fd);
	return rc;
}

enum rc users_read(struct users *u, const char *folder)
{
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	enum rc rc;

	if (fd < 0)
		return fail_errno("'%s'", folder);
	rc = read_one(fd, "etc/passwd", &u->text[0], &u->passwd);
	if (rc == RC_OK)
		rc = read_one(fd, "etc/group", &u->text[1], &u->group);
	io_close(&fd);
	return rc;
}

void users_free(struct users *u)
{
	free(u->text[0]);
	free(u->text[1]);
	*u = (struct users){ 0 };
}
