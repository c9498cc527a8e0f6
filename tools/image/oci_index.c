#include "tools/image/oci_index.h"

#include <jansson.h>
#include <stdlib.h>

#define OCI_TYPE    "application/vnd.oci.image."
#define DOCKER_TYPE "application/vnd.docker."

static const struct {
	const char *type;
	enum oci_media media;
} media_types[] = {
	{ OCI_TYPE "index.v1+json", OCI_MEDIA_INDEX },
	{ OCI_TYPE "manifest.v1+json", OCI_MEDIA_MANIFEST },
	{ OCI_TYPE "config.v1+json", OCI_MEDIA_CONFIG },
	{ OCI_TYPE "layer.v1.tar", OCI_MEDIA_TAR },
	{ OCI_TYPE "layer.v1.tar+gzip", OCI_MEDIA_TAR_GZIP },
	{ OCI_TYPE "layer.v1.tar+zstd", OCI_MEDIA_TAR_ZSTD },
	{ DOCKER_TYPE "distribution.manifest.list.v2+json", OCI_MEDIA_INDEX },
	{ DOCKER_TYPE "distribution.manifest.v2+json", OCI_MEDIA_MANIFEST },
	{ DOCKER_TYPE "container.image.v1+json", OCI_MEDIA_CONFIG },
	{ DOCKER_TYPE "image.rootfs.diff.tar", OCI_MEDIA_TAR },
	{ DOCKER_TYPE "image.rootfs.diff.tar.gzip", OCI_MEDIA_TAR_GZIP },
	{ DOCKER_TYPE "image.rootfs.diff.tar.zstd", OCI_MEDIA_TAR_ZSTD },
};

static enum oci_media media_of(const char *type)
{
	for (size_t i = 0; i < sizeof media_types / sizeof *media_types; i++)
		if (strcmp(type, media_types[i].type) == 0)
			return media_types[i].media;
	return OCI_MEDIA_OTHER;
}

/* What kind the text itself says it is, if it does, must be what it was taken for. */
static enum rc load(struct slice text, json_t **root, char *why)
{
	json_error_t error;

	*root = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, &error);
	return *root ? RC_OK
	             : oci_refuse(why, RC_BAD, "not JSON, line %d: %.200s", error.line, error.text);
}

static enum rc check_head(const json_t *root, enum oci_media media, char *why)
{
	const json_t *version = json_object_get(root, "schemaVersion");
	const char *type = json_string_value(json_object_get(root, "mediaType"));

	if (!json_is_object(root))
		return oci_refuse(why, RC_BAD, "not an object");
	if (!json_is_integer(version) || json_integer_value(version) != 2)
		return oci_refuse(why, RC_BAD, "its schemaVersion is not 2");
	if (type != NULL && media_of(type) != media)
		return oci_refuse(why, RC_BAD,
		                  "its mediaType '%.200s' is another than it was announced as",
		                  type);
	return RC_OK;
}

static enum rc read_descriptor(const json_t *v, struct oci_descriptor *d, char *why)
{
	const json_t *size = json_object_get(v, "size");
	const json_t *platform = json_object_get(v, "platform");
	const char *digest = json_string_value(json_object_get(v, "digest"));
	const json_t *notes = json_object_get(v, "annotations");

	*d = (struct oci_descriptor){ 0 };
	d->media_type = json_string_value(json_object_get(v, "mediaType"));
	if (d->media_type == NULL)
		return oci_refuse(why, RC_BAD, "a descriptor without mediaType");
	d->media = media_of(d->media_type);
	if (digest == NULL || !digest_parse(digest, d->digest))
		return oci_refuse(why, RC_BAD,
		                  "the digest '%.200s' is not sha256 in lower-case hex",
		                  digest ? digest : "");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return oci_refuse(why, RC_BAD, "the size of %s is not a number", digest);
	d->size = (uint64_t)json_integer_value(size);
	d->os = json_string_value(json_object_get(platform, "os"));
	d->arch = json_string_value(json_object_get(platform, "architecture"));
	d->ref = json_string_value(json_object_get(notes, "org.opencontainers.image.ref.name"));
	return RC_OK;
}

static enum rc read_descriptors(const json_t *list, const char *what, struct oci_descriptor *d,
                                size_t max, size_t *n, char *why)
{
	enum rc rc = RC_OK;

	if (!json_is_array(list))
		return oci_refuse(why, RC_BAD, "%s is missing or not an array", what);
	if (json_array_size(list) > max)
		return oci_refuse(why, RC_LIMIT, "%s has more than %zu elements", what, max);
	for (*n = 0; rc == RC_OK && *n < json_array_size(list); ++*n)
		rc = read_descriptor(json_array_get(list, *n), &d[*n], why);
	return rc;
}

enum rc oci_index_load(struct slice text, struct oci_index *index, char why[OCI_WHY_MAX])
{
	enum rc rc = load(text, &index->root, why);

	index->n = 0;
	if (rc == RC_OK)
		rc = check_head(index->root, OCI_MEDIA_INDEX, why);
	if (rc == RC_OK)
		rc = read_descriptors(json_object_get(index->root, "manifests"), "manifests",
		                      index->entry, OCI_INDEX_MAX, &index->n, why);
	if (rc != RC_OK)
		oci_index_free(index);
	return rc;
}

static enum rc check_layers(const struct oci_manifest *m, char *why)
{
	if (m->config.media != OCI_MEDIA_CONFIG)
		return oci_refuse(why, RC_BAD, "its config is a '%.200s', not an image's",
		                  m->config.media_type);
	for (size_t i = 0; i < m->layers; i++)
		if (m->layer[i].media < OCI_MEDIA_TAR)
			return oci_refuse(why, RC_BAD,
			                  "layer %zu is a '%.200s', which is not known", i + 1,
			                  m->layer[i].media_type);
	return RC_OK;
}

enum rc oci_manifest_load(struct slice text, struct oci_manifest *m, char why[OCI_WHY_MAX])
{
	enum rc rc = load(text, &m->root, why);

	m->layers = 0;
	if (rc == RC_OK)
		rc = check_head(m->root, OCI_MEDIA_MANIFEST, why);
	if (rc == RC_OK)
		rc = read_descriptor(json_object_get(m->root, "config"), &m->config, why);
	if (rc == RC_OK)
		rc = read_descriptors(json_object_get(m->root, "layers"), "layers", m->layer,
		                      OCI_LAYERS_MAX, &m->layers, why);
	if (rc == RC_OK)
		rc = check_layers(m, why);
	if (rc != RC_OK)
		oci_manifest_free(m);
	return rc;
}

/* Strings of a list that may be missing or null. */
static enum rc read_strings(const json_t *list, const char *what, const char **v, size_t max,
                            size_t *n, char *why)
{
	*n = 0;
	if (list == NULL || json_is_null(list))
		return RC_OK;
	if (!json_is_array(list))
		return oci_refuse(why, RC_BAD, "%s is not an array", what);
	if (json_array_size(list) > max)
		return oci_refuse(why, RC_LIMIT, "%s has more than %zu elements", what, max);
	for (; *n < json_array_size(list); ++*n) {
		v[*n] = json_string_value(json_array_get(list, *n));
		if (v[*n] == NULL)
			return oci_refuse(why, RC_BAD, "%s has an element that is not a string",
			                  what);
	}
	return RC_OK;
}

static enum rc read_saved(const json_t *v, struct oci_saved *image, char *why)
{
	enum rc rc;

	image->config = json_string_value(json_object_get(v, "Config"));
	if (image->config == NULL)
		return oci_refuse(why, RC_BAD, "an image without Config");
	rc = read_strings(json_object_get(v, "RepoTags"), "RepoTags", image->tag, OCI_INDEX_MAX,
	                  &image->tags, why);
	if (rc == RC_OK)
		rc = read_strings(json_object_get(v, "Layers"), "Layers", image->layer,
		                  OCI_LAYERS_MAX, &image->layers, why);
	return rc;
}

enum rc oci_saves_load(struct slice text, struct oci_saves *s, char why[OCI_WHY_MAX])
{
	enum rc rc;

	*s = (struct oci_saves){ 0 };
	rc = load(text, &s->root, why);
	if (rc == RC_OK && (!json_is_array(s->root) || json_array_size(s->root) == 0))
		rc = oci_refuse(why, RC_BAD, "no image in it");
	if (rc == RC_OK && json_array_size(s->root) > OCI_INDEX_MAX)
		rc = oci_refuse(why, RC_LIMIT, "more than %d images in it", OCI_INDEX_MAX);
	if (rc == RC_OK) {
		s->image = calloc(json_array_size(s->root), sizeof *s->image);
		if (s->image == NULL) {
			oci_refuse(why, RC_LIMIT, "memory is out");
			rc = RC_LIMIT;
		}
	}
	for (; rc == RC_OK && s->n < json_array_size(s->root); s->n++)
		rc = read_saved(json_array_get(s->root, s->n), &s->image[s->n], why);
	if (rc != RC_OK)
		oci_saves_free(s);
	return rc;
}

enum rc oci_layout_check(struct slice text, char why[OCI_WHY_MAX])
{
	const char *version;
	json_t *root;
	enum rc rc = load(text, &root, why);

	if (rc != RC_OK)
		return rc;
	version = json_string_value(json_object_get(root, "imageLayoutVersion"));
	if (version == NULL || strcmp(version, "1.0.0") != 0)
		rc = oci_refuse(why, RC_BAD, "its imageLayoutVersion is not 1.0.0");
	json_decref(root);
	return rc;
}

void oci_index_free(struct oci_index *index)
{
	json_decref(index->root);
	index->root = NULL;
	index->n = 0;
}

void oci_manifest_free(struct oci_manifest *m)
{
	json_decref(m->root);
	m->root = NULL;
	m->layers = 0;
}

void oci_saves_free(struct oci_saves *s)
{
	json_decref(s->root);
	free(s->image);
	*s = (struct oci_saves){ 0 };
}
