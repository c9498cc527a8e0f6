/* Where an image's files lie: a folder, or a tar archive, compressed or not. Wraps
 * libarchive, as oci_layer does.
 *
 * The archive is anybody's. It is never unpacked: its members are listed and
 * then read where they are. One that is compressed, or that cannot be read from
 * the middle, is unpacked into a scratch file first. Links among members (old
 * versions of `docker save` write a layer that comes twice as one) are followed
 * within the list. Of members with the same name the last counts. In a folder,
 * which is the caller's, only names that the caller makes are opened.
 *
 * All functions print their own errors but for RC_ABSENT.
 */
#ifndef IMAGE_OCI_SOURCE_H
#define IMAGE_OCI_SOURCE_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"
#include "tools/image/outfile.h"

enum {
	OCI_MEMBERS_MAX = 4096, /* members of an archive: some three a layer */
};

struct oci_member;
struct archive;

struct oci_source {
	const char *path; /* for messages; kept by pointer */
	bool folder;
	int fd;
	size_t members;
	struct oci_member *member;
	struct outfile scratch;
};

/* Begins as { .fd = -1, .scratch = { .fd = -1 } } and must stay where it is.
 * The scratch file lies beside `beside` and takes at most max bytes. */
RC_CHECK enum rc oci_source_open(struct oci_source *s, const char *path, const char *beside,
                                 uint64_t max);
/* Harmless when called twice or when opening failed. */
void oci_source_close(struct oci_source *s);

/* Whether there is a file of this name. */
bool oci_source_has(const struct oci_source *s, const char *name);

/* A file being read; one at a time of a source. Begins as { .fd = -1 }. */
struct oci_blob {
	const struct oci_source *source;
	int fd;
	struct archive *archive;
	uint64_t size; /* as the archive or the file system says */
};

/* RC_ABSENT prints nothing. */
RC_CHECK enum rc oci_blob_open(struct oci_blob *b, const struct oci_source *s, const char *name);
/* Up to max bytes; *n 0 at the end. */
RC_CHECK enum rc oci_blob_read(struct oci_blob *b, void *p, size_t max, size_t *n);
void oci_blob_close(struct oci_blob *b);

/* All of a file of at most max bytes into *text, which the caller frees. Its
 * absence is printed, too. */
RC_CHECK enum rc oci_source_read(const struct oci_source *s, const char *name, size_t max,
                                 uint8_t **text, size_t *len);

#endif
