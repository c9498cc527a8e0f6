#include "tools/image/oci_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"
#include "tools/image/oci_filter.h"

enum { BLOCK = 65536, MEMBER_LINKS_MAX = 8 };

struct oci_member {
	char *name, *link; /* link: the name it leads to, or NULL */
	int64_t at;        /* its header, from the archive's beginning */
	uint64_t size;
};

static enum rc no_memory(void)
{
	return fail(RC_LIMIT, "memory is out");
}

static enum rc archive_fail(const struct oci_source *s, struct archive *a)
{
	const char *why = archive_error_string(a);

	return fail(RC_BAD, "'%s': %s", s->path, why ? why : "cannot be read");
}

/* --- a compressed archive --- */

static enum rc copy_plain(struct oci_source *s, struct archive *a, int to, uint64_t max)
{
	static uint8_t buf[BLOCK];
	uint64_t total = 0;
	la_ssize_t n;

	while ((n = archive_read_data(a, buf, sizeof buf)) > 0) {
		if ((uint64_t)n > max - total)
			return fail(RC_LIMIT, "'%s': unpacks to more than --max-size", s->path);
		total += (uint64_t)n;
		fail_progress("unpacking", total);
		if (io_write_full(to, buf, (size_t)n) != RC_OK)
			return fail_errno("unpacking '%s'", s->path);
	}
	return n < 0 ? archive_fail(s, a) : RC_OK;
}

/* What lies there, block by block. */
struct packed {
	int fd;
	size_t ready; /* of block, read and not yet unpacked */
	uint8_t block[BLOCK];
};

/* The next block, less than a whole one only at the end. False with errno. */
static bool read_block(struct packed *in)
{
	ssize_t n = 1;

	in->ready = 0;
	while (n != 0 && in->ready < BLOCK) {
		n = read(in->fd, in->block + in->ready, BLOCK - in->ready);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			in->ready += (size_t)n;
	}
	return true;
}

static la_ssize_t on_packed(struct archive *a, void *packed, const void **p)
{
	struct packed *in = packed;
	size_t n;

	if (in->ready == 0 && !read_block(in)) {
		archive_set_error(a, errno, "%s", strerror(errno));
		return -1;
	}
	*p = in->block;
	n = in->ready;
	in->ready = 0;
	return (la_ssize_t)n;
}

/* Unpacks all that in has, by that filter, into a scratch file in place of s->fd. */
static enum rc unpack(struct oci_source *s, struct packed *in, int filter, const char *beside,
                      uint64_t max)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	enum rc rc;

	if (a == NULL)
		return no_memory();
	archive_read_support_format_raw(a);
	if (!oci_filter_set(a, filter) ||
	    archive_read_open(a, in, NULL, on_packed, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &e) != ARCHIVE_OK)
		rc = archive_fail(s, a);
	else
		rc = outfile_scratch(&s->scratch, beside);
	if (rc == RC_OK)
		rc = copy_plain(s, a, s->scratch.fd, max);
	if (rc == RC_OK) {
		close(s->fd);
		s->fd = s->scratch.fd;
	}
	archive_read_free(a);
	return rc;
}

/* Every archive has other bytes than these in its first block. */
static bool is_text(const struct packed *in)
{
	for (size_t i = 0; i < in->ready; i++) {
		uint8_t c = in->block[i];

		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return false;
	}
	return in->ready > 0;
}

/* An archive that is compressed, or cannot be read from the middle, is unpacked. */
static enum rc make_plain(struct oci_source *s, const char *beside, uint64_t max)
{
	static struct packed in;
	int filter;

	in.fd = s->fd;
	if (!read_block(&in))
		return fail_errno("'%s'", s->path);
	if (is_text(&in))
		return fail(RC_BAD,
		            "'%s': text, and neither a folder nor an archive; a manifest is given "
		            "with --manifest",
		            s->path);
	filter = oci_filter_of(slice_of(in.block, in.ready));
	if (filter == ARCHIVE_FILTER_NONE && lseek(s->fd, 0, SEEK_CUR) >= 0)
		return RC_OK;
	return unpack(s, &in, filter, beside, max);
}

/* --- the list of members --- */

/* The name without "./" and double slashes, ".." taken off with what is before
 * it; false when that leads out. out has room for a byte more than text. */
static bool normalise(const char *text, char *out)
{
	size_t len = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, "/");

		if (n == 2 && memcmp(text, "..", 2) == 0) {
			if (len == 0)
				return false;
			while (len > 0 && out[--len] != '/') {
			}
		} else if (n > 0 && !(n == 1 && *text == '.')) {
			if (len > 0)
				out[len++] = '/';
			memcpy(out + len, text, n);
			len += n;
		}
		text += n + (text[n] == '/');
	}
	out[len] = '\0';
	return true;
}

/* A member's name or, from `folder` on, a link's target; NULL when it leads out
 * of the archive or memory is out. */
static char *clean_name(const char *folder, size_t folder_len, const char *text)
{
	size_t len = folder_len + 1 + strlen(text);
	char *joined = malloc(len + 1), *out = malloc(len + 1);

	if (joined != NULL && out != NULL) {
		snprintf(joined, len + 1, "%.*s/%s", (int)folder_len, folder, text);
		if (!normalise(joined, out)) {
			free(out);
			out = NULL;
		}
	}
	free(joined);
	return out;
}

static enum rc add_member(struct oci_source *s, struct archive *a, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e), *hard = archive_entry_hardlink(e);
	const char *soft = archive_entry_symlink(e);
	struct oci_member *m = &s->member[s->members];
	const char *slash;

	if (name == NULL || strlen(name) >= PATH_MAX)
		return fail(RC_BAD, "'%s': a member has no name or one that is too long", s->path);
	*m = (struct oci_member){ .at = archive_read_header_position(a) };
	m->name = clean_name("", 0, name);
	if (m->name == NULL)
		return fail(RC_BAD, "'%s': %s: '..' in a member's name", s->path, name);
	s->members++;
	if (hard != NULL) {
		m->link = clean_name("", 0, hard);
	} else if (soft != NULL) {
		slash = strrchr(m->name, '/');
		m->link = clean_name(m->name, slash ? (size_t)(slash - m->name) : 0, soft);
	}
	if ((hard || soft) && m->link == NULL)
		return fail(RC_BAD, "'%s': %s: a link that leads out of the archive", s->path,
		            name);
	m->size = m->link ? 0 : (uint64_t)archive_entry_size(e);
	return RC_OK;
}

static enum rc list_members(struct oci_source *s, struct archive *a)
{
	struct archive_entry *e;
	enum rc rc = RC_OK;
	int r;

	while (rc == RC_OK && (r = archive_read_next_header(a, &e)) != ARCHIVE_EOF) {
		if (r != ARCHIVE_OK)
			return archive_fail(s, a);
		if (archive_entry_filetype(e) == AE_IFDIR)
			continue;
		if (s->members == OCI_MEMBERS_MAX)
			return fail(RC_LIMIT, "'%s': more than %d members", s->path,
			            OCI_MEMBERS_MAX);
		rc = add_member(s, a, e);
	}
	return rc;
}

/* A reader of s->fd from a member's header on. */
static enum rc tar_at(const struct oci_source *s, int64_t at, struct archive **a)
{
	*a = archive_read_new();
	if (*a == NULL)
		return no_memory();
	archive_read_support_format_tar(*a);
	if (lseek(s->fd, at, SEEK_SET) < 0)
		return fail_errno("'%s'", s->path);
	if (archive_read_open_fd(*a, s->fd, BLOCK) != ARCHIVE_OK)
		return archive_fail(s, *a);
	return RC_OK;
}

static enum rc open_archive(struct oci_source *s, const char *beside, uint64_t max)
{
	struct archive *a = NULL;
	enum rc rc;

	s->member = calloc(OCI_MEMBERS_MAX, sizeof *s->member);
	if (s->member == NULL)
		return no_memory();
	rc = make_plain(s, beside, max);
	if (rc == RC_OK)
		rc = tar_at(s, 0, &a);
	if (rc == RC_OK)
		rc = list_members(s, a);
	archive_read_free(a);
	return rc;
}

enum rc oci_source_open(struct oci_source *s, const char *path, const char *beside, uint64_t max)
{
	struct stat st;

	s->path = path;
	s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return fail_errno("'%s'", path);
	s->folder = S_ISDIR(st.st_mode);
	return s->folder ? RC_OK : open_archive(s, beside, max);
}

void oci_source_close(struct oci_source *s)
{
	for (size_t i = 0; i < s->members; i++) {
		free(s->member[i].name);
		free(s->member[i].link);
	}
	free(s->member);
	s->member = NULL;
	s->members = 0;
	if (s->fd == s->scratch.fd)
		s->fd = -1;
	io_close(&s->fd);
	outfile_close(&s->scratch);
}

static const struct oci_member *find_member(const struct oci_source *s, const char *name)
{
	const struct oci_member *found = NULL;
	char path[PATH_MAX + 1];

	for (int links = 0; links < MEMBER_LINKS_MAX; links++) {
		if (strlen(name) >= PATH_MAX || !normalise(name, path))
			return NULL;
		found = NULL;
		for (size_t i = s->members; found == NULL && i-- > 0;)
			if (strcmp(s->member[i].name, path) == 0)
				found = &s->member[i];
		if (found == NULL || found->link == NULL)
			return found;
		name = found->link;
	}
	return NULL;
}

bool oci_source_has(const struct oci_source *s, const char *name)
{
	return s->folder ? faccessat(s->fd, name, F_OK, 0) == 0 : find_member(s, name) != NULL;
}

/* --- reading --- */

static enum rc open_file(struct oci_blob *b, const char *name)
{
	struct stat st;

	/* A FIFO must not hold us up. */
	b->fd = openat(b->source->fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (b->fd < 0 && errno == ENOENT)
		return RC_ABSENT;
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return fail_errno("'%s/%s'", b->source->path, name);
	if (!S_ISREG(st.st_mode))
		return fail(RC_BAD, "'%s/%s': not a file", b->source->path, name);
	b->size = (uint64_t)st.st_size;
	return RC_OK;
}

static enum rc open_member(struct oci_blob *b, const char *name)
{
	const struct oci_member *m = find_member(b->source, name);
	struct archive_entry *e;
	enum rc rc;

	if (m == NULL)
		return RC_ABSENT;
	rc = tar_at(b->source, m->at, &b->archive);
	if (rc == RC_OK && archive_read_next_header(b->archive, &e) != ARCHIVE_OK)
		rc = archive_fail(b->source, b->archive);
	b->size = m->size;
	return rc;
}

enum rc oci_blob_open(struct oci_blob *b, const struct oci_source *s, const char *name)
{
	enum rc rc;

	*b = (struct oci_blob){ .source = s, .fd = -1 };
	rc = s->folder ? open_file(b, name) : open_member(b, name);
	if (rc != RC_OK)
		oci_blob_close(b);
	return rc;
}

enum rc oci_blob_read(struct oci_blob *b, void *p, size_t max, size_t *n)
{
	ssize_t got;

	if (b->archive != NULL) {
		got = archive_read_data(b->archive, p, max);
		if (got < 0)
			return archive_fail(b->source, b->archive);
	} else {
		do
			got = read(b->fd, p, max);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return fail_errno("'%s'", b->source->path);
	}
	*n = (size_t)got;
	return RC_OK;
}

void oci_blob_close(struct oci_blob *b)
{
	archive_read_free(b->archive);
	b->archive = NULL;
	io_close(&b->fd);
}

static enum rc read_all(struct oci_blob *b, const char *name, size_t max, uint8_t *p, size_t *len)
{
	enum rc rc = RC_OK;
	size_t n = 1;

	*len = 0;
	while (rc == RC_OK && n > 0) {
		rc = oci_blob_read(b, p + *len, max + 1 - *len, &n);
		*len += rc == RC_OK ? n : 0;
		if (*len > max)
			rc = fail(RC_LIMIT, "'%s': %s: longer than %zu bytes", b->source->path,
			          name, max);
	}
	return rc;
}

enum rc oci_source_read(const struct oci_source *s, const char *name, size_t max, uint8_t **text,
                        size_t *len)
{
	struct oci_blob b;
	enum rc rc = oci_blob_open(&b, s, name);

	*text = NULL;
	if (rc == RC_ABSENT)
		return fail(rc, "'%s': %s: is not there", s->path, name);
	if (rc == RC_OK) {
		*text = malloc(max + 1);
		rc = *text ? read_all(&b, name, max, *text, len) : no_memory();
	}
	oci_blob_close(&b);
	if (rc != RC_OK) {
		free(*text);
		*text = NULL;
	}
	return rc;
}
