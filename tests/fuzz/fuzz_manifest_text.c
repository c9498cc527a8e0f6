/* A manifest's text, through all steps of a plan: what is compiled is what the enclave
 * takes, what is refused has a note, and what `manifest check` prints compiles to the
 * same bytes. */
#include <stdlib.h>

#include "tools/image/manifest_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char passwd[] = "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
static const char group[] = "app:x:1000:\nlog:x:4:app\n";

static void must(bool ok)
{
	if (!ok)
		abort();
}

static enum rc compile(struct plan *p, struct slice text, struct slice *out, char **json)
{
	static struct oci_config c = { .cwd = "/",
		                       .user = "",
		                       .home = "HOME=/root",
		                       .idc = 2,
		                       .ports = 2,
		                       .port = { { 80, false }, { 81, true } } };
	enum rc rc = plan_parse(p, "file", text);

	c.cmd = (struct oci_strings){ .n = 1, .v = { "cmd" } };
	if (rc == RC_OK && json != NULL)
		must((*json = manifest_json(p)) != NULL);
	if (rc == RC_OK)
		rc = plan_inherit(p, &c, 0, NULL);
	if (rc == RC_OK)
		rc = plan_users(p, &c, slice_str(passwd), slice_str(group));
	if (rc == RC_OK)
		rc = plan_encode(p, out);
	must((rc == RC_OK) == (p->notes.n == 0));
	for (size_t i = 0; i < p->notes.n && i < NOTES_MAX; i++)
		must(p->notes.text[i][0] != '\0' && memchr(p->notes.text[i], '\0', NOTE_MAX));
	return rc;
}

static void check_compiled(struct slice bytes)
{
	static struct manifest m;
	static struct service s;
	static struct policy policy;

	must(manifest_parse(bytes, &m) == RC_OK);
	must(policy_parse(m.network, &policy) == RC_OK);
	for (size_t i = 0; i < m.services; i++)
		must(service_parse(m.service[i], i, &s) == RC_OK);
}

/* Control characters, which JSON prints as they are or YAML refuses, apart. */
static bool is_plain(const char *json)
{
	for (const unsigned char *c = (const unsigned char *)json; *c; c++)
		if (*c == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan *p = plan_new(), *q = plan_new();
	struct slice bytes, again;
	char *json = NULL;

	must(p != NULL && q != NULL);
	if (compile(p, slice_of(data, size), &bytes, &json) == RC_OK) {
		check_compiled(bytes);
		if (is_plain(json)) {
			must(compile(q, slice_str(json), &again, NULL) == RC_OK);
			must(slice_eq(bytes, again));
		}
	}
	free(json);
	plan_free(p);
	plan_free(q);
	return 0;
}
