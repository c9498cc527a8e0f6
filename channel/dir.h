/* Directories without allocation: iteration over a descriptor, and the
 * removal of a tree. Names come from the file system, whose content may be
 * hostile; nothing here follows a symlink.
 */
#ifndef CHANNEL_DIR_H
#define CHANNEL_DIR_H

#include "appliance/base/rc.h"
#include "channel/message.h"

struct dir {
	int fd;         /* owned; -1 when closed */
	size_t at, len; /* unread part of buf */
	_Alignas(8) char buf[4096];
};

/* Opens name in at for iteration. RC_IO with errno. */
RC_CHECK enum rc dir_open(struct dir *d, int at, const char *name);

/* The next name, `.` and `..` left out, in *name until the next call; NULL at
 * the end. RC_IO with errno. */
RC_CHECK enum rc dir_next(struct dir *d, const char **name);

/* Starts again from the first name. */
void dir_rewind(struct dir *d);

void dir_close(struct dir *d);

/* Removes name in at with all below it, at most DEPTH_MAX + 4 deep; RC_ABSENT
 * when there is none, RC_LIMIT when it is deeper, RC_IO with errno. */
RC_CHECK enum rc dir_remove_tree(int at, const char *name);

#endif
