/* What the layers of a container image do to its files (OCI image-spec, layer.md).
 *
 * The entries are anybody's. Rules: a name is relative (or "/") and has no ".."
 * and no component over 255 bytes. Its folder's components are followed through symbolic
 * links within the tree; the last component is not. Missing folders are made (0755,
 * root, 1970). What a name stood for before is replaced, and everything below it
 * is gone, unless both are folders: then only owner, mode, times and attributes
 * change. A hard link's target is a file, symbolic link or FIFO that is there
 * already, of any layer; it may be written as an absolute name. ".wh.NAME" takes
 * NAME away, ".wh..wh..opq" everything in its folder, in both cases only what
 * lower layers put there, wherever in the layer it stands. Devices and sockets are
 * refused. Times before 1970 become 1970.
 *
 * Attributes: user.* and security.capability are kept. POSIX ACLs are refused:
 * to leave one out can open what it closes. Others say nothing to the enclave's
 * kernel; they are left out and counted.
 */
#ifndef IMAGE_OCI_MERGE_H
#define IMAGE_OCI_MERGE_H

#include "tools/image/oci_tree.h"

enum {
	OCI_XATTRS_MAX = 64,     /* attributes of one entry */
	OCI_XATTR_BYTES = 65535, /* of all their values: what EROFS holds */
};

/* An entry of a layer's archive. */
struct oci_entry {
	const char *name;
	enum oci_kind kind;
	uint32_t mode; /* permission bits */
	int64_t uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint64_t size;    /* of a file */
	const char *link; /* target of a symbolic or hard link */
	bool acl;         /* it has a POSIX ACL */
	size_t xattrs;
	struct oci_xattr xattr[OCI_XATTRS_MAX];
};

/* Applies an entry; layers count from 0 up and come in order, as the entries of
 * one do. RC_BAD or RC_LIMIT with the reason, which does not name the entry, in
 * why; the tree is of no use then but to be freed. */
RC_CHECK enum rc oci_merge(struct oci_tree *t, unsigned layer, uint32_t ordinal,
                           const struct oci_entry *e, char why[OCI_WHY_MAX]);

#endif
