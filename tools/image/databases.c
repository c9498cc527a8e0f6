#include "tools/image/databases.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"

const struct database_place database_places[DATABASE_PLACES] = {
	{ DATABASE_OS_RELEASE, false, "etc/os-release" },
	{ DATABASE_OS_RELEASE, false, "usr/lib/os-release" },
	{ DATABASE_DPKG, false, "var/lib/dpkg/status" },
	{ DATABASE_DPKG, true, "var/lib/dpkg/status.d" },
	{ DATABASE_APK, false, "lib/apk/db/installed" },
	{ DATABASE_APK, false, "usr/lib/apk/db/installed" },
	{ DATABASE_RPM, false, "var/lib/rpm/rpmdb.sqlite" },
	{ DATABASE_RPM, false, "usr/lib/sysimage/rpm/rpmdb.sqlite" },
	{ DATABASE_RPM_OLD, false, "var/lib/rpm/Packages" },
	{ DATABASE_RPM_OLD, false, "var/lib/rpm/Packages.db" },
	{ DATABASE_RPM_OLD, false, "usr/lib/sysimage/rpm/Packages" },
	{ DATABASE_RPM_OLD, false, "usr/lib/sysimage/rpm/Packages.db" },
};

bool databases_wanted(const char *label)
{
	static const char sums[] = ".md5sums";
	size_t n = strlen(label), end = sizeof sums - 1;

	return *label != '.' && (n < end || strcmp(label + n - end, sums) != 0);
}

static void leave_out(struct databases *d, const char *path, const char *why)
{
	d->incomplete = true;
	fail_warn("the packages of '%s' are left out of the bill of materials: %s", path, why);
}

unsigned databases_add(struct databases *d, enum database_kind kind, const char *path)
{
	char *copy;

	if (d->n == DATABASES_MAX) {
		if (!d->incomplete)
			leave_out(d, path, "there are more than 4096 such files");
		return 0;
	}
	if (d->file == NULL)
		d->file = calloc(DATABASES_MAX, sizeof *d->file);
	copy = d->file != NULL ? strdup(path) : NULL;
	if (copy == NULL) {
		leave_out(d, path, "memory is out");
		return 0;
	}
	d->file[d->n] = (struct database){ .kind = kind, .path = copy };
	return (unsigned)++d->n;
}

/* A file that is left out frees what it had. */
static void drop(struct databases *d, struct database *f, const char *why)
{
	free(f->bytes);
	d->bytes -= f->len;
	f->bytes = NULL;
	f->len = f->room = 0;
	f->left_out = true;
	leave_out(d, f->path, why);
}

static bool make_room(struct database *f, size_t n)
{
	size_t room = f->room ? f->room : 4096;
	uint8_t *more;

	while (n > room - f->len)
		room *= 2;
	more = room > f->room ? realloc(f->bytes, room) : f->bytes;
	if (more == NULL)
		return false;
	f->bytes = more;
	f->room = room;
	return true;
}

void databases_put(struct databases *d, unsigned number, const void *p, size_t n)
{
	struct database *f = &d->file[number - 1];

	/* How old databases look inside is nothing to us. */
	if (f->left_out || f->kind == DATABASE_RPM_OLD || n == 0)
		return;
	if (n > DATABASE_BYTES - f->len) {
		drop(d, f, "it has more than 64 MiB");
	} else if (n > DATABASES_BYTES - d->bytes) {
		drop(d, f, "such files have more than 96 MiB together");
	} else if (!make_room(f, n)) {
		drop(d, f, "memory is out");
	} else {
		memcpy(f->bytes + f->len, p, n);
		f->len += n;
		d->bytes += n;
	}
}

/* --- from a folder --- */

/* Of a file that is none, -1 and ENOENT. */
static int open_within(int root, const char *path, int flags)
{
	struct open_how how = { .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	struct stat st;
	int fd;

	how.flags = (unsigned)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
	if (fd >= 0 && flags == 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		io_close(&fd);
		errno = ENOENT;
	}
	return fd;
}

static bool is_absent(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static void read_file(struct databases *d, int root, const struct database_place *place,
                      const char *path)
{
	static uint8_t block[1 << 16];
	int fd = open_within(root, path, 0);
	unsigned number;
	ssize_t n;

	if (fd < 0) {
		if (!is_absent(errno))
			leave_out(d, path, strerror(errno));
		return;
	}
	number = databases_add(d, place->kind, path);
	while (number > 0 && (n = read(fd, block, sizeof block)) != 0) {
		if (n < 0) {
			drop(d, &d->file[number - 1], strerror(errno));
			break;
		}
		databases_put(d, number, block, (size_t)n);
	}
	io_close(&fd);
}

static void read_folder(struct databases *d, int root, const struct database_place *place)
{
	char path[PATH_MAX];
	int fd = open_within(root, place->path, O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (dir == NULL) {
		if (!is_absent(errno))
			leave_out(d, place->path, strerror(errno));
		io_close(&fd);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		if (!databases_wanted(e->d_name))
			continue;
		snprintf(path, sizeof path, "%s/%s", place->path, e->d_name);
		read_file(d, root, place, path);
	}
	closedir(dir);
}

void databases_read(struct databases *d, const char *dir)
{
	int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0) {
		leave_out(d, dir, strerror(errno));
		return;
	}
	for (size_t i = 0; i < DATABASE_PLACES; i++) {
		if (database_places[i].folder)
			read_folder(d, root, &database_places[i]);
		else
			read_file(d, root, &database_places[i], database_places[i].path);
	}
	io_close(&root);
}

void databases_free(struct databases *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->file[i].path);
		free(d->file[i].bytes);
	}
	free(d->file);
	*d = (struct databases){ 0 };
}
