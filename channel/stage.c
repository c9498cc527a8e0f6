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
#include "channel/walk.h"

enum { DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

/* Opens the directory that holds dst and finds the final name. */
static enum rc resolve(struct stage *s, const char *dst, bool into, struct failure *f)
{
	const char *slash = strrchr(dst, '/'), *name = slash ? slash + 1 : dst;
	char parent[PATH_MAX];

	s->final[0] = '\0';
	s->base = open(dst, DIRECTORY);
	if (s->base >= 0)
		return RC_OK;
	if (into || (errno != ENOENT && errno != ENOTDIR) || name_check(slice_str(name)) != RC_OK)
		return failure_errno(f, "open directory", dst);
	snprintf(s->final, sizeof s->final, "%s", name);
	snprintf(parent, sizeof parent, "%.*s", slash ? (int)(name - dst) : 1, slash ? dst : ".");
	s->base = open(parent, DIRECTORY);
	return s->base < 0 ? failure_errno(f, "open directory", parent) : RC_OK;
}

static void stage_name(struct stage *s, const char *dst)
{
	uint8_t id[SHA384_LEN] = { 0 };
	char hex[17];

	if (s->resume)
		sha384_of(dst, strlen(dst), id);
	else
		(void)!getrandom(id, 8, 0); /* mkdir finds out whether it is free */
	hex_put(hex, slice_of(id, 8));
	snprintf(s->name, sizeof s->name, ".casemate-%s", hex);
}

static bool is_ours(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

/* Takes over what an earlier attempt left. */
static enum rc take_over(struct stage *s, struct failure *f)
{
	enum rc rc;

	if (flock(s->dir, LOCK_EX | LOCK_NB) < 0)
		return failure_set(f, ERR_BUSY, "another transfer is at '%s'", s->name);
	rc = walk_remove(s->dir, "new");
	if (rc == RC_OK || rc == RC_ABSENT)
		rc = walk_make(s->dir, "part", true, &s->part);
	return rc == RC_OK ? RC_OK : failure_errno(f, "take over", s->name);
}

static enum rc open_dirs(struct stage *s, struct failure *f)
{
	if (walk_make(s->base, s->name, s->resume, &s->dir) != RC_OK)
		return failure_errno(f, "create a temporary directory beside",
		                     s->final[0] != '\0' ? s->final : ".");
	/* Who may write beside the destination must not choose what is in there: what
	 * was just made may be another's by now. */
	if (!is_ours(s->dir))
		return failure_set(f, ERR_DENIED, "'%s' beside the destination is somebody else's",
		                   s->name);
	if (s->resume && take_over(s, f) != RC_OK)
		return RC_DENIED;
	if (walk_make(s->dir, "new", false, &s->fresh) != RC_OK)
		return failure_errno(f, "create a directory in", s->name);
	return RC_OK;
}

enum rc stage_open(struct stage *s, const char *dst, bool into, bool resume, struct failure *f)
{
	enum rc rc;

	s->base = s->dir = s->fresh = s->part = -1;
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

int stage_part(const struct stage *s, const uint8_t path[SHA384_LEN], int at, const char *name)
{
	char id[33];
	int fd;

	hex_put(id, slice_of(path, 16));
	(void)!fchmodat(s->part, id, 0600, 0); /* it may have its final mode already */
	fd = openat(s->part, id, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && linkat(s->part, id, at, name, 0) < 0)
		io_close(&fd);
	return fd;
}

enum rc stage_commit(struct stage *s, struct failure *f)
{
	const char *name = "new";

	/* Its files are about to be seen, and not to be written to any more. */
	if (s->resume && walk_remove(s->dir, "part") != RC_OK)
		return failure_errno(f, "empty", s->name);
	if (walk_move(s->dir, &name, dup(s->base)) != RC_OK)
		return failure_errno(f, "move", name);
	s->resume = false;
	stage_discard(s);
	return RC_OK;
}

void stage_discard(struct stage *s)
{
	bool made = s->dir >= 0;

	if (s->fresh >= 0 && s->resume) /* else it may be another transfer's */
		(void)!walk_remove(s->dir, "new");
	io_close(&s->fresh);
	io_close(&s->part);
	io_close(&s->dir);
	if (made && !s->resume)
		(void)!walk_remove(s->base, s->name);
	io_close(&s->base);
}
