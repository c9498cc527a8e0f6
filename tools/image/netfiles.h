/* What the root of an app with a network needs and its author need not know: who
 * looks up names, and that localhost is here.
 *
 * /etc/resolv.conf takes the place of whatever is there, since no other name server
 * can be reached; /etc/hosts is added where there is none or an empty one, as
 * container tools leave behind. Both are root's, 0644, of 1970.
 */
#ifndef IMAGE_NETFILES_H
#define IMAGE_NETFILES_H

#include "tools/image/oci_tree.h"

enum { NETFILES_MAX = 2 };

struct netfile {
	const char *path; /* relative to the root */
	struct slice text;
};

/* /etc/resolv.conf; then /etc/hosts, if it is wanted. */
const struct netfile *netfile(size_t i);

/* Lays them over an image's files as layer; their ordinals are what netfile takes. */
RC_CHECK enum rc netfiles_merge(struct oci_tree *t, unsigned layer, char why[OCI_WHY_MAX]);

/* Packs a folder with them into the file out, as rootfs_make does without: owners
 * become root, times 1970. GNU tar reads the folder. Prints its own errors. */
RC_CHECK enum rc netfiles_pack(const char *dir, const char *out);

#endif
