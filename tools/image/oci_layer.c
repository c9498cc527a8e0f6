#include "tools/image/oci_layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>

#include "tools/image/fail.h"
#include "tools/image/oci_filter.h"

static enum rc complain(const struct oci_layer *l, enum rc rc, const char *why)
{
	return fail(rc, "'%s': %s: %s", l->blob.source->path, l->ref->label, why);
}

/* libarchive's reason, unless it is one of ours that came through it. */
static enum rc archive_fail(struct oci_layer *l, struct archive *a)
{
	const char *why = archive_error_string(a);

	if (l->rc == RC_OK)
		l->rc = complain(l, RC_BAD, why ? why : "cannot be read");
	return l->rc;
}

/* --- the blob, as it lies there --- */

static enum rc read_packed(struct oci_layer *l, size_t *n)
{
	l->rc = oci_blob_read(&l->blob, l->packed_block, sizeof l->packed_block, n);
	if (l->rc != RC_OK)
		return l->rc;
	digest_update(&l->packed, l->packed_block, *n);
	l->packed_len += *n;
	if (l->ref->known && l->packed_len > l->ref->size)
		l->rc = complain(l, RC_MISMATCH, "is longer than its descriptor says");
	return l->rc;
}

static la_ssize_t on_packed(struct archive *a, void *layer, const void **p)
{
	struct oci_layer *l = layer;
	size_t n = l->ready;

	*p = l->packed_block;
	l->ready = 0;
	if (l->rc == RC_OK && (n > 0 || read_packed(l, &n) == RC_OK))
		return (la_ssize_t)n;
	archive_set_error(a, EIO, "see above");
	return -1;
}

/* --- unpacked --- */

static enum rc read_plain(struct oci_layer *l, size_t *n)
{
	la_ssize_t got = archive_read_data(l->inflate, l->plain_block, sizeof l->plain_block);

	if (got < 0)
		return archive_fail(l, l->inflate);
	*n = (size_t)got;
	if (*n > *l->budget) {
		l->rc = complain(l, RC_LIMIT, "the image unpacks to more than --max-size");
		return l->rc;
	}
	*l->budget -= *n;
	l->plain_len += *n;
	digest_update(&l->plain, l->plain_block, *n);
	fail_progress(l->ref->label, l->plain_len);
	return RC_OK;
}

static la_ssize_t on_plain(struct archive *a, void *layer, const void **p)
{
	struct oci_layer *l = layer;
	size_t n = 0;

	*p = l->plain_block;
	if (l->rc == RC_OK && read_plain(l, &n) == RC_OK)
		return (la_ssize_t)n;
	archive_set_error(a, EIO, "see above");
	return -1;
}

/* --- opening --- */

/* By what the layer is compressed; -1 when not by what its media type says. */
static int filter_of(const struct oci_layer *l)
{
	enum oci_media media = l->ref->media;
	int filter = oci_filter_of(slice_of(l->packed_block, l->ready));

	if (media == OCI_MEDIA_TAR)
		return ARCHIVE_FILTER_NONE;
	if ((media == OCI_MEDIA_TAR_GZIP && filter != ARCHIVE_FILTER_GZIP) ||
	    (media == OCI_MEDIA_TAR_ZSTD && filter != ARCHIVE_FILTER_ZSTD))
		return -1;
	return filter;
}

static enum rc open_inflate(struct oci_layer *l)
{
	struct archive_entry *e;
	int filter;

	if (read_packed(l, &l->ready) != RC_OK)
		return l->rc;
	filter = filter_of(l);
	if (filter < 0)
		return complain(l, RC_BAD, "is not compressed as its media type says");
	l->inflate = archive_read_new();
	if (l->inflate == NULL)
		return complain(l, RC_LIMIT, "memory is out");
	archive_read_support_format_raw(l->inflate);
	if (!oci_filter_set(l->inflate, filter) ||
	    archive_read_open(l->inflate, l, NULL, on_packed, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(l->inflate, &e) != ARCHIVE_OK)
		return archive_fail(l, l->inflate);
	return RC_OK;
}

static enum rc open_tar(struct oci_layer *l)
{
	l->tar = archive_read_new();
	if (l->tar == NULL)
		return complain(l, RC_LIMIT, "memory is out");
	archive_read_support_format_tar(l->tar);
	if (archive_read_open(l->tar, l, NULL, on_plain, NULL) != ARCHIVE_OK)
		return archive_fail(l, l->tar);
	return RC_OK;
}

enum rc oci_layer_open(struct oci_layer *l, const struct oci_source *s,
                       const struct oci_layer_ref *ref, uint64_t *budget)
{
	l->ref = ref;
	l->inflate = l->tar = NULL;
	l->budget = budget;
	l->packed_len = l->plain_len = l->ready = 0;
	l->ordinal = UINT32_MAX; /* the first is 0 */
	digest_init(&l->packed);
	digest_init(&l->plain);
	l->rc = oci_blob_open(&l->blob, s, ref->file);
	if (l->rc == RC_ABSENT)
		complain(l, l->rc, "is not there");
	if (l->rc == RC_OK)
		l->rc = open_inflate(l);
	if (l->rc == RC_OK)
		l->rc = open_tar(l);
	return l->rc;
}

/* --- entries --- */

static enum oci_kind kind_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e) != NULL)
		return OCI_HARDLINK;
	switch (archive_entry_filetype(e)) {
	case AE_IFREG: return OCI_FILE;
	case AE_IFDIR: return OCI_FOLDER;
	case AE_IFLNK: return OCI_SYMLINK;
	case AE_IFIFO: return OCI_FIFO;
	case AE_IFSOCK: return OCI_SOCKET;
	default: return OCI_DEVICE;
	}
}

static bool take_xattrs(struct archive_entry *from, struct oci_entry *e)
{
	const char *name;
	const void *value;
	size_t len;

	e->xattrs = 0;
	archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &name, &value, &len) == ARCHIVE_OK) {
		if (e->xattrs == OCI_XATTRS_MAX || name == NULL)
			return false;
		e->xattr[e->xattrs++] = (struct oci_xattr){ name, slice_of(value, len) };
	}
	return true;
}

static enum rc take_entry(const struct oci_layer *l, struct oci_entry *e)
{
	struct archive_entry *from = l->entry;

	e->name = archive_entry_pathname(from);
	if (e->name == NULL)
		return complain(l, RC_BAD, "an entry without a name");
	e->kind = kind_of(from);
	e->mode = archive_entry_perm(from);
	e->uid = archive_entry_uid(from);
	e->gid = archive_entry_gid(from);
	e->mtime_s = archive_entry_mtime(from);
	e->mtime_ns = (uint32_t)archive_entry_mtime_nsec(from);
	e->size = (uint64_t)archive_entry_size(from);
	/* NULL as well when it stands in the pax header alone, which nobody writes so:
	 * libarchive overlooks it there, and the link is refused. */
	e->link = archive_entry_hardlink(from);
	if (e->link == NULL)
		e->link = archive_entry_symlink(from);
	e->acl = archive_entry_acl_types(from) != 0;
	if (!take_xattrs(from, e))
		return oci_layer_refuse(l, RC_LIMIT, e, "has too many attributes");
	return RC_OK;
}

/* What comes after the archive's end counts for the digests, and then they and
 * the length must be what was promised. */
static enum rc finish(struct oci_layer *l)
{
	uint8_t digest[DIGEST_LEN];
	size_t n = 1;

	while (l->rc == RC_OK && n > 0)
		l->rc = read_plain(l, &n);
	for (n = 1; l->rc == RC_OK && n > 0;)
		l->rc = read_packed(l, &n);
	if (l->rc != RC_OK)
		return l->rc;
	digest_final(&l->packed, digest);
	if (l->ref->known && l->packed_len != l->ref->size)
		return complain(l, RC_MISMATCH, "is shorter than its descriptor says");
	if (l->ref->known && memcmp(digest, l->ref->digest, DIGEST_LEN) != 0)
		return complain(l, RC_MISMATCH, "its content has another digest");
	digest_final(&l->plain, digest);
	if (memcmp(digest, l->ref->diff_id, DIGEST_LEN) != 0)
		return complain(l, RC_MISMATCH, "its unpacked content is not the config's diff_id");
	return RC_EOF;
}

enum rc oci_layer_next(struct oci_layer *l, struct oci_entry *e)
{
	int r = archive_read_next_header(l->tar, &l->entry);

	if (r == ARCHIVE_EOF)
		return finish(l);
	if (r != ARCHIVE_OK)
		return archive_fail(l, l->tar);
	l->ordinal++;
	return take_entry(l, e);
}

enum rc oci_layer_data(struct oci_layer *l, void *p, size_t max, size_t *n)
{
	la_ssize_t got = archive_read_data(l->tar, p, max);

	if (got < 0)
		return archive_fail(l, l->tar);
	*n = (size_t)got;
	return RC_OK;
}

enum rc oci_layer_refuse(const struct oci_layer *l, enum rc rc, const struct oci_entry *e,
                         const char *why)
{
	return fail(rc, "'%s': %s: '%.300s%s': %s", l->blob.source->path, l->ref->label, e->name,
	            strlen(e->name) > 300 ? "..." : "", why);
}

void oci_layer_close(struct oci_layer *l)
{
	archive_read_free(l->tar);
	archive_read_free(l->inflate);
	l->tar = l->inflate = NULL;
	oci_blob_close(&l->blob);
}
