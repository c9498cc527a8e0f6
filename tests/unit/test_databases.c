/* The files that say what is installed: from a folder, within which links stay, and
 * up to their bounds. What is said of it goes to standard error. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "tests/unit/test.h"
#include "tools/image/databases.h"

static char root[64];

static void write_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void make_folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", root, name);
	CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
}

static void make_link(const char *target, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", root, name);
	CHECK(symlink(target, path) == 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void new_root(void)
{
	strcpy(root, "/tmp/test_databases.XXXXXX");
	CHECK(mkdtemp(root) != NULL);
	make_folder("etc");
	make_folder("usr");
	make_folder("usr/lib");
	make_folder("var");
	make_folder("var/lib");
	make_folder("var/lib/dpkg");
}

static void drop_root(void)
{
	CHECK(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static const struct database *find(const struct databases *d, const char *path)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->file[i].path, path) == 0)
			return &d->file[i];
	return NULL;
}

static bool has(const struct databases *d, const char *path, enum database_kind kind,
                const char *text)
{
	const struct database *f = find(d, path);

	return f != NULL && f->kind == kind && f->len == strlen(text) &&
	       (f->len == 0 || memcmp(f->bytes, text, f->len) == 0);
}

static void test_folder(void)
{
	struct databases d = { 0 };

	new_root();
	write_file("usr/lib/os-release", "ID=x\n");
	make_link("/usr/lib/os-release", "etc/os-release");
	write_file("var/lib/dpkg/status", "Package: a\n");
	make_folder("var/lib/dpkg/status.d");
	write_file("var/lib/dpkg/status.d/base", "Package: b\n");
	write_file("var/lib/dpkg/status.d/base.md5sums", "no\n");
	write_file("var/lib/dpkg/status.d/empty", "");
	make_folder("usr/lib/sysimage");
	make_folder("usr/lib/sysimage/rpm");
	write_file("usr/lib/sysimage/rpm/Packages.db", "RpmP");
	databases_read(&d, root);
	CHECK(d.n == 6 && !d.incomplete);
	CHECK(has(&d, "etc/os-release", DATABASE_OS_RELEASE, "ID=x\n"));
	CHECK(has(&d, "usr/lib/os-release", DATABASE_OS_RELEASE, "ID=x\n"));
	CHECK(has(&d, "var/lib/dpkg/status", DATABASE_DPKG, "Package: a\n"));
	CHECK(has(&d, "var/lib/dpkg/status.d/base", DATABASE_DPKG, "Package: b\n"));
	CHECK(has(&d, "var/lib/dpkg/status.d/empty", DATABASE_DPKG, ""));
	CHECK(has(&d, "usr/lib/sysimage/rpm/Packages.db", DATABASE_RPM_OLD, ""));
	databases_free(&d);
	databases_free(&d);
	drop_root();
}

/* Nothing but a file of the root is read, and nothing waits. */
static void test_links(void)
{
	struct databases d = { 0 };
	char path[128];

	new_root();
	make_link("../../../../../../../../etc/passwd", "var/lib/dpkg/status");
	make_link("/proc/self/environ", "etc/os-release");
	make_link("os-release", "usr/lib/os-release");
	make_link("/", "var/lib/rpm");
	snprintf(path, sizeof path, "%s/rpmdb.sqlite", root);
	CHECK(mkfifo(path, 0600) == 0);
	databases_read(&d, root);
	CHECK(d.n == 0 && !d.incomplete);
	write_file("etc/passwd", "within");
	databases_read(&d, root);
	CHECK(d.n == 1 && has(&d, "var/lib/dpkg/status", DATABASE_DPKG, "within"));
	databases_free(&d);
	drop_root();
}

static void put_many(struct databases *d, unsigned number, size_t n)
{
	static uint8_t block[1 << 20];

	for (; n > 0; n -= n < sizeof block ? n : sizeof block)
		databases_put(d, number, block, n < sizeof block ? n : sizeof block);
}

static void test_bounds(void)
{
	struct databases d = { 0 };
	unsigned a = databases_add(&d, DATABASE_DPKG, "a"),
		 b = databases_add(&d, DATABASE_APK, "b");
	unsigned c = databases_add(&d, DATABASE_RPM, "c");

	CHECK(a == 1 && b == 2 && c == 3);
	put_many(&d, a, DATABASE_BYTES);
	CHECK(!d.incomplete && d.file[0].len == DATABASE_BYTES && d.bytes == DATABASE_BYTES);
	databases_put(&d, a, "", 0);
	CHECK(!d.incomplete);
	databases_put(&d, a, "x", 1);
	CHECK(d.incomplete && d.file[0].left_out && d.file[0].len == 0 && d.bytes == 0);
	databases_put(&d, a, "x", 1);
	CHECK(d.file[0].len == 0);
	d.incomplete = false;
	put_many(&d, b, DATABASE_BYTES);
	put_many(&d, c, DATABASES_BYTES - DATABASE_BYTES);
	CHECK(!d.incomplete && d.bytes == DATABASES_BYTES);
	databases_put(&d, c, "x", 1);
	CHECK(d.incomplete && d.file[2].left_out && !d.file[1].left_out);
	CHECK(d.bytes == DATABASE_BYTES);
	while (d.n < DATABASES_MAX)
		CHECK(databases_add(&d, DATABASE_DPKG, "more") == d.n);
	CHECK(databases_add(&d, DATABASE_DPKG, "more") == 0);
	databases_free(&d);
}

static void test_names(void)
{
	CHECK(databases_wanted("base") && databases_wanted("md5sums"));
	CHECK(!databases_wanted("base.md5sums") && !databases_wanted(".md5sums"));
	CHECK(!databases_wanted(".") && !databases_wanted(".."));
}

int main(void)
{
	test_folder();
	test_links();
	test_bounds();
	test_names();
	return test_end();
}
