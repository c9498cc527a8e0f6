#include "tools/image/cpio.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"

static const char trailer[] = "TRAILER!!!";

struct cpio cpio_of(int fd)
{
	return (struct cpio){ fd, 0, 0 };
}

bool cpio_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= CPIO_NAME_MAX && strchr(name, '/') == NULL &&
	       strcmp(name, trailer) != 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static enum rc put(struct cpio *c, const void *p, size_t n)
{
	c->written += n;
	return io_write_full(c->fd, p, n);
}

static enum rc pad(struct cpio *c)
{
	return put(c, "\0\0\0", (size_t)(-c->written & 3));
}

/* "070701", then thirteen numbers of eight hexadecimal digits: inode, mode,
 * uid, gid, links, mtime, file size, four device numbers, length of the name
 * with its NUL, check. The name follows, padded to 4 bytes. */
static enum rc put_head(struct cpio *c, uint32_t inode, uint32_t mode, uint32_t links,
                        uint32_t size, const char *name)
{
	char head[111];
	enum rc rc;

	snprintf(head, sizeof head, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
	         inode, mode, 0u, 0u, links, 0u, size, 0u, 0u, 0u, 0u, (unsigned)strlen(name) + 1,
	         0u);
	rc = put(c, head, sizeof head - 1);
	if (rc == RC_OK)
		rc = put(c, name, strlen(name) + 1);
	return rc == RC_OK ? pad(c) : rc;
}

static enum rc put_file_head(struct cpio *c, const char *name, uint32_t mode, uint32_t size)
{
	return put_head(c, ++c->inode, S_IFREG | (mode & 07777), 1, size, name);
}

enum rc cpio_add(struct cpio *c, const char *name, uint32_t mode, struct slice data)
{
	enum rc rc;

	if (data.len > CPIO_FILE_MAX)
		return RC_LIMIT;
	rc = put_file_head(c, name, mode, (uint32_t)data.len);
	if (rc == RC_OK)
		rc = put(c, data.p, data.len);
	return rc == RC_OK ? pad(c) : rc;
}

static enum rc copy_exactly(struct cpio *c, int from, uint64_t left)
{
	uint8_t buf[65536];
	enum rc rc = RC_OK;

	while (left > 0 && rc == RC_OK) {
		size_t n = left < sizeof buf ? (size_t)left : sizeof buf;

		rc = io_read_full(from, buf, n);
		if (rc == RC_OK)
			rc = put(c, buf, n);
		left -= n;
	}
	if (rc == RC_OK && io_read_full(from, buf, 1) != RC_EOF)
		return RC_MISMATCH;
	return rc == RC_EOF ? RC_MISMATCH : rc;
}

enum rc cpio_add_fd(struct cpio *c, const char *name, uint32_t mode, int from)
{
	struct stat st;
	enum rc rc;

	if (fstat(from, &st) < 0 || lseek(from, 0, SEEK_SET) < 0)
		return RC_IO;
	if (st.st_size > CPIO_FILE_MAX)
		return RC_LIMIT;
	rc = put_file_head(c, name, mode, (uint32_t)st.st_size);
	if (rc == RC_OK)
		rc = copy_exactly(c, from, (uint64_t)st.st_size);
	return rc == RC_OK ? pad(c) : rc;
}

enum rc cpio_end(struct cpio *c)
{
	enum rc rc = put_head(c, 0, 0, 1, 0, trailer);

	return rc == RC_OK ? pad(c) : rc;
}

/* --- reading --- */

enum { HEAD_LEN = 110, SIZE_AT = 54, NAME_LEN_AT = 94 };

static bool take_number(const uint8_t *p, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < 8; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			return false;
		*v = *v << 4 | (uint32_t)digit;
	}
	return true;
}

/* n bytes, and those up to a multiple of 4 of what was taken off `all`. */
static bool take_padded(struct slice *left, size_t all, size_t n, struct slice *out)
{
	struct slice skipped;
	size_t pad;

	if (!slice_take(left, n, out))
		return false;
	pad = -(all - left->len) & 3;
	return slice_take(left, pad, &skipped);
}

static bool take_entry(struct slice *left, size_t all, struct slice *name, struct slice *data)
{
	struct slice head;
	uint32_t size, name_len;

	if (!slice_take(left, HEAD_LEN, &head) || memcmp(head.p, "070701", 6) != 0)
		return false;
	if (!take_number(head.p + SIZE_AT, &size) || !take_number(head.p + NAME_LEN_AT, &name_len))
		return false;
	if (!take_padded(left, all, name_len, name) || name->len == 0 ||
	    name->p[name->len - 1] != '\0')
		return false;
	name->len--;
	return take_padded(left, all, size, data);
}

bool cpio_find(struct slice archive, const char *name, struct slice *data)
{
	struct slice left = archive, found;

	while (take_entry(&left, archive.len, &found, data))
		if (slice_is(found, name))
			return true;
	return false;
}
