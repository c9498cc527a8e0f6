#include "tools/image/sbom.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "appliance/base/version.h"
#include "tools/image/fail.h"
#include "tools/image/packages.h"
#include "tools/image/pinned.h"
#include "tools/image/rpmdb.h"

static const char image_ref[] = "image";

/* --- the packages --- */

struct found {
	char *purl;
	struct package package;
};

enum { RPM_TEXTS_MAX = 8 };

struct list {
	struct distro distro;
	size_t n, room;
	struct found *found;
	size_t texts;
	uint8_t *text[RPM_TEXTS_MAX]; /* what packages point into */
	struct databases *databases;
};

static void free_list(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->found[i].purl);
	for (size_t i = 0; i < l->texts; i++)
		free(l->text[i]);
	free(l->found);
}

static bool make_room(struct list *l)
{
	size_t room = l->room ? 2 * l->room : 256;
	struct found *more;

	if (l->n == SBOM_PACKAGES_MAX)
		return false;
	if (l->n < l->room)
		return true;
	more = realloc(l->found, room * sizeof *more);
	if (more == NULL)
		return false;
	l->found = more;
	l->room = room;
	return true;
}

static bool add_package(struct list *l, const struct package *p)
{
	char purl[PACKAGE_PURL_MAX], *copy;

	packages_purl(p, &l->distro, purl);
	copy = make_room(l) ? strdup(purl) : NULL;
	if (copy == NULL)
		return false;
	l->found[l->n++] = (struct found){ copy, *p };
	return true;
}

static void add_all(struct list *l, const char *path, struct slice text, enum package_kind kind)
{
	struct package p;
	size_t bad = 0;
	enum rc rc;

	while ((rc = packages_next(&text, kind, &p)) != RC_EOF) {
		if (rc == RC_OK && !add_package(l, &p)) {
			l->databases->incomplete = true;
			fail_warn("'%s': there are more packages than %d, or memory is out: the "
			          "bill of materials leaves out the others",
			          path, SBOM_PACKAGES_MAX);
			return;
		}
		bad += rc != RC_OK;
	}
	if (bad == 0)
		return;
	l->databases->incomplete = true;
	fail_warn("'%s': what is no package with a name and a version is left out of the bill "
	          "of materials (entries: %zu)",
	          path, bad);
}

static void add_rpm(struct list *l, const struct database *f)
{
	const char *why = "there are too many such files";
	size_t len = 0;
	uint8_t *text = NULL;
	enum rc rc = RC_LIMIT;

	if (l->texts < RPM_TEXTS_MAX)
		rc = rpmdb_list(slice_of(f->bytes, f->len), &text, &len, &why);
	if (rc == RC_OK) {
		l->text[l->texts++] = text;
		add_all(l, f->path, slice_of(text, len), PACKAGE_RPM);
		return;
	}
	l->databases->incomplete = true;
	fail_warn("the packages of '%s' are left out of the bill of materials: %s", f->path, why);
}

static void add_old_rpm(struct list *l, const struct database *f)
{
	l->databases->incomplete = true;
	fail_warn("the packages of '%s' are left out of the bill of materials: only rpm databases "
	          "of SQLite (rpmdb.sqlite) can be read; convert it: rpmdb --rebuilddb",
	          f->path);
}

static void add_database(struct list *l, const struct database *f)
{
	struct slice text = slice_of(f->bytes, f->len);

	if (f->left_out)
		return;
	if (f->kind == DATABASE_DPKG)
		add_all(l, f->path, text, PACKAGE_DEB);
	else if (f->kind == DATABASE_APK)
		add_all(l, f->path, text, PACKAGE_APK);
	else if (f->kind == DATABASE_RPM)
		add_rpm(l, f);
	else if (f->kind == DATABASE_RPM_OLD)
		add_old_rpm(l, f);
}

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	struct slice p = x->package.license, q = y->package.license;
	int order = strcmp(x->purl, y->purl);

	if (order == 0)
		order = (p.len > q.len) - (p.len < q.len);
	if (order == 0 && p.len > 0)
		order = memcmp(p.p, q.p, p.len);
	return order;
}

/* Of several os-releases the first that names a distribution counts. */
static void list_packages(struct list *l)
{
	const struct databases *d = l->databases;

	for (size_t i = 0; i < d->n; i++)
		if (d->file[i].kind == DATABASE_OS_RELEASE && *l->distro.id == '\0')
			packages_distro(slice_of(d->file[i].bytes, d->file[i].len), &l->distro);
	for (size_t i = 0; i < d->n; i++)
		add_database(l, &d->file[i]);
	if (l->n > 0)
		qsort(l->found, l->n, sizeof *l->found, compare);
}

/* --- components --- */

static json_t *hash(const char *algorithm, const uint8_t *digest, size_t len)
{
	char hex[2 * SHA384_LEN + 1];

	hex_put(hex, slice_of(digest, len));
	return json_pack("{s:s, s:s}", "alg", algorithm, "content", hex);
}

static json_t *pinned_component(const struct pinned *s)
{
	bool kernel = strcmp(s->name, "linux") == 0;
	char purl[512];

	snprintf(purl, sizeof purl, "pkg:generic/%s@%s?checksum=sha256:%s", s->name, s->version,
	         s->sha256);
	for (char *c = strchr(purl, '+'); c != NULL; c = strchr(c, '+')) {
		memmove(c + 3, c + 1, strlen(c + 1) + 1);
		memcpy(c, "%2B", 3);
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:[{s:s, s:s}], s:s, s:[{s:s, s:s}]}", "type",
	                 kernel ? "operating-system" : "library", "bom-ref", purl, "name", s->name,
	                 "version", s->version, "hashes", "alg", "SHA-256", "content", s->sha256,
	                 "purl", purl, "properties", "name", "casemate:source", "value", s->file);
}

static json_t *file_component(const char *name, const uint8_t digest[DIGEST_LEN])
{
	return json_pack("{s:s, s:s, s:s, s:[o]}", "type", "file", "bom-ref", name, "name", name,
	                 "hashes", hash("SHA-256", digest, DIGEST_LEN));
}

static json_t *package_component(const struct found *f)
{
	const struct package *p = &f->package;
	json_t *c = json_pack("{s:s, s:s, s:s%, s:s%, s:s}", "type", "library", "bom-ref", f->purl,
	                      "name", p->name.p, p->name.len, "version", p->version.p,
	                      p->version.len, "purl", f->purl);
	json_t *license = p->license.len > 0
	                          ? json_stringn((const char *)p->license.p, p->license.len)
	                          : NULL;

	/* One that is not UTF-8 is left out. */
	if (license != NULL)
		json_object_set_new(c, "licenses",
		                    json_pack("[{s:{s:o}}]", "license", "name", license));
	return c;
}

static json_t *components(const struct sbom *s, const struct list *l)
{
	json_t *all = json_array();
	int failed = 0;

	for (const struct pinned *p = pinned_sources; p->name != NULL; p++)
		if (strcmp(p->name, "linux") == 0 ? s->our_kernel : s->our_init)
			failed |= json_array_append_new(all, pinned_component(p));
	if (!s->our_kernel)
		failed |= json_array_append_new(all, file_component("kernel", s->image->kernel));
	if (!s->our_init)
		failed |= json_array_append_new(all, file_component("ramdisk0", s->image->ramdisk));
	for (size_t i = 0; i < l->n; i++)
		if (i == 0 || strcmp(l->found[i].purl, l->found[i - 1].purl) != 0)
			failed |= json_array_append_new(all, package_component(&l->found[i]));
	if (failed == 0)
		return all;
	json_decref(all);
	return NULL;
}

/* --- the whole --- */

/* A UUID of the image's digest (RFC 9562, version 8). */
static void serial_number(const uint8_t sha256[DIGEST_LEN], char out[64])
{
	uint8_t id[16];
	char hex[2 * sizeof id + 1];

	memcpy(id, sha256, sizeof id);
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x80);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	hex_put(hex, slice_of(id, sizeof id));
	snprintf(out, 64, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
	         hex + 20);
}

static json_t *metadata(const struct provenance *p)
{
	char when[METADATA_TIME_MAX];

	metadata_time(p->epoch, when);
	return json_pack("{s:s, s:{s:[{s:s, s:s, s:s}]}, s:{s:s, s:s, s:s, s:s, s:[o, o]}}",
	                 "timestamp", when, "tools", "components", "type", "application", "name",
	                 "casemate-image", "version", CASEMATE_VERSION, "component", "type",
	                 "container", "bom-ref", image_ref, "name", p->name, "version", p->version,
	                 "hashes", hash("SHA-256", p->sha256, DIGEST_LEN),
	                 hash("SHA-384", p->sha384, SHA384_LEN));
}

/* The image is of all its components; what they need of each other is not said. */
static json_t *dependencies(const json_t *all)
{
	json_t *refs = json_array();

	for (size_t i = 0; i < json_array_size(all); i++)
		json_array_append(refs, json_object_get(json_array_get(all, i), "bom-ref"));
	return json_pack("[{s:s, s:o}]", "ref", image_ref, "dependsOn", refs);
}

static json_t *bill(const struct sbom *s, const struct list *l)
{
	char serial[64];
	json_t *all = components(s, l), *needs = dependencies(all), *root;

	serial_number(s->image->sha256, serial);
	root = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o}", "bomFormat", "CycloneDX",
	                 "specVersion", "1.5", "serialNumber", serial, "version", 1, "metadata",
	                 metadata(s->image), "components", all, "dependencies", needs);
	if (s->databases->incomplete)
		json_object_set_new(root, "compositions",
		                    json_pack("[{s:s, s:[s]}]", "aggregate", "incomplete",
		                              "assemblies", image_ref));
	return root;
}

char *sbom_print(const struct sbom *s)
{
	struct list l = { .databases = s->databases };
	char *text;
	json_t *root;

	list_packages(&l);
	root = bill(s, &l);
	text = metadata_line(json_dumps(root, JSON_INDENT(2) | JSON_ENSURE_ASCII));
	json_decref(root);
	free_list(&l);
	if (text == NULL)
		fail(RC_LIMIT, "the bill of materials: memory is out");
	return text;
}
