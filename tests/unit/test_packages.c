/* The databases of dpkg, apk and rpm: what is read of them, what is refused, every
 * prefix against a guard page; distributions; package URLs. */
#include "tests/unit/test.h"
#include "tools/image/packages.h"

static const char dpkg[] =
	"Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nArchitecture: amd64\n"
	"Description: GNU shell\n of two lines\n .\n Version: no field\n\n"
	"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
	"Package: never\nStatus: unknown ok not-installed\n\n"
	"\n\n"
	"package: half\nVERSION:\t1:2.0~rc1 \nStatus: install ok half-configured\n";
static const char apk[] = "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nF:lib\nR:libc.so\n\n"
			  "P:busybox\nV:1.36.1-r29\n\n";
static const char rpm[] = "bash\t\t5.2-1.el9\tx86_64\tGPLv3+\t.\n"
			  "dbus\t1\t1.12-8\tnoarch\t\t.\n";

struct want {
	const char *name, *version, *epoch, *arch, *license;
};

static bool is(const struct package *p, const struct want *w)
{
	return slice_is(p->name, w->name) && slice_is(p->version, w->version) &&
	       slice_is(p->epoch, w->epoch) && slice_is(p->arch, w->arch) &&
	       slice_is(p->license, w->license);
}

static void check_all(const char *text, enum package_kind kind, const struct want *w, size_t n)
{
	struct slice s = test_guard(slice_str(text)), in = s;
	struct package p;

	for (size_t i = 0; i < n; i++)
		CHECK(packages_next(&in, kind, &p) == RC_OK && is(&p, &w[i]));
	CHECK(packages_next(&in, kind, &p) == RC_EOF);
	CHECK(packages_next(&in, kind, &p) == RC_EOF);
	test_unguard(s);
}

static void test_forms(void)
{
	static const struct want of_dpkg[] = { { "bash", "5.2.15-2+b7", "", "amd64", "" },
		                               { "half", "1:2.0~rc1", "", "", "" } };
	static const struct want of_apk[] = { { "musl", "1.2.5-r0", "", "x86_64", "MIT" },
		                              { "busybox", "1.36.1-r29", "", "", "" } };
	static const struct want of_rpm[] = { { "bash", "5.2-1.el9", "", "x86_64", "GPLv3+" },
		                              { "dbus", "1.12-8", "1", "noarch", "" } };

	check_all(dpkg, PACKAGE_DEB, of_dpkg, 2);
	check_all(apk, PACKAGE_APK, of_apk, 2);
	check_all(rpm, PACKAGE_RPM, of_rpm, 2);
	check_all("", PACKAGE_DEB, NULL, 0);
	check_all("\n\n\n", PACKAGE_APK, NULL, 0);
}

/* However it is cut, it ends, and what comes out lies within. */
static void every_prefix(const char *text, enum package_kind kind)
{
	for (size_t n = 0; n <= strlen(text); n++) {
		struct slice s = test_guard(slice_of(text, n)), in = s;
		struct package p;
		size_t found = 0;
		enum rc rc;

		while ((rc = packages_next(&in, kind, &p)) != RC_EOF) {
			found++;
			if (rc == RC_OK)
				CHECK(p.name.p >= s.p && p.version.p + p.version.len <= s.p + n);
		}
		CHECK(found <= 4 && in.len == 0);
		test_unguard(s);
	}
}

static enum rc first_of(const char *text, enum package_kind kind)
{
	struct slice in = slice_str(text);
	struct package p;

	return packages_next(&in, kind, &p);
}

static void test_refused(void)
{
	static char name[PACKAGE_NAME_MAX + 2], text[2048];

	CHECK(first_of("Package: a\n", PACKAGE_DEB) == RC_BAD);
	CHECK(first_of("Version: 1\n", PACKAGE_DEB) == RC_BAD);
	CHECK(first_of("Package: a\nVersion: 1\nPackage: b\n", PACKAGE_DEB) == RC_BAD);
	CHECK(first_of("Package: a\nVersion: 1\nno field\n", PACKAGE_DEB) == RC_BAD);
	CHECK(first_of("Package: a b\nVersion: 1\n", PACKAGE_DEB) == RC_BAD);
	CHECK(first_of("Package: a\033[2J\nVersion: 1\n", PACKAGE_DEB) == RC_BAD);
	CHECK(first_of("Package: \xc3\xa9\nVersion: 1\n", PACKAGE_DEB) == RC_BAD);
	CHECK(first_of("P:a\nV:1\nV:2\n", PACKAGE_APK) == RC_BAD);
	CHECK(first_of(" P:a\nV:1\n", PACKAGE_APK) == RC_BAD);
	CHECK(first_of("a\t\t1\tnoarch\tMIT\n", PACKAGE_RPM) == RC_BAD);
	CHECK(first_of("a\t\t1\tnoarch\tM\tIT\t.\n", PACKAGE_RPM) == RC_BAD);
	CHECK(first_of("a\t\t1\tnoarch\tMIT\t.\t\n", PACKAGE_RPM) == RC_OK);
	CHECK(first_of("\t\t1\tnoarch\tMIT\t.\n", PACKAGE_RPM) == RC_BAD);
	for (size_t n = PACKAGE_NAME_MAX; n <= PACKAGE_NAME_MAX + 1; n++) {
		memset(name, 'n', n);
		snprintf(text, sizeof text, "P:%s\nV:1\n", name);
		CHECK(first_of(text, PACKAGE_APK) == (n > PACKAGE_NAME_MAX ? RC_BAD : RC_OK));
		snprintf(text, sizeof text, "P:a\nV:%s\n", name);
		CHECK(first_of(text, PACKAGE_APK) == (n > PACKAGE_NAME_MAX ? RC_BAD : RC_OK));
	}
}

/* What is refused does not take the next with it. */
static void test_goes_on(void)
{
	struct slice in = slice_str("Package: a\n\nPackage: b\nVersion: 2\n");
	struct package p;

	CHECK(packages_next(&in, PACKAGE_DEB, &p) == RC_BAD);
	CHECK(packages_next(&in, PACKAGE_DEB, &p) == RC_OK && slice_is(p.name, "b"));
	CHECK(packages_next(&in, PACKAGE_DEB, &p) == RC_EOF);
}

static bool distro_is(const char *text, const char *id, const char *version)
{
	struct slice s = test_guard(slice_str(text));
	struct distro d;

	packages_distro(s, &d);
	test_unguard(s);
	return strcmp(d.id, id) == 0 && strcmp(d.version, version) == 0;
}

static void test_distro(void)
{
	static const char full[] = "NAME=\"x\"\nVERSION_ID=\"12\"\nID=debian\nID_LIKE=y\n";

	CHECK(distro_is(full, "debian", "12"));
	CHECK(distro_is("ID='alpine'\nVERSION_ID=3.20.1", "alpine", "3.20.1"));
	CHECK(distro_is("ID=a b\nVERSION_ID=\"1", "", ""));
	CHECK(distro_is("ID=\nVERSION_ID", "", ""));
	CHECK(distro_is("ID=\"\"\nXID=b\n", "", ""));
	for (size_t n = 0; n < sizeof full; n++) {
		struct slice s = test_guard(slice_of(full, n));
		struct distro d;

		packages_distro(s, &d);
		CHECK(strlen(d.id) <= 6);
		test_unguard(s);
	}
}

static bool purl_is(const char *text, enum package_kind kind, const char *os, const char *purl)
{
	char out[PACKAGE_PURL_MAX];
	struct slice in = slice_str(text);
	struct distro d;
	struct package p;

	packages_distro(slice_str(os), &d);
	if (packages_next(&in, kind, &p) != RC_OK)
		return false;
	packages_purl(&p, &d, out);
	return strcmp(out, purl) == 0;
}

static void test_purl(void)
{
	static char text[2 * PACKAGE_NAME_MAX + 2 * PACKAGE_ARCH_MAX + 64];
	char percent[PACKAGE_NAME_MAX + 1], out[PACKAGE_PURL_MAX];
	struct slice in;
	struct distro d;
	struct package p;

	CHECK(purl_is(dpkg, PACKAGE_DEB, "ID=debian\nVERSION_ID=12",
	              "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12"));
	CHECK(purl_is("Package: a\nVersion: 1:2~b", PACKAGE_DEB, "", "pkg:deb/a@1:2~b"));
	CHECK(purl_is(apk, PACKAGE_APK, "ID=alpine",
	              "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine"));
	CHECK(purl_is("a/b?\t7\t1@%\tx\t\t.", PACKAGE_RPM, "ID=f\nVERSION_ID=40",
	              "pkg:rpm/f/a%2Fb%3F@1%40%25?arch=x&distro=f-40&epoch=7"));
	/* The longest there can be. */
	memset(percent, '%', PACKAGE_NAME_MAX);
	percent[PACKAGE_NAME_MAX] = '\0';
	snprintf(text, sizeof text, "%s\t%.64s\t%s\t%.64s\t\t.", percent, percent, percent,
	         percent);
	memset(d.id, 'd', PACKAGE_DISTRO_MAX);
	memset(d.version, 'v', PACKAGE_DISTRO_MAX);
	d.id[PACKAGE_DISTRO_MAX] = d.version[PACKAGE_DISTRO_MAX] = '\0';
	in = slice_str(text);
	CHECK(packages_next(&in, PACKAGE_RPM, &p) == RC_OK);
	packages_purl(&p, &d, out);
	CHECK(strlen(out) > 2000 && strcmp(out + strlen(out) - 3, "%25") == 0);
}

int main(void)
{
	test_forms();
	every_prefix(dpkg, PACKAGE_DEB);
	every_prefix(apk, PACKAGE_APK);
	every_prefix(rpm, PACKAGE_RPM);
	test_refused();
	test_goes_on();
	test_distro();
	test_purl();
	return test_end();
}
