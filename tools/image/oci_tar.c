#include "tools/image/oci_tar.h"

#include <stdio.h>

#include "appliance/base/io.h"
#include "tools/image/oci_merge.h"

/* A pax header: path and target, attributes with their names, numbers. */
enum { RECORDS_MAX = 2 * PATH_MAX + OCI_XATTR_BYTES + OCI_XATTRS_MAX * 512 + 512 };

void oci_tar_init(struct oci_tar *w, int fd)
{
	w->fd = fd;
	w->left = w->size = 0;
	w->len = 0;
}

enum rc oci_tar_flush(struct oci_tar *w)
{
	size_t n = w->len;

	w->len = 0;
	return io_write_full(w->fd, w->out, n);
}

static enum rc put(struct oci_tar *w, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n > 0) {
		size_t room = sizeof w->out - w->len, part = n < room ? n : room;

		memcpy(w->out + w->len, from, part);
		w->len += part;
		from += part;
		n -= part;
		if (w->len == sizeof w->out && oci_tar_flush(w) != RC_OK)
			return RC_IO;
	}
	return RC_OK;
}

static enum rc pad(struct oci_tar *w, uint64_t len)
{
	static const uint8_t zeros[OCI_TAR_BLOCK];

	return put(w, zeros, (size_t)(-len & (OCI_TAR_BLOCK - 1)));
}

/* --- headers --- */

/* 0 name 100 · 100 mode 8 · 108 uid 8 · 116 gid 8 · 124 size 12 · 136 mtime 12 ·
 * 148 checksum 8 · 156 kind · 157 target 100 · 257 "ustar" NUL "00" */
static enum rc put_header(struct oci_tar *w, char kind, uint32_t mode, uint64_t size)
{
	uint8_t h[OCI_TAR_BLOCK] = { 0 };
	char number[16];
	unsigned sum = 0;

	h[0] = '-'; /* the name is in the pax header */
	snprintf(number, sizeof number, "%07o", mode & 07777);
	memcpy(h + 100, number, 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	/* Eleven digits hold 8 GiB; what is more stands in the pax header. */
	snprintf(number, sizeof number, "%011llo", (unsigned long long)(size & 077777777777));
	memcpy(h + 124, number, 12);
	memcpy(h + 136, "00000000000", 12);
	h[156] = (uint8_t)kind;
	h[157] = kind == '1' || kind == '2' ? '-' : '\0'; /* the target, likewise */
	memcpy(h + 257, "ustar", 6);
	h[263] = h[264] = '0';
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += h[i];
	snprintf(number, sizeof number, "%06o", sum);
	memcpy(h + 148, number, 7);
	return put(w, h, sizeof h);
}

static size_t digits(size_t n)
{
	size_t d = 1;

	for (; n > 9; n /= 10)
		d++;
	return d;
}

/* "LENGTH KEY=VALUE\n", the length that of all of it, its own digits included. */
static void put_record(struct wbuf *b, const char *prefix, const char *key, struct slice value)
{
	size_t rest = 1 + strlen(prefix) + strlen(key) + 1 + value.len + 1, len = rest;
	char number[24];

	while (rest + digits(len) != len)
		len = rest + digits(len);
	snprintf(number, sizeof number, "%zu ", len);
	wbuf_put(b, number, strlen(number));
	wbuf_put(b, prefix, strlen(prefix));
	wbuf_put(b, key, strlen(key));
	wbuf_put(b, "=", 1);
	wbuf_put(b, value.p, value.len);
	wbuf_put(b, "\n", 1);
}

static void put_number(struct wbuf *b, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	put_record(b, "", key, slice_str(text));
}

static void put_node_records(struct wbuf *b, const struct oci_node *n)
{
	char time[48];

	put_number(b, "uid", n->uid);
	put_number(b, "gid", n->gid);
	put_number(b, "size", n->size);
	snprintf(time, sizeof time, "%lld.%09u", (long long)n->mtime_s, n->mtime_ns);
	put_record(b, "", "mtime", slice_str(time));
	if (n->target != NULL)
		put_record(b, "", "linkpath", slice_str(n->target));
	for (size_t i = 0; i < n->xattrs; i++)
		put_record(b, "SCHILY.xattr.", n->xattr[i].name, n->xattr[i].value);
}

static enum rc put_records(struct oci_tar *w, const struct wbuf *b)
{
	enum rc rc;

	if (b->over)
		return RC_IO; /* cannot be: RECORDS_MAX has room for all that oci_merge takes */
	rc = put_header(w, 'x', 0644, b->len);
	if (rc == RC_OK)
		rc = put(w, b->p, b->len);
	return rc == RC_OK ? pad(w, b->len) : rc;
}

enum rc oci_tar_node(struct oci_tar *w, const char *path, const struct oci_node *n)
{
	static const char kinds[] = {
		[OCI_FILE] = '0', [OCI_FOLDER] = '5', [OCI_SYMLINK] = '2', [OCI_FIFO] = '6'
	};
	static uint8_t records[RECORDS_MAX];
	struct wbuf b = wbuf_of(records, sizeof records);
	enum rc rc;

	put_record(&b, "", "path", slice_str(path));
	put_node_records(&b, n);
	rc = put_records(w, &b);
	w->left = w->size = n->size;
	return rc == RC_OK ? put_header(w, kinds[n->kind], n->mode, n->size) : rc;
}

enum rc oci_tar_link(struct oci_tar *w, const char *path, const char *target)
{
	static uint8_t records[RECORDS_MAX];
	struct wbuf b = wbuf_of(records, sizeof records);
	enum rc rc;

	put_record(&b, "", "path", slice_str(path));
	put_record(&b, "", "linkpath", slice_str(target));
	rc = put_records(w, &b);
	return rc == RC_OK ? put_header(w, '1', 0, 0) : rc;
}

enum rc oci_tar_data(struct oci_tar *w, const void *p, size_t n)
{
	enum rc rc = put(w, p, n);

	w->left -= n;
	return rc == RC_OK && w->left == 0 ? pad(w, w->size) : rc;
}

enum rc oci_tar_end(struct oci_tar *w)
{
	static const uint8_t zeros[2 * OCI_TAR_BLOCK];
	enum rc rc = put(w, zeros, sizeof zeros);

	return rc == RC_OK ? oci_tar_flush(w) : rc;
}
