/* The way to an image's layers: index, manifest, config. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/image/fail.h"
#include "tools/image/oci_image.h"

enum {
	NESTED_MAX = 64, /* indexes in indexes */
	ENTRY_NAME_MAX = 256,
};

/* An index that is to be read, or an image that fits. */
struct candidate {
	uint8_t digest[DIGEST_LEN];
	uint64_t size;
	char name[ENTRY_NAME_MAX]; /* its ref, else its digest */
};

struct chooser {
	struct oci_image *im;
	bool other_platform; /* some image was left out for it */
	size_t images, nested, nested_read;
	struct candidate image[OCI_INDEX_MAX], index[NESTED_MAX];
	struct oci_index read;
	struct oci_manifest manifest;
};

static enum rc complain(const struct oci_image *im, enum rc rc, const char *what, const char *why)
{
	return fail(rc, "'%s': %s: %s", im->choice.path, what, why);
}

static void blob_name(const uint8_t digest[DIGEST_LEN], char out[OCI_LABEL_MAX])
{
	char text[DIGEST_TEXT_MAX];

	digest_print(digest, text);
	snprintf(out, OCI_LABEL_MAX, "blobs/sha256/%s", strchr(text, ':') + 1);
}

/* A JSON blob, which the caller frees, of the size and digest it must have. */
static enum rc load_blob(const struct oci_image *im, const uint8_t digest[DIGEST_LEN],
                         uint64_t size, uint8_t **text, struct slice *s)
{
	char name[OCI_LABEL_MAX];
	uint8_t is[DIGEST_LEN];
	struct digest d;
	enum rc rc;

	*text = NULL;
	blob_name(digest, name);
	if (size > OCI_JSON_MAX)
		return complain(im, RC_LIMIT, name, "is said to be longer than 4 MiB");
	rc = oci_source_read(&im->source, name, OCI_JSON_MAX, text, &s->len);
	if (rc != RC_OK)
		return rc;
	s->p = *text;
	digest_init(&d);
	digest_update(&d, s->p, s->len);
	digest_final(&d, is);
	if (s->len == size && memcmp(is, digest, DIGEST_LEN) == 0)
		return RC_OK;
	free(*text);
	*text = NULL;
	return complain(im, RC_MISMATCH, name,
	                s->len == size ? "its content has another digest"
	                               : "is not as long as its descriptor says");
}

/* --- which image --- */

static bool wanted(const struct chooser *c, const struct candidate *x,
                   const struct oci_descriptor *d)
{
	const char *ref = c->im->choice.ref;
	char digest[DIGEST_TEXT_MAX];

	digest_print(d->digest, digest);
	return ref == NULL || strcmp(ref, x->name) == 0 || strcmp(ref, digest) == 0;
}

static enum rc add(struct candidate *list, size_t *n, size_t max, const struct candidate *x)
{
	for (size_t i = 0; i < *n; i++)
		if (memcmp(list[i].digest, x->digest, DIGEST_LEN) == 0)
			return RC_OK;
	if (*n == max)
		return RC_LIMIT;
	list[(*n)++] = *x;
	return RC_OK;
}

/* from: the index that the entry is in, NULL for the outermost, in which --ref
 * chooses. */
static enum rc consider(struct chooser *c, const struct oci_descriptor *d,
                        const struct candidate *from)
{
	struct candidate x = { .size = d->size };
	char digest[DIGEST_TEXT_MAX];

	memcpy(x.digest, d->digest, DIGEST_LEN);
	digest_print(d->digest, digest);
	snprintf(x.name, sizeof x.name, "%s", d->ref ? d->ref : from ? from->name : digest);
	if (from == NULL && d->media != OCI_MEDIA_INDEX && !wanted(c, &x, d))
		return RC_OK;
	if (d->media == OCI_MEDIA_INDEX)
		return from || wanted(c, &x, d) ? add(c->index, &c->nested, NESTED_MAX, &x) : RC_OK;
	if (d->media != OCI_MEDIA_MANIFEST)
		return RC_OK;
	if (d->os != NULL && d->arch != NULL &&
	    (strcmp(d->os, "linux") != 0 || strcmp(d->arch, c->im->choice.arch) != 0)) {
		c->other_platform = true;
		return RC_OK;
	}
	return add(c->image, &c->images, OCI_INDEX_MAX, &x);
}

static enum rc read_index(struct chooser *c, struct slice text, const char *name,
                          const struct candidate *from)
{
	char why[OCI_WHY_MAX];
	enum rc rc = oci_index_load(text, &c->read, why);

	if (rc != RC_OK)
		return complain(c->im, rc, name, why);
	for (size_t i = 0; rc == RC_OK && i < c->read.n; i++)
		rc = consider(c, &c->read.entry[i], from);
	oci_index_free(&c->read);
	return rc == RC_OK ? rc : complain(c->im, rc, name, "too many images or indexes");
}

static enum rc read_all_indexes(struct chooser *c)
{
	struct slice s = { 0 };
	uint8_t *text;
	enum rc rc = oci_source_read(&c->im->source, "index.json", OCI_JSON_MAX, &text, &s.len);

	s.p = text;
	if (rc == RC_OK)
		rc = read_index(c, s, "index.json", NULL);
	free(text);
	for (; rc == RC_OK && c->nested_read < c->nested; c->nested_read++) {
		const struct candidate *x = &c->index[c->nested_read];

		rc = load_blob(c->im, x->digest, x->size, &text, &s);
		if (rc == RC_OK)
			rc = read_index(c, s, x->name, x);
		free(text);
	}
	return rc;
}

static enum rc none_fits(const struct chooser *c)
{
	const struct oci_choice *o = &c->im->choice;

	if (c->other_platform)
		return fail(RC_ABSENT, "'%s': has no image for linux/%s, only for others (--arch)",
		            o->path, o->arch);
	if (o->ref != NULL)
		return fail(RC_ABSENT, "'%s': has no image named '%s' (--ref)", o->path, o->ref);
	return fail(RC_ABSENT, "'%s': has no image", o->path);
}

/* Adds to a list of what there is to choose from. */
static void list_name(char list[1024], const char *name)
{
	size_t n = strlen(list);

	snprintf(list + n, 1024 - n, "%s%s", n > 0 ? ", " : "", name);
}

static enum rc choose(struct chooser *c)
{
	char list[1024] = "";

	if (c->images == 0)
		return none_fits(c);
	if (c->images == 1)
		return RC_OK;
	for (size_t i = 0; i < c->images; i++)
		list_name(list, c->image[i].name);
	return fail(RC_BAD, "'%s': several images fit; choose with --ref: %s", c->im->choice.path,
	            list);
}

/* --- config and layers --- */

static enum rc check_config(const struct oci_image *im, size_t layers)
{
	const struct oci_config *c = &im->config;

	if (strcmp(c->os, "linux") != 0 || strcmp(c->arch, im->choice.arch) != 0)
		return fail(RC_BAD, "'%s': the image is for %.40s/%.40s, not linux/%s (--arch)",
		            im->choice.path, c->os, c->arch, im->choice.arch);
	if (c->layers != layers)
		return fail(RC_BAD, "'%s': %zu layers, but %zu diff_ids in the config",
		            im->choice.path, layers, c->layers);
	return RC_OK;
}

static enum rc take_config(struct oci_image *im, struct slice text, const char *name, size_t layers)
{
	char why[OCI_WHY_MAX];
	enum rc rc = oci_config_load(text, &im->config, why);

	return rc == RC_OK ? check_config(im, layers) : complain(im, rc, name, why);
}

/* The layer with its label; of its digest, twelve digits tell it from others. */
static struct oci_layer_ref *new_layer(struct oci_image *im, size_t all, const uint8_t *digest)
{
	struct oci_layer_ref *ref = &im->layer[im->layers];
	char text[DIGEST_TEXT_MAX];

	digest_print(digest, text);
	memcpy(ref->diff_id, im->config.diff_id[im->layers], DIGEST_LEN);
	im->layers++;
	snprintf(ref->label, sizeof ref->label, "layer %zu of %zu (%.19s)", im->layers, all, text);
	return ref;
}

static void take_layers(struct oci_image *im, const struct oci_manifest *m)
{
	for (size_t i = 0; i < m->layers; i++) {
		struct oci_layer_ref *ref = new_layer(im, m->layers, m->layer[i].digest);

		blob_name(m->layer[i].digest, im->file[i]);
		ref->file = im->file[i];
		ref->media = m->layer[i].media;
		ref->known = true;
		ref->size = m->layer[i].size;
		memcpy(ref->digest, m->layer[i].digest, DIGEST_LEN);
	}
}

static enum rc take_manifest(struct oci_image *im, struct oci_manifest *m,
                             const struct candidate *x)
{
	char why[OCI_WHY_MAX];
	struct slice s = { 0 };
	uint8_t *text;
	enum rc rc = load_blob(im, x->digest, x->size, &text, &s);

	if (rc != RC_OK)
		return rc;
	rc = oci_manifest_load(s, m, why);
	free(text);
	if (rc != RC_OK)
		return complain(im, rc, "manifest", why);
	rc = load_blob(im, m->config.digest, m->config.size, &text, &s);
	if (rc == RC_OK)
		rc = take_config(im, s, "config", m->layers);
	free(text);
	if (rc == RC_OK)
		take_layers(im, m);
	im->layout = true;
	memcpy(im->manifest, x->digest, DIGEST_LEN);
	memcpy(im->config_is, m->config.digest, DIGEST_LEN);
	oci_manifest_free(m);
	return rc;
}

static enum rc check_layout(const struct oci_image *im)
{
	char why[OCI_WHY_MAX];
	uint8_t *text;
	struct slice s = { 0 };
	enum rc rc = oci_source_read(&im->source, "oci-layout", OCI_JSON_MAX, &text, &s.len);

	if (rc != RC_OK)
		return rc;
	s.p = text;
	rc = oci_layout_check(s, why);
	free(text);
	return rc == RC_OK ? rc : complain(im, rc, "oci-layout", why);
}

static enum rc open_layout(struct oci_image *im)
{
	struct chooser *c = calloc(1, sizeof *c);
	enum rc rc;

	if (c == NULL)
		return fail(RC_LIMIT, "memory is out");
	c->im = im;
	rc = check_layout(im);
	if (rc == RC_OK)
		rc = read_all_indexes(c);
	if (rc == RC_OK)
		rc = choose(c);
	if (rc == RC_OK)
		rc = take_manifest(im, &c->manifest, &c->image[0]);
	free(c);
	return rc;
}

/* --- docker save --- */

static bool has_tag(const struct oci_saved *image, const char *ref)
{
	for (size_t i = 0; i < image->tags; i++)
		if (strcmp(image->tag[i], ref) == 0)
			return true;
	return strcmp(image->config, ref) == 0;
}

static enum rc choose_saved(const struct oci_image *im, const struct oci_saved **chosen)
{
	const struct oci_choice *o = &im->choice;
	char list[1024] = "";
	size_t fit = 0;

	for (size_t i = 0; i < im->saves.n; i++) {
		const struct oci_saved *image = &im->saves.image[i];

		if (o->ref != NULL && !has_tag(image, o->ref))
			continue;
		*chosen = image;
		fit++;
		list_name(list, image->tags > 0 ? image->tag[0] : image->config);
	}
	if (fit == 0)
		return fail(RC_ABSENT, "'%s': has no image named '%s' (--ref)", o->path, o->ref);
	if (fit > 1)
		return fail(RC_BAD, "'%s': several images fit; choose with --ref: %s", o->path,
		            list);
	return RC_OK;
}

/* The config's name is its digest: "HEX.json", or "blobs/sha256/HEX". */
static enum rc check_saved_config(struct oci_image *im, const char *name, struct slice s)
{
	const char *slash = strrchr(name, '/');
	char text[DIGEST_TEXT_MAX];
	uint8_t named[DIGEST_LEN];
	struct digest d;

	digest_init(&d);
	digest_update(&d, s.p, s.len);
	digest_final(&d, im->config_is);
	snprintf(text, sizeof text, "sha256:%.64s", slash ? slash + 1 : name);
	if (!digest_parse(text, named))
		return RC_OK;
	return memcmp(im->config_is, named, DIGEST_LEN) == 0
	               ? RC_OK
	               : complain(im, RC_MISMATCH, name, "its content has another digest");
}

static enum rc take_saved(struct oci_image *im, const struct oci_saved *image)
{
	struct slice s = { 0 };
	uint8_t *text;
	enum rc rc = oci_source_read(&im->source, image->config, OCI_JSON_MAX, &text, &s.len);

	if (rc != RC_OK)
		return rc;
	s.p = text;
	rc = check_saved_config(im, image->config, s);
	if (rc == RC_OK)
		rc = take_config(im, s, image->config, image->layers);
	free(text);
	for (size_t i = 0; rc == RC_OK && i < image->layers; i++) {
		struct oci_layer_ref *ref = new_layer(im, image->layers, im->config.diff_id[i]);

		ref->file = image->layer[i];
		ref->media = OCI_MEDIA_TAR_ANY;
	}
	return rc;
}

static enum rc open_saved(struct oci_image *im)
{
	const struct oci_saved *chosen = NULL;
	char why[OCI_WHY_MAX];
	struct slice s = { 0 };
	uint8_t *text;
	enum rc rc = oci_source_read(&im->source, "manifest.json", OCI_JSON_MAX, &text, &s.len);

	if (rc != RC_OK)
		return rc;
	s.p = text;
	rc = oci_saves_load(s, &im->saves, why);
	free(text);
	if (rc != RC_OK)
		return complain(im, rc, "manifest.json", why);
	rc = choose_saved(im, &chosen);
	return rc == RC_OK && chosen != NULL ? take_saved(im, chosen) : rc;
}

/* --- from the beginning --- */

bool oci_image_is(const char *path)
{
	char layout[PATH_MAX];
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return true;
	snprintf(layout, sizeof layout, "%.4000s/oci-layout", path);
	return stat(layout, &st) == 0 && S_ISREG(st.st_mode);
}

enum rc oci_image_open(struct oci_image *im)
{
	const struct oci_choice *o = &im->choice;
	enum rc rc = oci_source_open(&im->source, o->path, o->beside, o->max_size);

	if (rc != RC_OK)
		return rc;
	if (oci_source_has(&im->source, "oci-layout"))
		return open_layout(im);
	if (oci_source_has(&im->source, "manifest.json"))
		return open_saved(im);
	return fail(RC_BAD,
	            "'%s': neither an OCI image layout (oci-layout) nor of docker save "
	            "(manifest.json); to pack a root file system, give its folder",
	            o->path);
}
