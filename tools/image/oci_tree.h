/* The files of a container image in memory: names, owners, modes, times,
 * attributes, but no contents. What layers do to them is oci_merge.h's.
 *
 * The image is anybody's. Nothing is ever made on the host's file system: a
 * name is looked up in this tree alone, so that a symbolic link leads nowhere
 * else, whatever it says, and owners need no privilege.
 *
 * Bounds: those of struct oci_limits, PATH_MAX for a path, OCI_FOLDER_MAX names
 * a folder (mkfs.erofs looks them up one after another). The functions that
 * give a reason write it into why, of OCI_WHY_MAX bytes; after RC_LIMIT the tree
 * is of no use but to be freed.
 */
#ifndef IMAGE_OCI_TREE_H
#define IMAGE_OCI_TREE_H

#include <limits.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	OCI_WHY_MAX = 512,
	OCI_FOLDER_MAX = 100000,
	OCI_LINKS_MAX = 40, /* symbolic links in one path, as the kernel */
};

enum oci_kind {
	OCI_FILE = 0,
	OCI_FOLDER = 1,
	OCI_SYMLINK = 2,
	OCI_FIFO = 3,
	OCI_HARDLINK = 4, /* this and the following: only in archives */
	OCI_DEVICE = 5,
	OCI_SOCKET = 6,
};

struct oci_xattr {
	const char *name;
	struct slice value;
};

struct oci_node {
	enum oci_kind kind;
	uint32_t mode, uid, gid; /* mode: permission bits */
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint64_t size; /* of a file */
	char *target;  /* of a symbolic link */
	size_t xattrs;
	struct oci_xattr *xattr;
	unsigned layer; /* which entry it comes from */
	uint32_t ordinal;
	struct oci_name *names;       /* more than one: hard links */
	struct oci_node *prev, *next; /* files, in the order of their entries */
	struct oci_name *children;    /* of a folder */
	void *index;                  /* the same, by name: <search.h>'s */
	size_t count;
	bool held;         /* without a name just now, and not to be freed */
	unsigned database; /* its number in databases.h; 0: none */
};

struct oci_name {
	const char *label;
	struct oci_name *parent;                /* NULL: the root */
	struct oci_name *prev, *next;           /* in the folder */
	struct oci_name *twin_prev, *twin_next; /* of the same node */
	struct oci_node *node;
	unsigned layer;  /* the last that set it */
	unsigned swept;  /* nothing below it is of a layer below this one */
	size_t path_len; /* without the slash in front */
};

struct oci_limits {
	size_t names;  /* in the tree at a time */
	size_t bytes;  /* of memory for them */
	uint64_t size; /* contents of all entries together */
};

struct oci_tree {
	struct oci_limits limits;
	struct oci_name *root;
	struct oci_node *first_file, *last_file;
	size_t names, bytes;
	uint64_t size;          /* oci_merge.h's, as the following */
	size_t xattrs_left_out; /* how many, and "NAME of FILE" of the first */
	char first_left_out[OCI_WHY_MAX];
};

/* Writes a reason into why, which has OCI_WHY_MAX bytes; returns rc. */
__attribute__((format(printf, 3, 4))) enum rc oci_refuse(char *why, enum rc rc, const char *fmt,
                                                         ...);

/* An empty root folder; RC_LIMIT when memory is out. */
RC_CHECK enum rc oci_tree_init(struct oci_tree *t, const struct oci_limits *limits);
void oci_tree_free(struct oci_tree *t);

/* A node without a name, mode 0755, owner root, time 1970; NULL when memory is
 * out. oci_tree_node_free() is for one that has no name; one with names goes
 * with its last. */
struct oci_node *oci_tree_node(struct oci_tree *t, enum oci_kind kind);
void oci_tree_node_free(struct oci_tree *t, struct oci_node *n);
/* Forgets target and attributes. */
void oci_tree_node_clear(struct oci_tree *t, struct oci_node *n);

/* NULL when the folder has no such name. */
struct oci_name *oci_tree_child(const struct oci_name *folder, const char *label);

/* A new name in a folder that has none like it, set by layer. RC_LIMIT. */
RC_CHECK enum rc oci_tree_add(struct oci_tree *t, struct oci_name *folder, const char *label,
                              struct oci_node *node, unsigned layer, char *why);

/* Whether the limits hold; RC_LIMIT. */
RC_CHECK enum rc oci_tree_check(const struct oci_tree *t, char *why);

/* Takes away what layers below `layer` set: what is below a name, and with
 * `itself` the name. A folder in which something is left stays, as one that was
 * only made for it. What was taken away once is not looked for again, however often an
 * image says so. */
void oci_tree_drop(struct oci_tree *t, struct oci_name *n, unsigned layer, bool itself);

struct oci_walk {
	struct oci_tree *t;
	struct oci_name *at; /* a folder: from where, and where it led */
	bool create;         /* folders that are missing, in the name of layer */
	unsigned layer, links;
	char *why;
	char rest[2 * PATH_MAX]; /* what is to be walked */
};

/* Walks rest, following symbolic links; "/" and ".." stay within the tree. All
 * components have to be folders or lead to one: RC_BAD when not, RC_ABSENT when
 * one is missing and not to be made, RC_LIMIT. */
RC_CHECK enum rc oci_tree_walk(struct oci_walk *w);

/* What a path leads to, links followed; NULL when nothing. */
struct oci_node *oci_tree_find(struct oci_tree *t, const char *path);

/* The name after n, folders before what is in them; the root after NULL; NULL
 * after the last. */
struct oci_name *oci_tree_next(const struct oci_tree *t, const struct oci_name *n);

/* Writes n's path, "." for the root, with a final NUL into out[PATH_MAX]. */
void oci_tree_path(const struct oci_name *n, char *out);

#endif
