/* A container image, from where it lies to a packed root file system: an OCI image
 * layout (folder or archive) or an archive of `docker save`.
 *
 * Theory of operation. Opening chooses the image and reads its manifest and
 * config. Packing goes through the layers twice. The first time, their entries are
 * merged into a tree that has no contents (oci_merge.h) and every digest is checked.
 * The second time, the contents of the files that are left go straight into
 * mkfs.erofs, as a tar archive with owners, times and attributes (oci_tar.h); the
 * digests are checked again, so that it is the same layers. Nothing of the image is
 * ever laid down in the host's file system: no privilege is needed, no name can
 * lead anywhere, nothing is left over.
 *
 * All of the image is anybody's. Bounds: struct oci_choice's max_size for what
 * layers unpack to and for what their files say they hold, OCI_NAMES_MAX,
 * OCI_NAMES_BYTES. All functions print their own errors.
 */
#ifndef IMAGE_OCI_IMAGE_H
#define IMAGE_OCI_IMAGE_H

#include "tools/image/databases.h"
#include "tools/image/oci_config.h"
#include "tools/image/oci_layer.h"
#include "tools/image/oci_source.h"

enum {
	OCI_NAMES_MAX = 1000000,      /* Debian with all of TeX has some 300,000 */
	OCI_NAMES_BYTES = 512 << 20,  /* of memory for them */
	OCI_USERS_FILE_MAX = 4 << 20, /* /etc/passwd, /etc/group */
};

struct oci_choice {
	const char *path;   /* where the image is */
	const char *ref;    /* which of several: a name or digest; or NULL */
	const char *arch;   /* as images say: "amd64" */
	uint64_t max_size;  /* bytes */
	const char *beside; /* scratch files lie beside this */
};

struct oci_image {
	struct oci_choice choice; /* its strings are the caller's */
	struct oci_source source;
	bool layout;                   /* else of docker save */
	uint8_t manifest[DIGEST_LEN];  /* of a layout */
	uint8_t config_is[DIGEST_LEN]; /* the config's, which Docker calls the image's ID */
	struct oci_config config;      /* users are numbers after packing */
	size_t layers;
	struct oci_layer_ref layer[OCI_LAYERS_MAX];
	char file[OCI_LAYERS_MAX][OCI_LABEL_MAX]; /* names of the layers' blobs */
	struct oci_saves saves;
	struct oci_tree tree;
	struct oci_layer reading;
	/* After packing: what /etc/passwd and /etc/group hold, and package databases. */
	struct slice passwd, group;
	struct databases databases;
};

/* Whether path is an image and not a root file system: no folder, or a folder
 * with a file "oci-layout". */
bool oci_image_is(const char *path);

/* NULL, which is printed, when memory is out. Must be freed. */
struct oci_image *oci_image_new(const struct oci_choice *choice);
void oci_image_free(struct oci_image *im);

RC_CHECK enum rc oci_image_open(struct oci_image *im);

/* Into the file out, which exists and is overwritten, with netfiles.h's files where
 * there is a network. Warns about what the enclave will not do. */
RC_CHECK enum rc oci_image_pack(struct oci_image *im, bool network, const char *out);

#endif
