/* The app's root as an EROFS image, made by mkfs.erofs so that the same input
 * gives the same bytes: a fixed UUID, 1970 as its own time, nothing of the machine.
 *
 * A folder of the host: owners become root, times 1970, extended attributes stay
 * behind. A tar archive written into a pipe: owners, times and attributes are the
 * archive's.
 *
 * mkfs.erofs is taken from $CASEMATE_CACHE/tools (default ~/.cache/casemate/tools),
 * else from PATH; what it says is shown when it fails.
 */
#ifndef IMAGE_ROOTFS_H
#define IMAGE_ROOTFS_H

#include <sys/types.h>

#include "appliance/base/rc.h"

/* Packs dir into the file out, which exists and is overwritten. Prints its own
 * errors. */
RC_CHECK enum rc rootfs_make(const char *dir, const char *out);

/* mkfs.erofs while it reads a tar archive. Begins as ROOTFS_NONE. */
struct rootfs {
	pid_t pid;       /* 0: not running */
	const char *out; /* kept by pointer */
	int in;          /* the archive is written here */
	int said;        /* what it says, a file in memory */
};

#define ROOTFS_NONE ((struct rootfs){ 0, NULL, -1, -1 })

/* Both print their own errors. `what` is what is packed, for messages. */
RC_CHECK enum rc rootfs_start(struct rootfs *r, const char *what, const char *out);
/* Ends the archive and waits until the image is there. To be called as well when
 * writing failed because it ended too early: it knows why. */
RC_CHECK enum rc rootfs_finish(struct rootfs *r, const char *what);

/* Ends what is still running; harmless at any time. */
void rootfs_stop(struct rootfs *r);

#endif
