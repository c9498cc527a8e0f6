#include "tools/image/oci_tree.h"

#include <limits.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum rc oci_refuse(char *why, enum rc rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, OCI_WHY_MAX, fmt, ap);
	va_end(ap);
	return rc;
}

/* --- nodes and names --- */

void oci_tree_node_clear(struct oci_tree *t, struct oci_node *n)
{
	for (size_t i = 0; i < n->xattrs; i++) {
		t->bytes -= strlen(n->xattr[i].name) + n->xattr[i].value.len + sizeof *n->xattr;
		free((void *)(uintptr_t)n->xattr[i].name);
		free((void *)(uintptr_t)n->xattr[i].value.p);
	}
	free(n->xattr);
	n->xattr = NULL;
	n->xattrs = 0;
	if (n->target != NULL)
		t->bytes -= strlen(n->target);
	free(n->target);
	n->target = NULL;
}

void oci_tree_node_free(struct oci_tree *t, struct oci_node *n)
{
	oci_tree_node_clear(t, n);
	if (n->kind == OCI_FILE) {
		*(n->prev ? &n->prev->next : &t->first_file) = n->next;
		*(n->next ? &n->next->prev : &t->last_file) = n->prev;
	}
	t->bytes -= sizeof *n;
	free(n);
}

struct oci_node *oci_tree_node(struct oci_tree *t, enum oci_kind kind)
{
	struct oci_node *n = calloc(1, sizeof *n);

	if (n == NULL)
		return NULL;
	*n = (struct oci_node){ .kind = kind, .mode = 0755 };
	t->bytes += sizeof *n;
	if (kind == OCI_FILE) {
		n->prev = t->last_file;
		*(n->prev ? &n->prev->next : &t->first_file) = n;
		t->last_file = n;
	}
	return n;
}

static int by_label(const void *a, const void *b)
{
	return strcmp(((const struct oci_name *)a)->label, ((const struct oci_name *)b)->label);
}

struct oci_name *oci_tree_child(const struct oci_name *folder, const char *label)
{
	struct oci_name key = { .label = label };
	struct oci_name **found = tfind(&key, &folder->node->index, by_label);

	return found ? *found : NULL;
}

static size_t name_bytes(const struct oci_name *n)
{
	return sizeof *n + strlen(n->label) + 1;
}

static void name_free(struct oci_tree *t, struct oci_name *n)
{
	struct oci_node *node = n->node;

	if (n->twin_next)
		n->twin_next->twin_prev = n->twin_prev;
	*(n->twin_prev ? &n->twin_prev->twin_next : &node->names) = n->twin_next;
	if (node->names == NULL && !node->held)
		oci_tree_node_free(t, node);
	t->names--;
	t->bytes -= name_bytes(n);
	free(n);
}

/* n has nothing below it. */
static void name_remove(struct oci_tree *t, struct oci_name *n)
{
	struct oci_node *folder = n->parent->node;

	tdelete(n, &folder->index, by_label);
	*(n->prev ? &n->prev->next : &folder->children) = n->next;
	if (n->next)
		n->next->prev = n->prev;
	folder->count--;
	name_free(t, n);
}

static struct oci_name *name_new(struct oci_tree *t, struct oci_node *node, const char *label)
{
	size_t len = strlen(label);
	struct oci_name *n = calloc(1, sizeof *n + len + 1);

	if (n == NULL)
		return NULL;
	memcpy(n + 1, label, len + 1);
	n->label = (const char *)(n + 1);
	n->node = node;
	n->twin_next = node->names;
	if (n->twin_next)
		n->twin_next->twin_prev = n;
	node->names = n;
	t->names++;
	t->bytes += name_bytes(n);
	return n;
}

enum rc oci_tree_check(const struct oci_tree *t, char *why)
{
	if (t->names > t->limits.names)
		return oci_refuse(why, RC_LIMIT, "the image has too many files");
	if (t->bytes > t->limits.bytes)
		return oci_refuse(why, RC_LIMIT, "the image's names take too much memory");
	return RC_OK;
}

enum rc oci_tree_add(struct oci_tree *t, struct oci_name *folder, const char *label,
                     struct oci_node *node, unsigned layer, char *why)
{
	struct oci_name *n;
	size_t path_len = folder->path_len + (folder->parent ? 1 : 0) + strlen(label);

	if (path_len >= PATH_MAX)
		return oci_refuse(why, RC_LIMIT, "its path is longer than 4095 bytes");
	if (folder->node->count >= OCI_FOLDER_MAX)
		return oci_refuse(why, RC_LIMIT, "its folder has too many files");
	n = name_new(t, node, label);
	if (n == NULL)
		return oci_refuse(why, RC_LIMIT, "memory is out");
	n->layer = layer;
	n->path_len = path_len;
	n->parent = folder;
	n->next = folder->node->children;
	if (n->next)
		n->next->prev = n;
	folder->node->children = n;
	folder->node->count++;
	if (tsearch(n, &folder->node->index, by_label) == NULL) {
		name_remove(t, n);
		return oci_refuse(why, RC_LIMIT, "memory is out");
	}
	return oci_tree_check(t, why);
}

/* --- taking away --- */

static struct oci_name *first_leaf(struct oci_name *n)
{
	while (n->node->children != NULL)
		n = n->node->children;
	return n;
}

/* n, if a layer below `layer` set it. A folder that keeps something becomes one
 * that was made for it. */
static void drop_lower(struct oci_tree *t, struct oci_name *n, unsigned layer)
{
	if (n->layer >= layer)
		return;
	if (n->node->children == NULL) {
		name_remove(t, n);
		return;
	}
	oci_tree_node_clear(t, n->node);
	n->node->mode = 0755;
	n->node->uid = n->node->gid = 0;
	n->node->mtime_s = 0;
	n->node->mtime_ns = 0;
	n->layer = layer;
}

void oci_tree_drop(struct oci_tree *t, struct oci_name *top, unsigned layer, bool itself)
{
	struct oci_name *n = layer > top->swept ? first_leaf(top) : top, *next;

	for (; n != top; n = next) {
		next = n->next ? first_leaf(n->next) : n->parent;
		drop_lower(t, n, layer);
	}
	top->swept = layer;
	if (itself)
		drop_lower(t, top, layer);
}

/* --- paths --- */

/* Puts a link's target in front of the rest. */
static enum rc follow(struct oci_walk *w, const struct oci_node *link, const char *rest)
{
	char path[sizeof w->rest];
	int n = snprintf(path, sizeof path, "%s/%s", link->target, rest);

	if (n < 0 || (size_t)n >= sizeof path)
		return oci_refuse(w->why, RC_LIMIT, "a path through symbolic links is too long");
	if (++w->links > OCI_LINKS_MAX)
		return oci_refuse(w->why, RC_LIMIT, "too many symbolic links in its path");
	if (*path == '/')
		w->at = w->t->root;
	memcpy(w->rest, path, (size_t)n + 1);
	return RC_OK;
}

static enum rc make_folder(struct oci_walk *w, const char *label)
{
	struct oci_node *node;
	enum rc rc;

	if (!w->create)
		return oci_refuse(w->why, RC_ABSENT, "is not there");
	if (strlen(label) > NAME_MAX)
		return oci_refuse(w->why, RC_BAD, "a name in its path is longer than 255 bytes");
	node = oci_tree_node(w->t, OCI_FOLDER);
	if (node == NULL)
		return oci_refuse(w->why, RC_LIMIT, "memory is out");
	rc = oci_tree_add(w->t, w->at, label, node, w->layer, w->why);
	if (node->names == NULL)
		oci_tree_node_free(w->t, node);
	else
		w->at = node->names;
	return rc;
}

/* One component, and where it leads; rest is what comes after it. */
static enum rc step(struct oci_walk *w, const char *label, const char *rest, bool *moved)
{
	struct oci_name *child;

	*moved = false;
	if (strcmp(label, ".") == 0)
		return RC_OK;
	if (strcmp(label, "..") == 0) {
		w->at = w->at->parent ? w->at->parent : w->at;
		return RC_OK;
	}
	child = oci_tree_child(w->at, label);
	if (child == NULL)
		return make_folder(w, label);
	if (child->node->kind == OCI_SYMLINK) {
		*moved = true;
		return follow(w, child->node, rest);
	}
	if (child->node->kind != OCI_FOLDER)
		return oci_refuse(w->why, RC_BAD, "'%.255s' in its path is not a folder", label);
	w->at = child;
	return RC_OK;
}

enum rc oci_tree_walk(struct oci_walk *w)
{
	char label[PATH_MAX];
	enum rc rc = RC_OK;
	char *p = w->rest;

	while (rc == RC_OK) {
		size_t n;
		bool moved;

		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 0)
			break;
		if (n >= sizeof label)
			return oci_refuse(w->why, RC_LIMIT, "a name in its path is too long");
		memcpy(label, p, n);
		label[n] = '\0';
		p += n;
		rc = step(w, label, p, &moved);
		p = moved ? w->rest : p;
	}
	return rc;
}

/* --- as a whole --- */

enum rc oci_tree_init(struct oci_tree *t, const struct oci_limits *limits)
{
	struct oci_node *node;

	*t = (struct oci_tree){ .limits = *limits };
	node = oci_tree_node(t, OCI_FOLDER);
	if (node == NULL)
		return RC_LIMIT;
	t->root = name_new(t, node, "");
	if (t->root != NULL)
		return RC_OK;
	oci_tree_node_free(t, node);
	return RC_LIMIT;
}

void oci_tree_free(struct oci_tree *t)
{
	if (t->root == NULL)
		return;
	oci_tree_drop(t, t->root, UINT_MAX, false);
	name_free(t, t->root);
	t->root = NULL;
}

struct oci_name *oci_tree_next(const struct oci_tree *t, const struct oci_name *n)
{
	if (n == NULL)
		return t->root;
	if (n->node->children != NULL)
		return n->node->children;
	while (n != NULL && n->next == NULL)
		n = n->parent;
	return n ? n->next : NULL;
}

void oci_tree_path(const struct oci_name *n, char *out)
{
	size_t at = n->path_len;

	if (n->parent == NULL) {
		memcpy(out, ".", 2);
		return;
	}
	out[at] = '\0';
	for (; n->parent != NULL; n = n->parent) {
		size_t len = strlen(n->label);

		at -= len;
		memcpy(out + at, n->label, len);
		if (at > 0)
			out[--at] = '/';
	}
}

struct oci_node *oci_tree_find(struct oci_tree *t, const char *path)
{
	char why[OCI_WHY_MAX];
	struct oci_walk w = { .t = t, .at = t->root, .why = why };

	while (w.links++ < OCI_LINKS_MAX) {
		const char *slash = strrchr(path, '/');
		struct oci_name *n;

		if (*path == '/')
			w.at = t->root;
		snprintf(w.rest, sizeof w.rest, "%.*s", slash ? (int)(slash - path) : 0, path);
		if (oci_tree_walk(&w) != RC_OK)
			return NULL;
		n = oci_tree_child(w.at, slash ? slash + 1 : path);
		if (n == NULL || n->node->kind != OCI_SYMLINK)
			return n ? n->node : NULL;
		path = n->node->target;
	}
	return NULL;
}
