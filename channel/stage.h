/* Where received files wait until all of them are there (PROTOCOL.md "Files
 * and trees").
 *
 * Theory of operation. A stage is a directory `.casemate-…` in the directory
 * that will hold the result. Entries are made in its `new`, which starts
 * empty: a name that cannot be created because it exists is a name sent twice.
 * stage_commit moves what `new` holds to its final names by rename, going down
 * where both sides have a directory; whether the two fit together the receiver
 * has found out before, entry by entry.
 *
 * With resume the stage's name is derived from the destination, it is locked,
 * and its `part` outlives a failure: files that may be resumed are made there,
 * under a name that stands for their path, and linked into `new`.
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
	int part;  /* its `part`, or -1 */
	bool resume;
	char name[STAGE_NAME_MAX];    /* of the stage in base */
	char final[NAME_LEN_MAX + 1]; /* "" when entries keep their names */
};

/* dst is a path in the caller's root. Results: RC_OK; RC_DENIED (*f). On
 * failure nothing is left and nothing is open. */
RC_CHECK enum rc stage_open(struct stage *s, const char *dst, bool into, bool resume,
                            struct failure *f);

/* The file of that path (a digest of it), as far as earlier attempts brought
 * it, open for reading and writing, and linked to name in the directory at; -1
 * with errno, EEXIST when at has that name. Only with resume. */
int stage_part(const struct stage *s, const uint8_t path[SHA384_LEN], int at, const char *name);

/* Moves everything to its final name and removes the stage. RC_DENIED (*f). */
RC_CHECK enum rc stage_commit(struct stage *s, struct failure *f);

/* Ends without a result: removes the stage, with resume all but its `part`. */
void stage_discard(struct stage *s);

#endif
