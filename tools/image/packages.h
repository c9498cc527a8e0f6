/* What the databases of package managers say is installed, one package at a time,
 * and its name as a package URL (github.com/package-url/purl-spec).
 *
 * The databases are an image's, so anybody's. Pure: nothing is read but the slice,
 * what comes out points into it, the time is proportional to its length. Forms:
 *
 *   dpkg  paragraphs of "Field: value" (deb-control(5)), continued in lines that begin
 *         with a blank; Package, Version, Architecture, Status. Of packages that are
 *         removed, or whose configuration alone is left, nothing is said
 *   apk   paragraphs of "X:value": P name, V version, A architecture, L licence
 *   rpm   what rpmdb.h asks for: a line a package, six fields between tabs
 *
 * Bounds: PACKAGE_*_MAX. Names, versions and architectures have visible ASCII alone;
 * a licence is a line of text, of which nothing is known.
 */
#ifndef IMAGE_PACKAGES_H
#define IMAGE_PACKAGES_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum package_kind {
	PACKAGE_DEB = 0,
	PACKAGE_APK = 1,
	PACKAGE_RPM = 2,
};

enum {
	PACKAGE_NAME_MAX = 256, /* and of a version */
	PACKAGE_ARCH_MAX = 64,  /* and of an epoch */
	PACKAGE_LICENSE_MAX = 1024,
	PACKAGE_DISTRO_MAX = 64,
	PACKAGE_PURL_MAX = 2560, /* three for a byte of any of the above, and what is between */
};

struct package {
	enum package_kind kind;
	struct slice name, version;
	struct slice epoch;   /* rpm's, apart from its version; empty when there is none */
	struct slice arch;    /* empty when not given */
	struct slice license; /* empty when not given */
};

/* The package at the front of *in, of which it is taken. RC_EOF: there is no other.
 * RC_BAD: what stood there is no package; the next call goes on after it. */
RC_CHECK enum rc packages_next(struct slice *in, enum package_kind kind, struct package *p);

/* Which distribution it is, both empty when not known. */
struct distro {
	char id[PACKAGE_DISTRO_MAX + 1], version[PACKAGE_DISTRO_MAX + 1];
};

/* ID and VERSION_ID of an os-release(5). What is not of letters, digits, ".", "_"
 * and "-" counts as not given. */
void packages_distro(struct slice os_release, struct distro *d);

/* "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12". p is one of
 * packages_next(). */
void packages_purl(const struct package *p, const struct distro *d, char out[PACKAGE_PURL_MAX]);

#endif
