/* The JSON of a container image; the first byte says which. What is accepted keeps
 * within its bounds and can be read; what is not has a reason. */
#include <stdlib.h>

#include "tools/image/oci_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static size_t touched;

static void touch(const char *text)
{
	touched += text ? strlen(text) : 0;
}

static void touch_all(const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(v[i] != NULL);
		touch(v[i]);
	}
}

static void touch_descriptors(const struct oci_descriptor *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(d[i].media_type != NULL && d[i].size <= INT64_MAX);
		touch(d[i].media_type);
		touch(d[i].os);
		touch(d[i].arch);
		touch(d[i].ref);
	}
}

static enum rc try_index(struct slice text, char *why)
{
	static struct oci_index index;
	enum rc rc = oci_index_load(text, &index, why);

	if (rc == RC_OK) {
		must(index.n <= OCI_INDEX_MAX);
		touch_descriptors(index.entry, index.n);
		oci_index_free(&index);
	}
	must(index.root == NULL);
	return rc;
}

static enum rc try_manifest(struct slice text, char *why)
{
	static struct oci_manifest m;
	enum rc rc = oci_manifest_load(text, &m, why);

	if (rc == RC_OK) {
		must(m.layers <= OCI_LAYERS_MAX && m.config.media == OCI_MEDIA_CONFIG);
		touch_descriptors(&m.config, 1);
		touch_descriptors(m.layer, m.layers);
		oci_manifest_free(&m);
	}
	must(m.root == NULL);
	return rc;
}

static enum rc try_saves(struct slice text, char *why)
{
	struct oci_saves s;
	enum rc rc = oci_saves_load(text, &s, why);

	for (size_t i = 0; rc == RC_OK && i < s.n; i++) {
		touch(s.image[i].config);
		touch_all(s.image[i].tag, s.image[i].tags);
		touch_all(s.image[i].layer, s.image[i].layers);
	}
	must(rc != RC_OK || s.n > 0);
	if (rc == RC_OK)
		oci_saves_free(&s);
	must(s.root == NULL && s.image == NULL);
	return rc;
}

static void check_config(struct oci_config *c)
{
	static const char users[] = "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n";
	char why[OCI_WHY_MAX] = "";

	must(c->layers <= OCI_LAYERS_MAX && c->ports <= OCI_PORTS_MAX && *c->cwd == '/');
	must(c->stop_signal >= 0 && c->stop_signal <= 64);
	touch_all(c->entrypoint.v, c->entrypoint.n);
	touch_all(c->cmd.v, c->cmd.n);
	touch_all(c->env.v, c->env.n);
	touch(c->os);
	touch(c->arch);
	for (size_t i = 0; i < c->ports; i++)
		must(c->port[i].port > 0 && (i == 0 || c->port[i].port >= c->port[i - 1].port));
	if (oci_config_user(c, slice_str(users), slice_str(""), why) != RC_OK)
		must(why[0] != '\0');
}

static enum rc try_config(struct slice text, char *why)
{
	static struct oci_config c;
	enum rc rc = oci_config_load(text, &c, why);

	if (rc == RC_OK) {
		check_config(&c);
		oci_config_free(&c);
	}
	must(c.root == NULL);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static enum rc (*const readers[])(struct slice, char *) = { try_index, try_manifest,
		                                                    try_saves, try_config,
		                                                    oci_layout_check };
	char why[OCI_WHY_MAX] = "";
	size_t which;
	enum rc rc;

	if (size == 0)
		return 0;
	which = (*data - '0') % (sizeof readers / sizeof *readers);
	rc = readers[which](slice_of(data + 1, size - 1), why);
	must((rc == RC_OK) == (why[0] == '\0'));
	must(memchr(why, '\0', sizeof why) != NULL);
	return 0;
}
