#include "tools/image/oci_merge.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Above all that an image can have. */
static const unsigned EVERY_LAYER = UINT_MAX;

static const char no_acl[] = "has a POSIX ACL, which the enclave's kernel does not know";

/* A name as it stands in an archive, split into its folder and the rest. */
struct split {
	char folder[PATH_MAX];
	char label[NAME_MAX + 1]; /* empty: the root itself */
};

static bool is_whiteout(const char *label)
{
	return strncmp(label, ".wh.", 4) == 0;
}

static enum rc add_component(struct split *s, const char *p, size_t n, char *why)
{
	size_t used = strlen(s->folder);

	if (n == 1 && *p == '.')
		return RC_OK;
	if (n == 2 && memcmp(p, "..", 2) == 0)
		return oci_refuse(why, RC_BAD, "'..' in its name");
	if (n > NAME_MAX)
		return oci_refuse(why, RC_BAD, "a name in its path is longer than 255 bytes");
	if (is_whiteout(s->label))
		return oci_refuse(why, RC_BAD, "a folder's name begins with '.wh.'");
	snprintf(s->folder + used, sizeof s->folder - used, "%s%s", *s->label ? "/" : "", s->label);
	memcpy(s->label, p, n);
	s->label[n] = '\0';
	return RC_OK;
}

static enum rc split(struct split *s, const char *name, char *why)
{
	enum rc rc = RC_OK;

	*s = (struct split){ .folder = "" };
	if (*name == '\0')
		return oci_refuse(why, RC_BAD, "its name is empty");
	if (strlen(name) >= PATH_MAX)
		return oci_refuse(why, RC_LIMIT, "its name is longer than 4095 bytes");
	while (rc == RC_OK && *name != '\0') {
		size_t n = strcspn(name, "/");

		if (n > 0)
			rc = add_component(s, name, n, why);
		name += n;
		name += strspn(name, "/");
	}
	return rc;
}

static enum rc find_folder(struct oci_walk *w, struct oci_tree *t, const char *path)
{
	w->t = t;
	w->at = t->root;
	snprintf(w->rest, sizeof w->rest, "%s", path);
	return oci_tree_walk(w);
}

/* --- an entry --- */

static bool kept(const char *xattr)
{
	return strncmp(xattr, "user.", 5) == 0 || strcmp(xattr, "security.capability") == 0;
}

static enum rc check_xattrs(const struct oci_entry *e, char *why)
{
	size_t bytes = 0;

	for (size_t i = 0; i < e->xattrs; i++) {
		const struct oci_xattr *x = &e->xattr[i];

		if (strncmp(x->name, "system.posix_acl_", 17) == 0)
			return oci_refuse(why, RC_BAD, "%s", no_acl);
		if (!kept(x->name))
			continue;
		/* mkfs.erofs takes everything up to the first '=' for the name. */
		if (strlen(x->name) > NAME_MAX || strchr(x->name, '=') != NULL)
			return oci_refuse(why, RC_BAD,
			                  "an attribute's name is too long or has a '='");
		if (x->value.len > OCI_XATTR_BYTES - bytes)
			return oci_refuse(why, RC_LIMIT, "has more than 64 KiB of attributes");
		bytes += x->value.len;
	}
	return RC_OK;
}

static enum rc check_entry(struct oci_tree *t, const struct oci_entry *e, char *why)
{
	if (e->kind == OCI_DEVICE)
		return oci_refuse(why, RC_BAD, "is a device, or of no known kind");
	if (e->kind == OCI_SOCKET)
		return oci_refuse(why, RC_BAD, "is a socket");
	if (e->uid < 0 || e->uid >= UINT32_MAX || e->gid < 0 || e->gid >= UINT32_MAX)
		return oci_refuse(why, RC_BAD, "its owner is no number of 32 bits");
	if ((e->kind == OCI_SYMLINK || e->kind == OCI_HARDLINK) &&
	    (e->link == NULL || *e->link == '\0' || strlen(e->link) >= PATH_MAX))
		return oci_refuse(why, RC_BAD, "its target is empty or longer than 4095 bytes");
	if (e->kind == OCI_FILE && e->size > t->limits.size - t->size)
		return oci_refuse(why, RC_LIMIT, "the image unpacks to more than --max-size");
	if (e->kind == OCI_FILE)
		t->size += e->size;
	if (e->acl)
		return oci_refuse(why, RC_BAD, "%s", no_acl);
	return check_xattrs(e, why);
}

static void note_left_out(struct oci_tree *t, const struct oci_entry *e, const char *xattr)
{
	if (t->xattrs_left_out++ == 0)
		snprintf(t->first_left_out, sizeof t->first_left_out, "%.200s of %.300s", xattr,
		         e->name);
}

static enum rc copy_xattrs(struct oci_tree *t, struct oci_node *n, const struct oci_entry *e)
{
	n->xattr = e->xattrs > 0 ? calloc(e->xattrs, sizeof *n->xattr) : NULL;
	for (size_t i = 0; i < e->xattrs; i++) {
		const struct oci_xattr *x = &e->xattr[i];
		char *name;
		uint8_t *value;

		if (!kept(x->name)) {
			note_left_out(t, e, x->name);
			continue;
		}
		name = strdup(x->name);
		value = malloc(x->value.len + 1);
		if (n->xattr == NULL || name == NULL || value == NULL) {
			free(name);
			free(value);
			return RC_LIMIT;
		}
		if (x->value.len > 0)
			memcpy(value, x->value.p, x->value.len);
		n->xattr[n->xattrs++] = (struct oci_xattr){ name, slice_of(value, x->value.len) };
		t->bytes += strlen(name) + x->value.len + sizeof *n->xattr;
	}
	return RC_OK;
}

/* Everything of e but its kind and name. */
static enum rc node_set(struct oci_tree *t, struct oci_node *n, const struct oci_entry *e,
                        char *why)
{
	bool early = e->mtime_s < 0;

	oci_tree_node_clear(t, n);
	n->mode = e->kind == OCI_SYMLINK ? 0777 : e->mode & 07777;
	n->uid = (uint32_t)e->uid;
	n->gid = (uint32_t)e->gid;
	n->mtime_s = early ? 0 : e->mtime_s;
	n->mtime_ns = early ? 0 : e->mtime_ns % 1000000000;
	n->size = e->kind == OCI_FILE ? e->size : 0;
	if (e->kind == OCI_SYMLINK) {
		n->target = strdup(e->link);
		if (n->target == NULL)
			return oci_refuse(why, RC_LIMIT, "memory is out");
		t->bytes += strlen(n->target);
	}
	if (copy_xattrs(t, n, e) != RC_OK)
		return oci_refuse(why, RC_LIMIT, "memory is out");
	return oci_tree_check(t, why);
}

/* Where the entry goes. */
struct place {
	struct oci_name *folder;
	const char *label;
	unsigned layer;
};

/* Puts node, which has no such name, in the place of whatever is there. */
static enum rc put(struct oci_tree *t, const struct place *p, struct oci_node *node, char *why)
{
	struct oci_name *old = oci_tree_child(p->folder, p->label);
	enum rc rc;

	node->held = true;
	if (old != NULL)
		oci_tree_drop(t, old, EVERY_LAYER, true);
	rc = oci_tree_add(t, p->folder, p->label, node, p->layer, why);
	node->held = false;
	if (node->names == NULL)
		oci_tree_node_free(t, node);
	return rc;
}

static enum rc put_link(struct oci_tree *t, const struct place *p, const char *target, char *why)
{
	struct oci_walk w = { .why = why };
	struct oci_name *to = NULL;
	struct split s;
	enum rc rc = split(&s, target, why);

	if (rc != RC_OK)
		return oci_refuse(why, RC_BAD, "its target is no name within the image");
	rc = find_folder(&w, t, s.folder);
	if (rc == RC_OK)
		to = *s.label ? oci_tree_child(w.at, s.label) : t->root;
	if (to == NULL)
		return oci_refuse(why, RC_BAD, "is a hard link to '%.400s', which is not there",
		                  target);
	if (to->node->kind == OCI_FOLDER)
		return oci_refuse(why, RC_BAD, "is a hard link to a folder");
	if (to->parent == p->folder && strcmp(to->label, p->label) == 0) {
		to->layer = p->layer;
		return RC_OK;
	}
	return put(t, p, to->node, why);
}

static enum rc put_entry(struct oci_tree *t, const struct place *p, uint32_t ordinal,
                         const struct oci_entry *e, char *why)
{
	struct oci_name *old = *p->label ? oci_tree_child(p->folder, p->label) : t->root;
	struct oci_node *node;
	enum rc rc;

	if (old != NULL && old->node->kind == OCI_FOLDER && e->kind == OCI_FOLDER) {
		old->layer = p->layer;
		return node_set(t, old->node, e, why);
	}
	if (old == t->root)
		return oci_refuse(why, RC_BAD, "the root is not a folder");
	if (e->kind == OCI_HARDLINK)
		return put_link(t, p, e->link, why);
	node = oci_tree_node(t, e->kind);
	if (node == NULL)
		return oci_refuse(why, RC_LIMIT, "memory is out");
	node->layer = p->layer;
	node->ordinal = ordinal;
	rc = node_set(t, node, e, why);
	if (rc == RC_OK)
		return put(t, p, node, why);
	oci_tree_node_free(t, node);
	return rc;
}

static enum rc take_away(struct oci_tree *t, const struct split *s, unsigned layer,
                         enum oci_kind kind, char *why)
{
	const char *label = s->label + 4;
	bool opaque = strcmp(label, ".wh..opq") == 0;
	struct oci_walk w = { .why = why };
	struct oci_name *n;
	enum rc rc;

	if (kind != OCI_FILE)
		return oci_refuse(why, RC_BAD, "a whiteout must be a file");
	if (!opaque && (is_whiteout(label) || *label == '\0' || strcmp(label, ".") == 0 ||
	                strcmp(label, "..") == 0))
		return oci_refuse(why, RC_BAD, "a whiteout of no name");
	rc = find_folder(&w, t, s->folder);
	if (rc == RC_ABSENT || rc == RC_BAD) {
		*why = '\0'; /* no such folder: nothing there to take away */
		return RC_OK;
	}
	if (rc != RC_OK)
		return rc;
	n = opaque ? w.at : oci_tree_child(w.at, label);
	if (n != NULL)
		oci_tree_drop(t, n, layer, !opaque);
	return RC_OK;
}

enum rc oci_merge(struct oci_tree *t, unsigned layer, uint32_t ordinal, const struct oci_entry *e,
                  char why[OCI_WHY_MAX])
{
	struct oci_walk w = { .create = true, .layer = layer, .why = why };
	struct split s;
	struct place p;
	enum rc rc;

	/* umoci calls the root so. */
	if (*e->name == '/' && e->name[1] != '\0')
		return oci_refuse(why, RC_BAD, "its name is absolute");
	rc = split(&s, e->name, why);
	if (rc == RC_OK)
		rc = check_entry(t, e, why);
	if (rc != RC_OK)
		return rc;
	if (is_whiteout(s.label))
		return take_away(t, &s, layer, e->kind, why);
	rc = find_folder(&w, t, s.folder);
	if (rc != RC_OK)
		return rc;
	p = (struct place){ w.at, s.label, layer };
	return put_entry(t, &p, ordinal, e, why);
}
