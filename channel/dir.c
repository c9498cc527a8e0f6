#include "channel/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/io.h"

struct record {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

enum rc dir_open(struct dir *d, int at, const char *name)
{
	d->at = d->len = 0;
	d->fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return d->fd < 0 ? RC_IO : RC_OK;
}

enum rc dir_next(struct dir *d, const char **name)
{
	for (;;) {
		if (d->at == d->len) {
			long n = syscall(SYS_getdents64, d->fd, d->buf, sizeof d->buf);

			if (n < 0)
				return RC_IO;
			if (n == 0) {
				*name = NULL;
				return RC_OK;
			}
			d->at = 0;
			d->len = (size_t)n;
		}
		const struct record *r = (const void *)(d->buf + d->at);
		d->at += r->len;
		if (strcmp(r->name, ".") != 0 && strcmp(r->name, "..") != 0) {
			*name = r->name;
			return RC_OK;
		}
	}
}

void dir_rewind(struct dir *d)
{
	d->at = d->len = 0;
	lseek(d->fd, 0, SEEK_SET);
}

void dir_close(struct dir *d)
{
	io_close(&d->fd);
}

enum { REMOVE_DEPTH = DEPTH_MAX + 4 };

struct removal {
	struct dir dir;
	char name[NAME_LEN_MAX + 1]; /* in the level above */
};

/* Goes one level down into name, which must be able to be emptied. */
static enum rc descend(struct removal *r, int at, const char *name)
{
	size_t n = strlen(name);

	if (n > NAME_LEN_MAX)
		return RC_LIMIT;
	memmove(r->name, name, n + 1);
	(void)!fchmodat(at, name, 0700, 0); /* an unreadable one fails below */
	return dir_open(&r->dir, at, name);
}

static enum rc remove_levels(struct removal *r, int at)
{
	size_t depth = 1;

	while (depth > 0) {
		struct dir *d = &r[depth - 1].dir;
		const char *name;
		enum rc rc = dir_next(d, &name);

		if (rc == RC_OK && !name) {
			dir_close(d);
			int up = depth == 1 ? at : r[depth - 2].dir.fd;
			if (unlinkat(up, r[depth - 1].name, AT_REMOVEDIR) < 0)
				rc = RC_IO;
			depth--;
		} else if (rc == RC_OK && unlinkat(d->fd, name, 0) < 0) {
			if (errno != EISDIR)
				rc = RC_IO;
			else if (depth == REMOVE_DEPTH)
				rc = RC_LIMIT;
			else
				rc = descend(&r[depth++], d->fd, name);
		}
		if (rc != RC_OK) {
			while (depth > 0)
				dir_close(&r[--depth].dir);
			return rc;
		}
	}
	return RC_OK;
}

enum rc dir_remove_tree(int at, const char *name)
{
	static struct removal levels[REMOVE_DEPTH];
	enum rc rc;

	if (unlinkat(at, name, 0) == 0)
		return RC_OK;
	if (errno != EISDIR)
		return errno == ENOENT ? RC_ABSENT : RC_IO;
	for (size_t i = 0; i < REMOVE_DEPTH; i++)
		levels[i].dir.fd = -1;
	rc = descend(&levels[0], at, name);
	return rc == RC_OK ? remove_levels(levels, at) : rc;
}
