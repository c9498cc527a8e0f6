#include "channel/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/io.h"

enum { DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

enum rc walk_down(struct walk *w, int at, const char *name)
{
	struct walk_level *l = &w->level[w->depth];

	if (w->depth == WALK_DEPTH)
		return RC_LIMIT;
	l->fd = openat(at, name, DIRECTORY | O_NOFOLLOW);
	if (l->fd < 0)
		return RC_IO;
	l->beside = -1;
	l->at = l->len = 0;
	snprintf(l->name, sizeof l->name, "%.*s", NAME_LEN_MAX, name);
	w->depth++;
	return RC_OK;
}

enum rc walk_make(int at, const char *name, bool there, int *fd)
{
	if (mkdirat(at, name, 0700) < 0 && !(there && errno == EEXIST))
		return RC_IO;
	*fd = openat(at, name, DIRECTORY | O_NOFOLLOW);
	return *fd < 0 ? RC_IO : RC_OK;
}

static void up(struct walk *w)
{
	io_close(&walk_top(w)->fd);
	io_close(&walk_top(w)->beside);
	w->depth--;
}

enum rc walk_next(struct walk *w, const char **name)
{
	struct walk_level *l = walk_top(w);

	*name = l->name;
	for (;;) {
		if (l->at == l->len) {
			long n = syscall(SYS_getdents64, l->fd, l->names, sizeof l->names);

			if (n < 0)
				return RC_IO;
			if (n == 0) {
				up(w);
				return RC_EOF;
			}
			l->at = 0;
			l->len = (size_t)n;
		}
		const struct dirent *e = (const void *)(l->names + l->at);
		l->at += e->d_reclen;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			*name = e->d_name;
			return RC_OK;
		}
	}
}

void walk_close(struct walk *w)
{
	while (w->depth > 0)
		up(w);
}

/* Removes name, or goes down into it, which must be possible to empty. A change
 * of mode by name follows symlinks: only who is not root needs it, and can do it
 * to nothing but what is theirs. */
static enum rc remove_one(struct walk *w, int at, const char *name)
{
	enum rc rc;

	if (unlinkat(at, name, 0) == 0)
		return RC_OK;
	if (errno != EISDIR)
		return errno == ENOENT ? RC_ABSENT : RC_IO;
	rc = walk_down(w, at, name);
	if (rc == RC_IO && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
		rc = walk_down(w, at, name);
	if (rc == RC_OK)
		(void)!fchmod(walk_top(w)->fd, 0700);
	return rc;
}

/* Who is not root cannot move a directory that it may not write to. */
static int move(int from, int to, const char *name)
{
	struct stat st;

	if (renameat(from, name, to, name) == 0)
		return 0;
	if (errno != EACCES || fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode) || fchmodat(from, name, 0700, 0) < 0 ||
	    renameat(from, name, to, name) < 0)
		return -1;
	return fchmodat(to, name, st.st_mode & 07777, 0);
}

/* Goes down into name, which is to go to the directory to. */
static enum rc merge(struct walk *w, int at, const char *name, int to)
{
	enum rc rc = to < 0 ? RC_IO : walk_down(w, at, name);

	if (rc == RC_OK)
		walk_top(w)->beside = to;
	else
		io_close(&to);
	return rc;
}

/* Moves name, or goes down into it when there is a directory of that name. */
static enum rc move_one(struct walk *w, const char *name)
{
	int from = walk_top(w)->fd, to = walk_top(w)->beside;
	struct stat st;

	if (fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return move(from, to, name) < 0 ? RC_IO : RC_OK;
	return merge(w, from, name, openat(to, name, DIRECTORY | O_NOFOLLOW));
}

/* Goes through all that was begun in at, and removes each directory at its end. */
static enum rc empty(struct walk *w, int at, const char **name)
{
	enum rc rc = RC_OK;

	while (rc == RC_OK && w->depth > 0) {
		rc = walk_next(w, name);
		if (rc == RC_OK)
			rc = walk_top(w)->beside < 0 ? remove_one(w, walk_top(w)->fd, *name)
			                             : move_one(w, *name);
		else if (rc == RC_EOF)
			rc = unlinkat(w->depth > 0 ? walk_top(w)->fd : at, *name, AT_REMOVEDIR) < 0
			             ? RC_IO
			             : RC_OK;
	}
	walk_close(w);
	return rc;
}

static struct walk walk;

enum rc walk_remove(int at, const char *name)
{
	enum rc rc = remove_one(&walk, at, name);

	return rc == RC_OK ? empty(&walk, at, &name) : rc;
}

enum rc walk_move(int at, const char **name, int to)
{
	enum rc rc = merge(&walk, at, *name, to);

	return rc == RC_OK ? empty(&walk, at, name) : rc;
}
