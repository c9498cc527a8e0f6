/* One layer of an image, read entry by entry: the blob's bytes are counted and
 * digested as they come, unpacked, digested again (the config's diff_id) and taken
 * apart as a tar archive. Wraps libarchive.
 *
 * The layer is anybody's. Nothing is held but one entry's head and two blocks; what
 * it unpacks to is taken off a budget. The entries come before the digests are
 * known: what is made of them may only be used after OCI_LAYER's RC_EOF, which says
 * that both were right and nothing came after the archive's end that was not read.
 *
 * libarchive ends a name at a NUL and takes an attribute's name as it stands. An
 * entry that it has any complaint about is refused with its words.
 */
#ifndef IMAGE_OCI_LAYER_H
#define IMAGE_OCI_LAYER_H

#include "tools/image/oci_index.h"
#include "tools/image/oci_merge.h"
#include "tools/image/oci_source.h"

enum { OCI_BLOCK = 65536, OCI_LABEL_MAX = 160 };

/* Which layer it is. */
struct oci_layer_ref {
	char label[OCI_LABEL_MAX]; /* for messages */
	const char *file;          /* in the source */
	enum oci_media media;
	bool known; /* size and digest are */
	uint64_t size;
	uint8_t digest[DIGEST_LEN];
	uint8_t diff_id[DIGEST_LEN];
};

struct archive_entry;

struct oci_layer {
	const struct oci_layer_ref *ref;
	struct oci_blob blob;
	struct archive *inflate, *tar;
	struct archive_entry *entry;
	uint64_t *budget; /* unpacked bytes that may still come */
	uint64_t packed_len, plain_len;
	size_t ready; /* of packed_block, read and not yet unpacked */
	struct digest packed, plain;
	enum rc rc; /* of what happened in the middle; printed */
	uint32_t ordinal;
	uint8_t packed_block[OCI_BLOCK], plain_block[OCI_BLOCK];
};

/* All print their own errors. l is anything before; it must stay where it is,
 * and ref and budget with it. */
RC_CHECK enum rc oci_layer_open(struct oci_layer *l, const struct oci_source *s,
                                const struct oci_layer_ref *ref, uint64_t *budget);

/* The next entry, which lives until the next call; its number, from 0, is
 * l->ordinal. RC_EOF after the last, when everything was as it should be. */
RC_CHECK enum rc oci_layer_next(struct oci_layer *l, struct oci_entry *e);

/* The entry's content, up to max bytes of it; *n 0 at its end. */
RC_CHECK enum rc oci_layer_data(struct oci_layer *l, void *p, size_t max, size_t *n);

/* Prints that the entry is refused, and why. */
enum rc oci_layer_refuse(const struct oci_layer *l, enum rc rc, const struct oci_entry *e,
                         const char *why);

/* Harmless when called twice or when opening failed. */
void oci_layer_close(struct oci_layer *l);

#endif
