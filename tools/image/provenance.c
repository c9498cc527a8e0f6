#include "tools/image/provenance.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "appliance/base/version.h"
#include "tools/image/cpio.h"
#include "tools/image/fail.h"

static const char statement_type[] = "https://in-toto.io/Statement/v1";
static const char predicate_type[] = "https://slsa.dev/provenance/v1";
static const char *const kinds[] = { "folder", "oci", "docker" };

enum { KINDS = 3, PCR_SUBJECTS = 4 };

static const char *const pcr_names[PCR_SUBJECTS] = { "PCR0", "PCR1", "PCR2", "PCR8" };

/* --- what an image says itself --- */

static void sha256_of(struct slice s, uint8_t out[DIGEST_LEN])
{
	struct digest d;

	digest_init(&d);
	digest_update(&d, s.p, s.len);
	digest_final(&d, out);
}

enum rc provenance_measure(struct provenance *p, const struct image *im)
{
	const struct eif *e = &im->eif;
	struct slice root;

	if (e->ramdisks != 2 || !cpio_find(e->ramdisk[1], "root.erofs", &root))
		return fail(RC_ABSENT, "the image has no root.erofs in a second ramdisk: it is "
		                       "none of `build`");
	p->pcrs = im->pcrs;
	p->is_signed = e->is_signed;
	memcpy(p->pcr8, im->pcr8, SHA384_LEN);
	sha256_of(im->file, p->sha256);
	sha384_of(im->file.p, im->file.len, p->sha384);
	sha256_of(e->kernel, p->kernel);
	sha256_of(e->cmdline, p->cmdline);
	sha256_of(e->ramdisk[0], p->ramdisk);
	if (p->source == SOURCE_FOLDER)
		sha256_of(root, p->root);
	return RC_OK;
}

static const uint8_t *pcr_of_subject(const struct provenance *p, size_t i)
{
	return i < 3 ? p->pcrs.pcr[i] : p->pcr8;
}

static size_t pcr_subjects(const struct provenance *p)
{
	return p->is_signed ? PCR_SUBJECTS : PCR_SUBJECTS - 1;
}

enum rc provenance_compare(const struct provenance *stated, const struct provenance *is,
                           const char **why)
{
	*why = "";
	if (memcmp(stated->sha256, is->sha256, DIGEST_LEN) != 0 ||
	    memcmp(stated->sha384, is->sha384, SHA384_LEN) != 0)
		*why = "is for another file: its SHA-256 or SHA-384 is not the image's";
	else if (stated->is_signed != is->is_signed)
		*why = "is wrong about whether the image is signed";
	else if (memcmp(stated->kernel, is->kernel, DIGEST_LEN) != 0)
		*why = "names another kernel";
	else if (memcmp(stated->cmdline, is->cmdline, DIGEST_LEN) != 0)
		*why = "names another command line";
	else if (memcmp(stated->ramdisk, is->ramdisk, DIGEST_LEN) != 0)
		*why = "names another first ramdisk";
	else if (stated->source == SOURCE_FOLDER && memcmp(stated->root, is->root, DIGEST_LEN) != 0)
		*why = "names another root file system";
	for (size_t i = 0; **why == '\0' && i < pcr_subjects(stated); i++)
		if (memcmp(pcr_of_subject(stated, i), pcr_of_subject(is, i), SHA384_LEN) != 0)
			*why = "is wrong about a register (PCR0, PCR1, PCR2 or PCR8)";
	return **why == '\0' ? RC_OK : RC_MISMATCH;
}

/* --- writing --- */

static json_t *hex_of(const uint8_t *digest, size_t len)
{
	char hex[2 * SHA384_LEN + 1];

	hex_put(hex, slice_of(digest, len));
	return json_string(hex);
}

static json_t *sha256_named(const char *name, const uint8_t digest[DIGEST_LEN])
{
	return json_pack("{s:s, s:{s:o}}", "name", name, "digest", "sha256",
	                 hex_of(digest, DIGEST_LEN));
}

/* NULL when something could not be appended to the list, which has n otherwise. */
static json_t *whole(json_t *list, size_t n)
{
	if (json_array_size(list) == n)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *subjects(const struct provenance *p)
{
	json_t *list = json_array();

	json_array_append_new(list, json_pack("{s:s, s:{s:o, s:o}}", "name", p->eif, "digest",
	                                      "sha256", hex_of(p->sha256, DIGEST_LEN), "sha384",
	                                      hex_of(p->sha384, SHA384_LEN)));
	for (size_t i = 0; i < pcr_subjects(p); i++)
		json_array_append_new(list, json_pack("{s:s, s:{s:o}}", "name", pcr_names[i],
		                                      "digest", "sha384",
		                                      hex_of(pcr_of_subject(p, i), SHA384_LEN)));
	return whole(list, 1 + pcr_subjects(p));
}

static json_t *dependencies(const struct provenance *p)
{
	json_t *list = json_array();

	json_array_append_new(list, sha256_named("kernel", p->kernel));
	json_array_append_new(list, sha256_named("cmdline", p->cmdline));
	json_array_append_new(list, sha256_named("ramdisk0", p->ramdisk));
	if (p->source == SOURCE_FOLDER)
		json_array_append_new(list, sha256_named("root.erofs", p->root));
	else
		json_array_append_new(list, sha256_named("config", p->config));
	if (p->source == SOURCE_OCI)
		json_array_append_new(list, sha256_named("oci-manifest", p->oci_manifest));
	return whole(list, p->source == SOURCE_OCI ? 5 : 4);
}

static json_t *manifest_of(struct slice text)
{
	uint8_t digest[DIGEST_LEN];

	if (text.p == NULL)
		return json_null();
	sha256_of(text, digest);
	return json_pack("{s:{s:o}, s:s%}", "digest", "sha256", hex_of(digest, DIGEST_LEN), "text",
	                 (const char *)text.p, text.len);
}

static json_t *parameters(const struct provenance *p)
{
	json_t *command = json_array();

	for (size_t i = 0; i < p->argc; i++)
		json_array_append_new(command, json_string(p->argv[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:o, s:s?, s:o}", "source",
	                 kinds[p->source], "name", p->name, "version", p->version, "arch", p->arch,
	                 "ref", p->ref, "sourceDateEpoch", (json_int_t)p->epoch, "manifest",
	                 manifest_of(p->manifest), "channel", p->channel, "command",
	                 whole(command, p->argc));
}

bool provenance_is_text(const char *s)
{
	json_t *text = json_string(s);

	json_decref(text);
	return text != NULL;
}

char *provenance_print(const struct provenance *p, char why[METADATA_WHY_MAX])
{
	json_t *definition = json_pack("{s:s, s:o, s:o}", "buildType", PROVENANCE_BUILD_TYPE,
	                               "externalParameters", parameters(p), "resolvedDependencies",
	                               dependencies(p));
	json_t *run = json_pack("{s:{s:s, s:{s:s}}}", "builder", "id", PROVENANCE_BUILDER,
	                        "version", "casemate-image", CASEMATE_VERSION);
	json_t *root = json_pack("{s:s, s:o, s:s, s:{s:o, s:o}}", "_type", statement_type,
	                         "subject", subjects(p), "predicateType", predicate_type,
	                         "predicate", "buildDefinition", definition, "runDetails", run);
	char *text = metadata_line(json_dumps(root, JSON_INDENT(2) | JSON_ENSURE_ASCII));

	json_decref(root);
	if (text == NULL) {
		snprintf(why, METADATA_WHY_MAX, "memory is out, or a word of it is not UTF-8");
		return NULL;
	}
	if (strlen(text) <= PROVENANCE_MAX)
		return text;
	free(text);
	snprintf(why, METADATA_WHY_MAX, "it is longer than %d MiB", PROVENANCE_MAX >> 20);
	return NULL;
}

/* --- reading --- */

static bool take_hex(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_value((uint8_t)text[2 * i]),
		    low = hex_value((uint8_t)text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* {"name": name, "digest": {algorithm: out}} */
static bool take_digest(json_t *v, const char *name, const char *algorithm, uint8_t *out,
                        size_t len)
{
	const char *is, *hex;

	return json_unpack_ex(v, NULL, JSON_STRICT, "{s:s, s:{s:s}}", "name", &is, "digest",
	                      algorithm, &hex) == 0 &&
	       strcmp(is, name) == 0 && take_hex(hex, out, len);
}

static bool take_subjects(json_t *list, struct provenance *p)
{
	size_t n = json_array_size(list);
	const char *sha256, *sha384;

	if (n != PCR_SUBJECTS && n != PCR_SUBJECTS + 1)
		return false;
	p->is_signed = n == PCR_SUBJECTS + 1;
	if (json_unpack_ex(json_array_get(list, 0), NULL, JSON_STRICT, "{s:s, s:{s:s, s:s}}",
	                   "name", &p->eif, "digest", "sha256", &sha256, "sha384", &sha384) != 0)
		return false;
	for (size_t i = 0; i < pcr_subjects(p); i++)
		if (!take_digest(json_array_get(list, i + 1), pcr_names[i], "sha384",
		                 i < 3 ? p->pcrs.pcr[i] : p->pcr8, SHA384_LEN))
			return false;
	return take_hex(sha256, p->sha256, DIGEST_LEN) && take_hex(sha384, p->sha384, SHA384_LEN);
}

static bool take_dependencies(json_t *list, struct provenance *p)
{
	const struct {
		const char *name;
		uint8_t *out;
	} want[] = {
		{ "kernel", p->kernel },
		{ "cmdline", p->cmdline },
		{ "ramdisk0", p->ramdisk },
		{ p->source == SOURCE_FOLDER ? "root.erofs" : "config",
		  p->source == SOURCE_FOLDER ? p->root : p->config },
		{ "oci-manifest", p->oci_manifest },
	};
	size_t n = p->source == SOURCE_OCI ? 5 : 4;

	if (json_array_size(list) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!take_digest(json_array_get(list, i), want[i].name, "sha256", want[i].out,
		                 DIGEST_LEN))
			return false;
	return true;
}

static bool take_command(json_t *list, struct provenance *p)
{
	p->argc = json_array_size(list);
	if (!json_is_array(list) || p->argc > PROVENANCE_ARGV_MAX)
		return false;
	p->words = calloc(p->argc + 1, sizeof *p->words);
	if (p->words == NULL)
		return false;
	p->argv = p->words;
	for (size_t i = 0; i < p->argc; i++)
		if ((p->words[i] = json_string_value(json_array_get(list, i))) == NULL)
			return false;
	return true;
}

/* Its digest is there for whoever has the file, and must be that of the text. */
static bool take_manifest(json_t *v, struct provenance *p)
{
	uint8_t stated[DIGEST_LEN], is[DIGEST_LEN];
	const char *hex, *text;
	size_t len;

	if (json_is_null(v))
		return p->channel != NULL;
	if (json_unpack_ex(v, NULL, JSON_STRICT, "{s:{s:s}, s:s%}", "digest", "sha256", &hex,
	                   "text", &text, &len) != 0)
		return false;
	p->manifest = slice_of((const uint8_t *)text, len);
	sha256_of(p->manifest, is);
	return len <= YAML_MAX && p->channel == NULL && p->argc == 0 &&
	       take_hex(hex, stated, DIGEST_LEN) && memcmp(stated, is, DIGEST_LEN) == 0;
}

/* A string or null. */
static bool take_maybe(json_t *v, const char **out)
{
	*out = json_string_value(v);
	return *out != NULL || json_is_null(v);
}

static bool take_parameters(json_t *v, struct provenance *p)
{
	json_t *ref, *manifest, *channel, *command;
	json_int_t epoch;
	const char *kind;
	size_t i = 0;

	if (json_unpack_ex(v, NULL, JSON_STRICT, "{s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o}",
	                   "source", &kind, "name", &p->name, "version", &p->version, "arch",
	                   &p->arch, "ref", &ref, "sourceDateEpoch", &epoch, "manifest", &manifest,
	                   "channel", &channel, "command", &command) != 0)
		return false;
	p->epoch = epoch;
	while (i < KINDS && strcmp(kind, kinds[i]) != 0)
		i++;
	p->source = (enum source_kind)i;
	return i < KINDS && epoch >= 0 && epoch <= METADATA_EPOCH_MAX && take_maybe(ref, &p->ref) &&
	       take_maybe(channel, &p->channel) && take_command(command, p) &&
	       take_manifest(manifest, p);
}

static bool take_statement(json_t *root, struct provenance *p)
{
	const char *type, *predicate, *build, *id, *version;
	json_t *subject, *parameter, *dependency;

	return json_unpack_ex(root, NULL, JSON_STRICT,
	                      "{s:s, s:o, s:s, s:{s:{s:s, s:o, s:o}, s:{s:{s:s, s:{s:s}}}}}",
	                      "_type", &type, "subject", &subject, "predicateType", &predicate,
	                      "predicate", "buildDefinition", "buildType", &build,
	                      "externalParameters", &parameter, "resolvedDependencies", &dependency,
	                      "runDetails", "builder", "id", &id, "version", "casemate-image",
	                      &version) == 0 &&
	       strcmp(type, statement_type) == 0 && strcmp(predicate, predicate_type) == 0 &&
	       strcmp(build, PROVENANCE_BUILD_TYPE) == 0 && strcmp(id, PROVENANCE_BUILDER) == 0 &&
	       take_subjects(subject, p) && take_parameters(parameter, p) &&
	       take_dependencies(dependency, p);
}

enum rc provenance_load(struct slice text, struct provenance *p, char why[METADATA_WHY_MAX])
{
	*p = (struct provenance){ 0 };
	if (text.len <= PROVENANCE_MAX)
		p->json = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (p->json == NULL)
		snprintf(why, METADATA_WHY_MAX, "it is not JSON of at most %d MiB",
		         PROVENANCE_MAX >> 20);
	else if (!take_statement(p->json, p))
		snprintf(why, METADATA_WHY_MAX, "it is no statement of `casemate-image build`");
	else
		return RC_OK;
	return RC_BAD;
}

void provenance_free(struct provenance *p)
{
	json_decref(p->json);
	free(p->words);
	*p = (struct provenance){ 0 };
}
