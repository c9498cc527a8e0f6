/* Directory trees, depth first, without allocation. Names come from the file
 * system, whose content may be hostile; nothing here follows a symlink.
 *
 * Theory of operation. walk_down opens a directory, at the beginning and
 * wherever the caller wants to look into what walk_next has named; walk_next
 * then goes on in there. At the end of a directory's names it is closed, and
 * the walk goes on in the one above; after the first one's end depth is 0.
 */
#ifndef CHANNEL_WALK_H
#define CHANNEL_WALK_H

#include "appliance/base/rc.h"
#include "channel/message.h"

/* The deepest that we make: a tree of DEPTH_MAX in a stage's `new`. */
enum { WALK_DEPTH = DEPTH_MAX + 2 };

struct walk_level {
	int fd;
	int beside;     /* of walk_move, where the names go; else -1 */
	size_t at, len; /* unread part of names */
	char name[NAME_LEN_MAX + 1];
	_Alignas(8) char names[4096];
};

struct walk {
	size_t depth; /* open directories; 0 before the first walk_down */
	struct walk_level level[WALK_DEPTH];
};

/* The directory that walk_next reads; depth is not 0. */
static inline struct walk_level *walk_top(struct walk *w)
{
	return &w->level[w->depth - 1];
}

/* Opens name in at. RC_LIMIT when the walk is WALK_DEPTH deep, RC_IO with
 * errno. */
RC_CHECK enum rc walk_down(struct walk *w, int at, const char *name);

/* RC_OK: *name is the next one, `.` and `..` left out, until the next call.
 * RC_EOF: the directory has ended and is closed; *name is its own, as
 * walk_down was told it, until the next walk_down. RC_IO with errno, and the same
 * name. */
RC_CHECK enum rc walk_next(struct walk *w, const char **name);

/* Makes the directory name in at, for us alone, and opens it; with there, it may
 * exist. RC_IO with errno, EEXIST alone if it does. */
RC_CHECK enum rc walk_make(int at, const char *name, bool there, int *fd);

/* Ends the walk wherever it is. */
void walk_close(struct walk *w);

/* Removes name in at with all below it. RC_ABSENT when there is none, RC_LIMIT
 * when it is deeper than WALK_DEPTH, RC_IO with errno. */
RC_CHECK enum rc walk_remove(int at, const char *name);

/* Moves what the directory *name in at holds into the directory to by rename, going
 * down where both have a directory, and removes it. to is closed. RC_LIMIT, RC_IO
 * with errno: *name is what could not be moved. */
RC_CHECK enum rc walk_move(int at, const char **name, int to);

#endif
