/* Where received files wait until all of them are there (PROTOCOL.md "Files
 * and trees").
 *
 * Theory of operation. A stage is a directory `.casemate-…` in the directory
 * that will hold the result. Entries are made in its `new`; with resume its
 * name is derived from the destination, it is locked, and what an earlier
 * attempt left is found in its `old` and taken from there file by file. Since
 * `new` starts empty, a name that cannot be created because it exists is a
 * name sent twice. stage_commit moves the entries of `new` to their final
 * names by rename, in two passes: the first only looks for conflicts.
 *
 * Names are single components that message.c has checked; every step goes
 * through directory descriptors and follows no symlink, so nothing can be
 * created outside.
 *
 * States: opened (stage_open) → entries made → committed or discarded.
 */
#ifndef CHANNEL_STAGE_H
#define CHANNEL_STAGE_H

#include "channel/failure.h"

enum { STAGE_NAME_MAX = 32 };

struct stage {
	int base;  /* the destination's directory */
	int dir;   /* the stage itself */
	int fresh; /* its `new` */
	int old;   /* its `old`, or -1 */
	bool resume;
	char name[STAGE_NAME_MAX];    /* of the stage in base */
	char final[NAME_LEN_MAX + 1]; /* "" when entries keep their names */
};

/* dst is a path in the caller's root. Results: RC_OK; RC_DENIED (*f). On
 * failure nothing is left and nothing is open. */
RC_CHECK enum rc stage_open(struct stage *s, const char *dst, bool into, bool resume,
                            struct failure *f);

/* Moves everything to its final name and removes the stage. RC_DENIED with
 * *f: when f->code is ERR_CONFLICT nothing was moved. */
RC_CHECK enum rc stage_commit(struct stage *s, struct failure *f);

/* Ends without a result: removes the stage, or with resume leaves it. */
void stage_discard(struct stage *s);

#endif
