/* Package databases, os-release, and the names made of them. The first byte says which
 * form the rest has. */
#include <stdlib.h>

#include "tools/image/packages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool within(struct slice s, struct slice all)
{
	return s.len == 0 || (s.p >= all.p && s.len <= (size_t)(all.p + all.len - s.p));
}

static void check(const struct package *p, const struct distro *d, struct slice all)
{
	char purl[PACKAGE_PURL_MAX];

	must(p->name.len > 0 && p->version.len > 0);
	must(within(p->name, all) && within(p->version, all) && within(p->arch, all) &&
	     within(p->epoch, all) && within(p->license, all));
	packages_purl(p, d, purl);
	must(memchr(purl, '\0', sizeof purl) != NULL && strlen(purl) < sizeof purl - 1);
	for (const char *c = purl; *c != '\0'; c++)
		must(*c > ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all, in;
	struct distro d;
	struct package p;
	enum package_kind kind;
	enum rc rc;

	if (size == 0)
		return 0;
	kind = (enum package_kind)(data[0] % 3);
	all = in = slice_of(data + 1, size - 1);
	packages_distro(in, &d);
	while ((rc = packages_next(&in, kind, &p)) != RC_EOF) {
		must(rc == RC_OK || rc == RC_BAD);
		if (rc == RC_OK)
			check(&p, &d, all);
	}
	must(in.len == 0);
	return 0;
}
