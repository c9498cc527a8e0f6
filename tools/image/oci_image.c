#include "tools/image/oci_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/image/fail.h"
#include "tools/image/netfiles.h"
#include "tools/image/oci_tar.h"
#include "tools/image/rootfs.h"

struct oci_image *oci_image_new(const struct oci_choice *choice)
{
	struct oci_image *im = calloc(1, sizeof *im);

	if (im == NULL) {
		fail(RC_LIMIT, "memory is out");
		return NULL;
	}
	im->choice = *choice;
	im->source = (struct oci_source){ .fd = -1, .scratch = { .fd = -1 } };
	im->reading.blob.fd = -1;
	return im;
}

void oci_image_free(struct oci_image *im)
{
	if (im == NULL)
		return;
	oci_layer_close(&im->reading);
	oci_tree_free(&im->tree);
	oci_config_free(&im->config);
	oci_saves_free(&im->saves);
	oci_source_close(&im->source);
	free((void *)(uintptr_t)im->passwd.p);
	free((void *)(uintptr_t)im->group.p);
	databases_free(&im->databases);
	free(im);
}

/* --- the first time: names --- */

static enum rc merge_layer(struct oci_image *im, unsigned layer, uint64_t *budget)
{
	struct oci_layer *l = &im->reading;
	char why[OCI_WHY_MAX];
	struct oci_entry e;
	enum rc rc = oci_layer_open(l, &im->source, &im->layer[layer], budget);

	while (rc == RC_OK && (rc = oci_layer_next(l, &e)) == RC_OK) {
		rc = oci_merge(&im->tree, layer, l->ordinal, &e, why);
		if (rc != RC_OK)
			oci_layer_refuse(l, rc, &e, why);
	}
	oci_layer_close(l);
	return rc == RC_EOF ? RC_OK : rc;
}

static enum rc merge(struct oci_image *im, bool network)
{
	char why[OCI_WHY_MAX];

	struct oci_limits limits = { OCI_NAMES_MAX, OCI_NAMES_BYTES, im->choice.max_size };
	uint64_t budget = im->choice.max_size;
	enum rc rc = oci_tree_init(&im->tree, &limits);

	if (rc != RC_OK)
		return fail(rc, "memory is out");
	for (unsigned i = 0; rc == RC_OK && i < im->layers; i++)
		rc = merge_layer(im, i, &budget);
	/* As if they were one more layer. */
	if (rc == RC_OK && network &&
	    (rc = netfiles_merge(&im->tree, (unsigned)im->layers, why)) != RC_OK)
		rc = fail(rc, "'%s': etc/resolv.conf: %s", im->choice.path, why);
	return rc;
}

/* --- the second time: contents --- */

/* Files that are looked into while they go by. */
struct kept {
	const struct oci_node *node;
	uint8_t *text;
	size_t len;
};

struct pack {
	struct oci_image *im;
	struct rootfs rootfs;
	struct oci_tar tar;
	const struct oci_node *next; /* the file that is to come */
	struct kept passwd, group;
	uint64_t budget;
};

static enum rc changed(const struct oci_image *im)
{
	return fail(RC_MISMATCH, "'%s': changed while it was read", im->choice.path);
}

/* mkfs.erofs knows why nobody reads any more. */
static enum rc written(struct pack *p, enum rc rc)
{
	if (rc != RC_OK && p->rootfs.pid > 0) {
		rc = rootfs_finish(&p->rootfs, p->im->choice.path);
		if (rc == RC_OK)
			rc = fail(RC_IO, "packing '%s': mkfs.erofs ended early",
			          p->im->choice.path);
	}
	return rc;
}

/* A node under its first name, path of which is given back. */
static enum rc put_node(struct pack *p, const struct oci_node *n, char path[PATH_MAX])
{
	oci_tree_path(n->names, path);
	return written(p, oci_tar_node(&p->tar, path, n));
}

static enum rc put_links(struct pack *p, const struct oci_node *n, const char *target)
{
	char path[PATH_MAX];
	enum rc rc = RC_OK;

	for (const struct oci_name *x = n->names->twin_next; rc == RC_OK && x; x = x->twin_next) {
		oci_tree_path(x, path);
		rc = written(p, oci_tar_link(&p->tar, path, target));
	}
	return rc;
}

/* Folders, before everything that is in them; then what has no content either. */
static enum rc put_folders(struct pack *p)
{
	char path[PATH_MAX];
	const struct oci_name *n = NULL;
	enum rc rc = RC_OK;

	while (rc == RC_OK && (n = oci_tree_next(&p->im->tree, n)) != NULL)
		if (n->node->kind == OCI_FOLDER)
			rc = put_node(p, n->node, path);
	while (rc == RC_OK && (n = oci_tree_next(&p->im->tree, n)) != NULL) {
		if (n->node->kind == OCI_FOLDER || n->node->kind == OCI_FILE || n->node->names != n)
			continue;
		rc = put_node(p, n->node, path);
		if (rc == RC_OK)
			rc = put_links(p, n->node, path);
	}
	return rc;
}

static enum rc keep(struct kept *k, const struct oci_node *node, const void *bytes, size_t n)
{
	if (k->node != node)
		return RC_OK;
	if (k->text == NULL)
		k->text = malloc(OCI_USERS_FILE_MAX);
	if (k->text == NULL || n > OCI_USERS_FILE_MAX - k->len)
		return fail(RC_LIMIT, "/etc/passwd or /etc/group has more than 4 MiB");
	memcpy(k->text + k->len, bytes, n);
	k->len += n;
	return RC_OK;
}

static enum rc put_content(struct pack *p, const struct oci_node *node)
{
	static uint8_t block[OCI_BLOCK];
	enum rc rc = RC_OK;
	size_t n = 1;

	while (rc == RC_OK && p->tar.left > 0) {
		rc = oci_layer_data(&p->im->reading, block, sizeof block, &n);
		if (rc == RC_OK && (n == 0 || n > p->tar.left))
			return changed(p->im);
		if (rc == RC_OK)
			rc = keep(&p->passwd, node, block, n);
		if (rc == RC_OK)
			rc = keep(&p->group, node, block, n);
		if (rc == RC_OK && node->database > 0)
			databases_put(&p->im->databases, node->database, block, n);
		if (rc == RC_OK)
			rc = written(p, oci_tar_data(&p->tar, block, n));
	}
	return rc;
}

static enum rc put_file(struct pack *p, const struct oci_entry *e)
{
	const struct oci_node *n = p->next;
	char path[PATH_MAX];
	enum rc rc;

	if (e->kind != OCI_FILE || e->size != n->size)
		return changed(p->im);
	rc = put_node(p, n, path);
	if (rc == RC_OK)
		rc = put_content(p, n);
	p->next = n->next;
	return rc == RC_OK ? put_links(p, n, path) : rc;
}

static enum rc put_layer(struct pack *p, unsigned layer)
{
	struct oci_layer *l = &p->im->reading;
	struct oci_entry e;
	enum rc rc = oci_layer_open(l, &p->im->source, &p->im->layer[layer], &p->budget);

	while (rc == RC_OK && (rc = oci_layer_next(l, &e)) == RC_OK)
		if (p->next != NULL && p->next->layer == layer && p->next->ordinal == l->ordinal)
			rc = put_file(p, &e);
	oci_layer_close(l);
	return rc == RC_EOF ? RC_OK : rc;
}

/* What netfiles_merge() added: the last files. */
static enum rc put_added(struct pack *p)
{
	enum rc rc = RC_OK;

	for (; rc == RC_OK && p->next != NULL; p->next = p->next->next) {
		struct slice text = netfile(p->next->ordinal)->text;
		char path[PATH_MAX];

		rc = put_node(p, p->next, path);
		if (rc == RC_OK)
			rc = written(p, oci_tar_data(&p->tar, text.p, text.len));
	}
	return rc;
}

/* Layers of which no file is left are not read again. */
static enum rc put_files(struct pack *p)
{
	enum rc rc = RC_OK;

	p->next = p->im->tree.first_file;
	while (rc == RC_OK && p->next != NULL && p->next->layer < p->im->layers) {
		const struct oci_node *before = p->next;

		rc = put_layer(p, before->layer);
		if (rc == RC_OK && p->next == before)
			rc = changed(p->im);
	}
	if (rc == RC_OK)
		rc = put_added(p);
	if (rc == RC_OK)
		rc = written(p, oci_tar_end(&p->tar));
	return rc;
}

/* A file may have several of the names. */
static void want_database(struct oci_image *im, struct oci_node *n, enum database_kind kind,
                          const char *path)
{
	if (n != NULL && n->kind == OCI_FILE && n->database == 0)
		n->database = databases_add(&im->databases, kind, path);
}

static void want_databases(struct oci_image *im)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < DATABASE_PLACES; i++) {
		const struct database_place *place = &database_places[i];
		struct oci_node *n = oci_tree_find(&im->tree, place->path);
		struct oci_name *child = n && n->kind == OCI_FOLDER ? n->children : NULL;

		if (!place->folder)
			want_database(im, n, place->kind, place->path);
		for (; place->folder && child != NULL; child = child->next) {
			snprintf(path, sizeof path, "%s/%.255s", place->path, child->label);
			if (databases_wanted(child->label))
				want_database(im, child->node, place->kind, path);
		}
	}
}

static enum rc find_users(struct pack *p)
{
	struct oci_image *im = p->im;
	char why[OCI_WHY_MAX];
	enum rc rc;

	im->passwd = slice_of(p->passwd.text, p->passwd.len);
	im->group = slice_of(p->group.text, p->group.len);
	p->passwd.text = p->group.text = NULL; /* they are im's now */
	rc = oci_config_user(&im->config, im->passwd, im->group, why);

	return rc == RC_OK ? rc : fail(rc, "'%s': %s", im->choice.path, why);
}

/* --- what will be otherwise in the enclave --- */

static bool is_privileged(const struct oci_node *n)
{
	bool caps = false;

	for (size_t i = 0; i < n->xattrs; i++)
		caps = caps || strcmp(n->xattr[i].name, "security.capability") == 0;
	return n->kind == OCI_FILE && ((n->mode & (S_ISUID | S_ISGID)) != 0 || caps);
}

static void warn_files(const struct oci_image *im)
{
	const struct oci_tree *t = &im->tree;
	char path[PATH_MAX];
	size_t privileged = 0;

	if (t->xattrs_left_out > 0)
		fail_warn(
			"extended attributes that the enclave's kernel does not know are left out "
			"(%zu; the first: %s)",
			t->xattrs_left_out, t->first_left_out);
	for (const struct oci_node *n = t->first_file; n != NULL; n = n->next)
		if (is_privileged(n) && privileged++ == 0)
			oci_tree_path(n->names, path);
	if (privileged > 0)
		fail_warn("set-user-ID and set-group-ID bits and capabilities of files have no "
		          "effect "
		          "in the enclave (files: %zu; the first: %s)",
		          privileged, path);
}

enum rc oci_image_pack(struct oci_image *im, bool network, const char *out)
{
	struct pack *p = calloc(1, sizeof *p);
	enum rc rc;

	if (p == NULL)
		return fail(RC_LIMIT, "memory is out");
	rc = merge(im, network);
	if (rc != RC_OK)
		goto out;
	p->im = im;
	p->rootfs = ROOTFS_NONE;
	p->budget = im->choice.max_size;
	p->passwd.node = oci_tree_find(&im->tree, "/etc/passwd");
	p->group.node = oci_tree_find(&im->tree, "/etc/group");
	want_databases(im);
	rc = rootfs_start(&p->rootfs, im->choice.path, out);
	oci_tar_init(&p->tar, p->rootfs.in);
	if (rc == RC_OK)
		rc = put_folders(p);
	if (rc == RC_OK)
		rc = put_files(p);
	if (rc == RC_OK)
		rc = rootfs_finish(&p->rootfs, im->choice.path);
	rootfs_stop(&p->rootfs);
	if (rc == RC_OK)
		rc = find_users(p);
	if (rc == RC_OK)
		warn_files(im);
out:
	fail_progress_end();
	free(p->passwd.text);
	free(p->group.text);
	free(p);
	return rc;
}
