/* What the tests of a manifest's text share: all steps from the text to the bytes, and the
 * enclave's own reader, which judges whatever is compiled. A header, since each program's
 * checks are counted in its own file.
 */
#ifndef TESTS_UNIT_MANIFEST_STEPS_H
#define TESTS_UNIT_MANIFEST_STEPS_H

#include "appliance/base/io.h"
#include "tests/unit/test.h"
#include "tools/image/manifest_text.h"

#define VECTORS "tests/vectors/manifest/"

static const char passwd[] = "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
static const char group[] = "app:x:1000:\nlog:x:4:app\n";

static uint8_t text_bytes[1 << 20];

/* A file, from the root of the tree; good until the next one is read. */
static inline struct slice read_text_of(const char *path)
{
	size_t n = 0;

	if (!CHECK(io_read_file(path, text_bytes, sizeof text_bytes, &n) == RC_OK))
		printf("%s cannot be read: is this the root of the tree?\n", path);
	return slice_of(text_bytes, n);
}

/* All the steps; *out when RC_OK. */
static inline enum rc compile(struct plan *p, const char *file, struct slice text,
                              const struct oci_config *c, struct slice *out)
{
	struct slice s = test_guard(text);
	enum rc rc = plan_parse(p, file, s);

	test_unguard(s); /* nothing points into it any more */
	if (rc == RC_OK)
		rc = plan_inherit(p, c, 0, NULL);
	if (rc == RC_OK)
		rc = plan_users(p, c, slice_str(passwd), slice_str(group));
	if (rc == RC_OK)
		rc = plan_encode(p, out);
	CHECK((rc == RC_OK) == (p->notes.n == 0));
	return rc;
}

static struct manifest m;
static struct policy policy;
static struct service service[SERVICES_MAX];

/* Is what was compiled what the enclave takes? Then it is in m, policy and service. */
static inline bool accepted(struct slice bytes)
{
	if (!CHECK(manifest_parse(bytes, &m) == RC_OK))
		return false;
	if (!CHECK(policy_parse(m.network, &policy) == RC_OK))
		return false;
	for (size_t i = 0; i < m.services; i++)
		if (!CHECK(service_parse(m.service[i], i, &service[i]) == RC_OK))
			return false;
	return true;
}

/* A good one: its plan, of which m and service are views. */
static inline struct plan *good(const char *text, const struct oci_config *c)
{
	struct plan *p = plan_new();
	struct slice bytes = { 0 };

	if (!CHECK(compile(p, "good", slice_str(text), c, &bytes) == RC_OK))
		printf("%s\nof: %s\n", p->notes.text[0], text);
	else
		CHECK(accepted(bytes));
	return p;
}

/* --- an image ------------------------------------------------------------------------- */

/* An image's configuration, with its user looked up. */
static inline struct oci_config config_of(const char *json)
{
	struct oci_config c;
	char why[OCI_WHY_MAX];

	CHECK(oci_config_load(slice_str(json), &c, why) == RC_OK);
	CHECK(oci_config_user(&c, slice_str(passwd), slice_str(group), why) == RC_OK);
	return c;
}

/* The JSON of one; config: the members that say how to run it. */
#define IMAGE(config)                                                                              \
	"{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_"     \
	"ids\":"                                                                                   \
	"[]},\"config\":{" config "}}"

#endif
