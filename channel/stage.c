#include "channel/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/dir.h"

/* Opens the directory that holds dst and finds the final name. */
static enum rc resolve(struct stage *s, const char *dst, bool into, struct failure *f)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
	char parent[PATH_MAX];
	const char *slash;

	s->final[0] = '\0';
	s->base = open(dst, FLAGS);
	if (s->base >= 0)
		return RC_OK;
	if (into || (errno != ENOENT && errno != ENOTDIR))
		return failure_errno(f, "open directory", dst);
	slash = strrchr(dst, '/');
	const char *base = slash ? slash + 1 : dst;
	if (name_check(slice_str(base)) != RC_OK)
		return failure_set(f, ERR_NOT_FOUND, "cannot open directory '%s'", dst);
	if (!slash)
		snprintf(parent, sizeof parent, ".");
	else
		snprintf(parent, sizeof parent, "%.*s", (int)(slash == dst ? 1 : slash - dst), dst);
	memcpy(s->final, base, strlen(base) + 1);
	s->base = open(parent, FLAGS);
	return s->base < 0 ? failure_errno(f, "open directory", parent) : RC_OK;
}

static void stage_name(struct stage *s, const char *dst)
{
	uint8_t id[SHA384_LEN];
	char hex[17];
	struct sha384 h;

	if (s->resume) {
		sha384_init(&h);
		sha384_update(&h, dst, strlen(dst));
		sha384_final(&h, id);
	} else if (getrandom(id, 8, 0) != 8) {
		memset(id, 0, 8); /* mkdir then finds out whether it is free */
	}
	hex_put(hex, slice_of(id, 8));
	snprintf(s->name, sizeof s->name, ".casemate-%s", hex);
}

static enum rc open_sub(struct stage *s, const char *name, int *fd, struct failure *f)
{
	*fd = openat(s->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? failure_errno(f, "open", s->name) : RC_OK;
}

static enum rc merge(int from, int to, bool look_only, struct failure *f);

/* What an earlier attempt made becomes `old`, over what was there already. */
static enum rc keep_old(struct stage *s, struct failure *f)
{
	struct failure merging = { 0 };
	int before = -1;
	enum rc rc;

	if (mkdirat(s->dir, "old", 0700) < 0 && errno != EEXIST)
		return failure_errno(f, "create", s->name);
	rc = open_sub(s, "old", &s->old, f);
	if (rc != RC_OK)
		return rc;
	before = openat(s->dir, "new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (before < 0)
		return RC_OK;
	/* What cannot be merged is of another shape now and of no use. */
	rc = merge(before, s->old, false, &merging);
	io_close(&before);
	if (dir_remove_tree(s->dir, "new") != RC_OK)
		return failure_errno(f, "remove", s->name);
	if (rc != RC_OK && merging.code != ERR_CONFLICT)
		return failure_set(f, merging.code, "%s", merging.text);
	return RC_OK;
}

static bool is_ours(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

static enum rc open_dirs(struct stage *s, struct failure *f)
{
	enum rc rc;

	if (mkdirat(s->base, s->name, 0700) < 0 && !(s->resume && errno == EEXIST))
		return failure_errno(f, "create a temporary directory beside", s->final);
	s->dir = openat(s->base, s->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0)
		return failure_errno(f, "open", s->name);
	/* Who may write beside the destination must not choose what is in there. */
	if (!is_ours(s->dir))
		return failure_set(f, ERR_DENIED, "'%s' beside the destination is somebody else's",
		                   s->name);
	if (s->resume) {
		if (flock(s->dir, LOCK_EX | LOCK_NB) < 0)
			return failure_set(f, ERR_BUSY, "another transfer is at '%s'", s->name);
		rc = keep_old(s, f);
		if (rc != RC_OK)
			return rc;
	}
	if (mkdirat(s->dir, "new", 0700) < 0)
		return failure_errno(f, "create", s->name);
	return open_sub(s, "new", &s->fresh, f);
}

enum rc stage_open(struct stage *s, const char *dst, bool into, bool resume, struct failure *f)
{
	enum rc rc;

	s->base = s->dir = s->fresh = s->old = -1;
	s->resume = resume;
	rc = resolve(s, dst, into, f);
	if (rc == RC_OK) {
		stage_name(s, dst);
		rc = open_dirs(s, f);
	}
	if (rc != RC_OK)
		stage_discard(s);
	return rc;
}

/* --- merging --- */

struct level {
	struct dir from;
	int to;
	bool moved; /* something, since the directory was last rewound */
	char name[NAME_LEN_MAX + 1];
};

static enum rc level_open(struct level *l, int from, int to, const char *name, struct failure *f)
{
	snprintf(l->name, sizeof l->name, "%.*s", NAME_LEN_MAX, name);
	l->moved = false;
	l->to = -1;
	if (dir_open(&l->from, from, name) != RC_OK)
		return failure_errno(f, "open", name);
	l->to = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return l->to < 0 ? failure_errno(f, "open", name) : RC_OK;
}

static void level_close(struct level *l)
{
	dir_close(&l->from);
	io_close(&l->to);
}

/* Who is not root cannot move a directory that it may not write to. */
static int move(int from, int to, const char *name, const struct stat *st)
{
	if (renameat(from, name, to, name) == 0)
		return 0;
	if (errno != EACCES || !S_ISDIR(st->st_mode) || fchmodat(from, name, 0700, 0) < 0)
		return -1;
	if (renameat(from, name, to, name) < 0)
		return -1;
	return fchmodat(to, name, st->st_mode & 07777, 0);
}

/* RC_MORE: both sides have a directory of that name. */
static enum rc merge_one(struct level *l, const char *name, bool look_only, struct failure *f)
{
	struct stat from, to;

	if (fstatat(l->from.fd, name, &from, AT_SYMLINK_NOFOLLOW) < 0)
		return failure_errno(f, "look at", name);
	if (fstatat(l->to, name, &to, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(from.st_mode) != S_ISDIR(to.st_mode))
			return failure_set(f, ERR_CONFLICT, "cannot %s '%s'",
			                   S_ISDIR(to.st_mode) ? "replace the directory"
			                                       : "make a directory of",
			                   name);
		if (S_ISDIR(from.st_mode))
			return RC_MORE;
	} else if (errno != ENOENT) {
		return failure_errno(f, "look at", name);
	}
	if (look_only)
		return RC_OK;
	if (move(l->from.fd, l->to, name, &from) < 0)
		return failure_errno(f, "rename", name);
	l->moved = true;
	return RC_OK;
}

/* At the end of a level's names: again, if renames may have disturbed the
 * order of the directory; else up. */
static size_t level_end(struct level *levels, size_t depth, bool look_only)
{
	struct level *l = &levels[depth - 1];

	if (l->moved) {
		l->moved = false;
		dir_rewind(&l->from);
		return depth;
	}
	level_close(l);
	if (depth > 1 && !look_only &&
	    unlinkat(levels[depth - 2].from.fd, l->name, AT_REMOVEDIR) == 0)
		levels[depth - 2].moved = true;
	return depth - 1;
}

static enum rc merge(int from, int to, bool look_only, struct failure *f)
{
	static struct level levels[DEPTH_MAX + 2];
	size_t depth = 1;
	enum rc rc = level_open(&levels[0], from, to, ".", f);

	while (rc == RC_OK && depth > 0) {
		struct level *l = &levels[depth - 1];
		const char *name;

		if (dir_next(&l->from, &name) != RC_OK) {
			rc = failure_errno(f, "read", l->name);
		} else if (!name) {
			depth = level_end(levels, depth, look_only);
		} else {
			rc = merge_one(l, name, look_only, f);
			if (rc == RC_MORE && depth == DEPTH_MAX + 2)
				rc = failure_set(f, ERR_OVER_LIMIT, "cannot descend into '%s'",
				                 name);
			else if (rc == RC_MORE)
				rc = level_open(&levels[depth++], l->from.fd, l->to, name, f);
		}
	}
	while (depth > 0)
		level_close(&levels[--depth]);
	return rc;
}

enum rc stage_commit(struct stage *s, struct failure *f)
{
	int to = dup(s->base);
	enum rc rc = RC_OK;

	if (to < 0)
		return failure_errno(f, "open", ".");
	/* `.` of the stage's `new` against `.` of the destination. */
	rc = merge(s->fresh, to, true, f);
	if (rc == RC_OK)
		rc = merge(s->fresh, to, false, f);
	io_close(&to);
	if (rc == RC_OK) {
		s->resume = false;
		stage_discard(s);
	}
	return rc;
}

void stage_discard(struct stage *s)
{
	bool made = s->dir >= 0;

	io_close(&s->fresh);
	io_close(&s->old);
	io_close(&s->dir);
	if (made && !s->resume)
		(void)!dir_remove_tree(s->base, s->name);
	io_close(&s->base);
}
