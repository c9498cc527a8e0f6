/* The few files of a root file system that say which packages are in it: those of
 * dpkg, apk and rpm, and os-release. They are held in memory while the root is packed:
 * of a container image they pass only once.
 *
 * All of them are anybody's. Bounds: DATABASE_BYTES of one file, DATABASES_BYTES of
 * all, DATABASES_MAX files. What is over a bound or cannot be read is left out with a
 * warning, and `incomplete` says that it was: no list of packages fails a build.
 */
#ifndef IMAGE_DATABASES_H
#define IMAGE_DATABASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DATABASES_MAX = 4096,       /* distroless images have a file a package */
	DATABASE_BYTES = 64 << 20,  /* Fedora's rpmdb.sqlite of 2,000 packages has some 40 */
	DATABASES_BYTES = 96 << 20, /* memory, together */
};

enum database_kind {
	DATABASE_OS_RELEASE = 0,
	DATABASE_DPKG = 1,
	DATABASE_APK = 2,
	DATABASE_RPM = 3,     /* SQLite */
	DATABASE_RPM_OLD = 4, /* Berkeley DB or ndb, which rpm of Debian cannot read */
};

/* Where they are, without a slash in front. A folder's: every file in it but
 * *.md5sums. */
struct database_place {
	enum database_kind kind;
	bool folder;
	const char *path;
};

enum { DATABASE_PLACES = 12 };

extern const struct database_place database_places[DATABASE_PLACES];

struct database {
	enum database_kind kind;
	char *path; /* for messages */
	uint8_t *bytes;
	size_t len, room;
	bool left_out;
};

/* Begins as zeros. */
struct databases {
	size_t n, bytes;
	struct database *file;
	bool incomplete;
};

/* Whether a file of this name in a folder of databases is one. */
bool databases_wanted(const char *label);

/* A file without content, its number from 1 up; 0 when it is left out. */
unsigned databases_add(struct databases *d, enum database_kind kind, const char *path);

/* Further bytes of one. */
void databases_put(struct databases *d, unsigned number, const void *p, size_t n);

/* All of them from the root file system in a folder, within which symbolic links
 * stay. */
void databases_read(struct databases *d, const char *dir);

/* Harmless when called twice. */
void databases_free(struct databases *d);

#endif
