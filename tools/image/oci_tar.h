/* Writes the merged files of an image as a tar archive (POSIX.1-2001 pax), for
 * mkfs.erofs alone to read.
 *
 * Of our own, not libarchive's writer, because mkfs.erofs reads a fraction of a
 * second right only when it has nine digits, and because the bytes of a name must
 * go through as they are, whatever the locale makes of them. Each entry is a pax
 * header that has everything, and a ustar header that has only what mkfs.erofs takes
 * from there: kind and mode.
 */
#ifndef IMAGE_OCI_TAR_H
#define IMAGE_OCI_TAR_H

#include "tools/image/oci_tree.h"

enum { OCI_TAR_BLOCK = 512 };

struct oci_tar {
	int fd;
	uint64_t left; /* content that the last file has to get */
	uint64_t size; /* of the last file */
	size_t len;    /* waiting in out */
	uint8_t out[65536];
};

void oci_tar_init(struct oci_tar *w, int fd);

/* All: RC_IO with errno. */

/* A node under its first name, which is path; a file's content follows. */
RC_CHECK enum rc oci_tar_node(struct oci_tar *w, const char *path, const struct oci_node *n);
/* Another name for what was written as target. */
RC_CHECK enum rc oci_tar_link(struct oci_tar *w, const char *path, const char *target);
/* At most w->left bytes; after the last the file is closed. */
RC_CHECK enum rc oci_tar_data(struct oci_tar *w, const void *p, size_t n);
RC_CHECK enum rc oci_tar_end(struct oci_tar *w);
/* Writes what waits, for somebody else to go on. */
RC_CHECK enum rc oci_tar_flush(struct oci_tar *w);

#endif
