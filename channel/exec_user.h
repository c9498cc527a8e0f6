/* Who a command runs as: "name", "number", either with ":group", looked up in
 * the app's own /etc/passwd and /etc/group.
 *
 * The specification is the peer's, the files are the app's: both are hostile.
 * Files are read in place, line by line, with fixed buffers and bounds; a
 * file that is not a regular one counts as absent, a line that is not well
 * formed is skipped.
 *
 * As docker: a name is looked for first, then a number up to 2^31-1, which
 * need not be in a file. Without ":group" the group is the user's own (0 for
 * one that has no line) and the supplementary groups are those whose lines
 * name the user; with it, the group is that one alone.
 */
#ifndef CHANNEL_EXEC_USER_H
#define CHANNEL_EXEC_USER_H

#include <sys/types.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	USER_GROUPS_MAX = 64,    /* supplementary groups of one user */
	USER_LINE_MAX = 8192,    /* bytes of a line */
	USER_FILE_MAX = 4 << 20, /* bytes read of a file */
	USER_HOME_MAX = 1024,
};

struct user {
	uid_t uid;
	gid_t gid;
	size_t groups_len;
	gid_t groups[USER_GROUPS_MAX];
	char home[USER_HOME_MAX]; /* "/" when nothing better is known */
};

/* RC_OK; RC_ABSENT: no such user, or, with *group set, no such group; RC_BAD:
 * spec is malformed; RC_LIMIT: a file or a line is over its bound, or the
 * user is in too many groups; RC_IO: a file could not be read, errno. */
RC_CHECK enum rc user_find(struct slice spec, const char *passwd, const char *group_file,
                           struct user *u, bool *group);

/* Only the home directory of uid, "/" when it is not known. */
void user_home(uid_t uid, const char *passwd, char home[USER_HOME_MAX]);

#endif
