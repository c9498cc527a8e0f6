/* YAML as far as a manifest needs it: a tree of maps, lists and scalars, each with
 * the place where it is written. Wraps libfyaml.
 *
 * The text is anybody's. Refused, with a note each: what is not UTF-8 or has control
 * bytes, several documents, directives, anchors, aliases, tags, merge keys, keys
 * that are no scalars or come twice, and what is over a bound below. Whether `on`
 * or `0o17` are words or something else is not decided here: a scalar is the text
 * that was written.
 */
#ifndef IMAGE_YAML_H
#define IMAGE_YAML_H

#include "appliance/base/rc.h"
#include "tools/image/notes.h"

enum {
	YAML_MAX = 1 << 20,     /* bytes of a text */
	YAML_DEPTH_MAX = 8,     /* maps and lists in each other */
	YAML_NODES_MAX = 16384, /* maps, lists, scalars and keys */
	YAML_MEMBERS_MAX = 512, /* of one map or list */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	bool plain;             /* a scalar without quotes; with len 0: nothing was written */
	unsigned line, column;  /* from 1; columns are characters */
	struct slice text;      /* a scalar's, UTF-8 */
	const struct yaml *key; /* a map's member has one, a scalar */
	struct yaml *first;     /* of a map or list: its members, in their order */
	struct yaml *next;
	size_t n; /* how many */
};

struct yaml_tree {
	const struct yaml *root; /* NULL when the text has nothing but comments */
	struct yaml *nodes;      /* the tree's memory */
	size_t count;
	uint8_t *texts;
};

/* RC_OK, or RC_BAD with at least one note. The tree has its own memory and is to be
 * freed in either case. */
RC_CHECK enum rc yaml_parse(struct slice text, struct yaml_tree *t, struct notes *notes);
void yaml_free(struct yaml_tree *t);

#endif
