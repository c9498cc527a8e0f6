/* Files that appear whole or not at all.
 *
 * An output is written under a temporary name in its own folder and renamed;
 * a scratch file never gets a name to keep. Whatever ends the program, exit,
 * SIGINT, SIGTERM, SIGHUP or a fault in a mapped input (SIGBUS), takes the
 * temporary names away.
 */
#ifndef IMAGE_OUTFILE_H
#define IMAGE_OUTFILE_H

#include <limits.h>

#include "appliance/base/rc.h"

struct outfile {
	int fd;           /* read and write; -1 when closed */
	const char *path; /* the final name, kept by pointer; NULL for scratch */
	char temporary[PATH_MAX];
};

/* Once, before any other function. */
void outfile_init(void);

/* Both print their error. `of` must stay where it is until it is closed: the
 * signal handlers look at it. At most six are open at a time. */
RC_CHECK enum rc outfile_open(struct outfile *of, const char *path);
RC_CHECK enum rc outfile_scratch(struct outfile *of, const char *beside);

/* Gives the file its name, with the mode the umask allows. Prints its error. */
RC_CHECK enum rc outfile_commit(struct outfile *of);

/* Closes and forgets; harmless after a commit and when called twice. A struct
 * of `{ .fd = -1 }` may be closed as well. */
void outfile_close(struct outfile *of);

#endif
