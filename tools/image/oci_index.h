/* The JSON that leads to an image's layers: OCI image-spec's image-index.md and
 * manifest.md, their Docker counterparts, and the manifest.json of `docker save`.
 * Wraps jansson, as oci_config does.
 *
 * All of it is anybody's. Functions over a bounded text: duplicate keys, bytes
 * after the value, other versions and media types, digests that are not sha256
 * are refused (RC_BAD), what is over a bound is RC_LIMIT; the reason is in why. The
 * strings of a struct live until it is freed; one that was refused needs no free.
 */
#ifndef IMAGE_OCI_INDEX_H
#define IMAGE_OCI_INDEX_H

#include "tools/image/digest.h"
#include "tools/image/oci_tree.h"

enum {
	OCI_JSON_MAX = 4 << 20, /* bytes of one JSON text: as registries take */
	OCI_INDEX_MAX = 256,    /* entries of an index */
	OCI_LAYERS_MAX = 256,   /* Docker stops at 127 */
};

enum oci_media {
	OCI_MEDIA_OTHER = 0,
	OCI_MEDIA_INDEX = 1,
	OCI_MEDIA_MANIFEST = 2,
	OCI_MEDIA_CONFIG = 3,
	OCI_MEDIA_TAR = 4,
	OCI_MEDIA_TAR_GZIP = 5,
	OCI_MEDIA_TAR_ZSTD = 6,
	OCI_MEDIA_TAR_ANY = 7, /* of `docker save`: what it is shows */
};

struct json_t;

struct oci_descriptor {
	enum oci_media media;
	const char *media_type;
	uint8_t digest[DIGEST_LEN];
	uint64_t size;
	const char *os, *arch; /* its platform; NULL when not given */
	const char *ref;       /* org.opencontainers.image.ref.name, or NULL */
};

struct oci_index {
	struct json_t *root;
	size_t n;
	struct oci_descriptor entry[OCI_INDEX_MAX];
};

struct oci_manifest {
	struct json_t *root;
	struct oci_descriptor config;
	size_t layers;
	struct oci_descriptor layer[OCI_LAYERS_MAX];
};

/* One image of `docker save`: names of its files in the archive. */
struct oci_saved {
	const char *config;
	size_t tags, layers;
	const char *tag[OCI_INDEX_MAX];
	const char *layer[OCI_LAYERS_MAX];
};

struct oci_saves {
	struct json_t *root;
	size_t n;
	struct oci_saved *image;
};

/* An index may name what is no image (OCI_MEDIA_OTHER): that is not refused. A
 * manifest's config and layers must be of a kind that we know. */
RC_CHECK enum rc oci_index_load(struct slice text, struct oci_index *index, char why[OCI_WHY_MAX]);
RC_CHECK enum rc oci_manifest_load(struct slice text, struct oci_manifest *m,
                                   char why[OCI_WHY_MAX]);
RC_CHECK enum rc oci_saves_load(struct slice text, struct oci_saves *s, char why[OCI_WHY_MAX]);

/* The file that says what a folder or archive is: imageLayoutVersion 1.0.0. */
RC_CHECK enum rc oci_layout_check(struct slice text, char why[OCI_WHY_MAX]);

void oci_index_free(struct oci_index *index);
void oci_manifest_free(struct oci_manifest *m);
void oci_saves_free(struct oci_saves *s);

#endif
