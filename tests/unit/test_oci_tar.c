/* The archive for mkfs.erofs, read by libarchive: everything of a node is in it, and
 * numbers, times and bytes are what they were. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <sys/mman.h>

#include "tests/unit/test.h"
#include "tools/image/oci_tar.h"

static struct oci_tar writer;

static struct archive *read_back(int fd)
{
	struct archive *a = archive_read_new();

	lseek(fd, 0, SEEK_SET);
	archive_read_support_format_tar(a);
	CHECK(archive_read_open_fd(a, fd, 4096) == ARCHIVE_OK);
	return a;
}

/* One node, and what is read of it. */
static void one(const char *path, const struct oci_node *n, struct slice content)
{
	int fd = memfd_create("tar", 0);
	uint8_t back[8192];
	struct archive_entry *e;
	struct archive *a;

	oci_tar_init(&writer, fd);
	CHECK(oci_tar_node(&writer, path, n) == RC_OK);
	for (size_t i = 0; i < content.len; i++)
		CHECK(oci_tar_data(&writer, content.p + i, 1) == RC_OK);
	CHECK(writer.left == 0);
	CHECK(oci_tar_end(&writer) == RC_OK);
	CHECK(lseek(fd, 0, SEEK_END) % OCI_TAR_BLOCK == 0);
	a = read_back(fd);
	if (CHECK(archive_read_next_header(a, &e) == ARCHIVE_OK)) {
		CHECK(strcmp(archive_entry_pathname(e), path) == 0);
		CHECK(archive_entry_perm(e) == n->mode);
		CHECK(archive_entry_uid(e) == n->uid && archive_entry_gid(e) == n->gid);
		CHECK(archive_entry_mtime(e) == n->mtime_s);
		CHECK(archive_entry_mtime_nsec(e) == (long)n->mtime_ns);
		CHECK((size_t)archive_entry_size(e) == content.len);
		CHECK(!n->target || strcmp(archive_entry_symlink(e), n->target) == 0);
		CHECK(archive_entry_xattr_count(e) == (int)n->xattrs);
		CHECK(archive_read_data(a, back, sizeof back) == (la_ssize_t)content.len);
		CHECK(content.len == 0 || memcmp(back, content.p, content.len) == 0);
	}
	CHECK(archive_read_next_header(a, &e) == ARCHIVE_EOF);
	archive_read_free(a);
	close(fd);
}

static void nodes(void)
{
	static const uint32_t ns[] = { 0, 1, 5, 12, 500000000, 999999999 };
	static const mode_t types[] = { [OCI_FILE] = AE_IFREG,
		                        [OCI_FOLDER] = AE_IFDIR,
		                        [OCI_SYMLINK] = AE_IFLNK,
		                        [OCI_FIFO] = AE_IFIFO };
	static uint8_t content[1100];
	char path[PATH_MAX];

	memset(content, 0xa5, sizeof content);
	for (size_t len = 0; len < sizeof content;
	     len += len < 4 || (len > 508 && len < 514) ? 1 : 63) {
		struct oci_node n = { .kind = OCI_FILE,
			              .mode = 06755,
			              .uid = 4294967294,
			              .gid = 2097152,
			              .mtime_s = 8589934592,
			              .mtime_ns = ns[len % 6],
			              .size = len };

		one("a/file", &n, slice_of(content, len));
	}
	for (enum oci_kind k = OCI_FOLDER; k <= OCI_FIFO; k++) {
		struct oci_node n = { .kind = k,
			              .mode = 0700,
			              .mtime_s = 1,
			              .target = k == OCI_SYMLINK ? "../x y\nz" : NULL };
		int fd = memfd_create("tar", 0);
		struct archive_entry *e;
		struct archive *a;

		one("x\nname", &n, slice_of(NULL, 0));
		oci_tar_init(&writer, fd);
		CHECK(oci_tar_node(&writer, "k", &n) == RC_OK && oci_tar_end(&writer) == RC_OK);
		a = read_back(fd);
		CHECK(archive_read_next_header(a, &e) == ARCHIVE_OK &&
		      archive_entry_filetype(e) == types[k]);
		archive_read_free(a);
		close(fd);
	}
	/* Around the lengths at which a record's own length gets a further digit. */
	for (size_t len = 1; len < sizeof path;
	     len += len < 120 || (len > 960 && len < 1010) ? 1 : 97) {
		struct oci_node n = { .kind = OCI_FIFO, .mode = 0600 };

		memset(path, 'p', len);
		path[len] = '\0';
		one(path, &n, slice_of(NULL, 0));
	}
}

static void attributes(void)
{
	static uint8_t big[65000];
	static const uint8_t bytes[] = { 0, '\n', '=', ' ', 0xff, 0 };
	struct oci_xattr x[] = { { "user.bytes", slice_of(bytes, sizeof bytes) },
		                 { "user.empty", slice_of(bytes, 0) },
		                 { "security.capability", slice_of(big, sizeof big) } };
	struct oci_node n = { .kind = OCI_FILE, .mode = 0644, .xattrs = 3, .xattr = x };
	int fd = memfd_create("tar", 0);
	struct archive_entry *e;
	struct archive *a;
	const void *value;
	const char *name;
	size_t len, seen = 0;

	memset(big, 'b', sizeof big);
	oci_tar_init(&writer, fd);
	CHECK(oci_tar_node(&writer, "f", &n) == RC_OK && oci_tar_end(&writer) == RC_OK);
	a = read_back(fd);
	CHECK(archive_read_next_header(a, &e) == ARCHIVE_OK);
	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &len) == ARCHIVE_OK)
		for (size_t i = 0; i < 3; i++)
			if (strcmp(name, x[i].name) == 0)
				seen += slice_eq(slice_of(value, len), x[i].value);
	CHECK(seen == 3);
	archive_read_free(a);
	close(fd);
}

static void links(void)
{
	struct oci_node n = { .kind = OCI_FILE, .mode = 0644, .size = 3 };
	int fd = memfd_create("tar", 0), full = open("/dev/full", O_WRONLY);
	struct archive_entry *e;
	struct archive *a;

	oci_tar_init(&writer, fd);
	CHECK(oci_tar_node(&writer, "first", &n) == RC_OK);
	CHECK(oci_tar_data(&writer, "abc", 3) == RC_OK);
	CHECK(oci_tar_link(&writer, "d/second", "first") == RC_OK);
	CHECK(oci_tar_end(&writer) == RC_OK);
	a = read_back(fd);
	CHECK(archive_read_next_header(a, &e) == ARCHIVE_OK);
	CHECK(archive_read_next_header(a, &e) == ARCHIVE_OK);
	CHECK(strcmp(archive_entry_pathname(e), "d/second") == 0);
	CHECK(strcmp(archive_entry_hardlink(e), "first") == 0);
	CHECK(archive_read_next_header(a, &e) == ARCHIVE_EOF);
	archive_read_free(a);
	close(fd);

	oci_tar_init(&writer, full);
	CHECK(oci_tar_link(&writer, "d", "first") == RC_OK);
	CHECK(oci_tar_end(&writer) == RC_IO);
	close(full);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	nodes();
	attributes();
	links();
	return test_end();
}
