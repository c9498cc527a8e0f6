/* The app's root as an EROFS image, made by mkfs.erofs so that the same folder
 * gives the same bytes: owners root, times 1970, a fixed UUID, no extended
 * attributes of the machine.
 */
#ifndef IMAGE_ROOTFS_H
#define IMAGE_ROOTFS_H

#include "appliance/base/rc.h"

/* Packs dir into the file out, which exists and is overwritten. mkfs.erofs is
 * taken from $CASEMATE_CACHE/tools (default ~/.cache/casemate/tools), else
 * from PATH; its output is shown when it fails. Prints its own errors. */
RC_CHECK enum rc rootfs_make(const char *dir, const char *out);

#endif
