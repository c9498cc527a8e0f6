#include "tools/image/metadata.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "appliance/base/version.h"

static const char *const build_members[] = {
	"BuildTime", "BuildTool", "BuildToolVersion", "OperatingSystem", "KernelVersion",
};

enum { BUILD_MEMBERS = sizeof build_members / sizeof *build_members };

static enum rc missing(char why[METADATA_WHY_MAX], const char *what, const char *need)
{
	snprintf(why, METADATA_WHY_MAX, "%s is missing%s", what, need);
	return RC_BAD;
}

static enum rc check_members(const json_t *root, char why[METADATA_WHY_MAX])
{
	const json_t *build = json_object_get(root, "BuildMetadata");

	if (!json_is_object(root))
		return missing(why, "the object", "");
	if (!json_is_string(json_object_get(root, "ImageName")))
		return missing(why, "ImageName", " or not a string");
	if (!json_is_string(json_object_get(root, "ImageVersion")))
		return missing(why, "ImageVersion", " or not a string");
	if (!json_is_object(build))
		return missing(why, "BuildMetadata", " or not an object");
	for (size_t i = 0; i < BUILD_MEMBERS; i++)
		if (!json_is_string(json_object_get(build, build_members[i])))
			return missing(why, build_members[i], " in BuildMetadata or not a string");
	if (json_object_get(root, "DockerInfo") == NULL)
		return missing(why, "DockerInfo", " (null will do)");
	if (json_object_get(root, "CustomMetadata") == NULL)
		return missing(why, "CustomMetadata", " (null will do)");
	return RC_OK;
}

/* jansson's reason quotes the text, which is anybody's. */
static enum rc not_json(char why[METADATA_WHY_MAX], const json_error_t *error)
{
	snprintf(why, METADATA_WHY_MAX, "not JSON, line %d: %s", error->line, error->text);
	for (char *c = why; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return RC_BAD;
}

enum rc metadata_load(struct slice text, struct json_t **root, char why[METADATA_WHY_MAX])
{
	json_error_t error;

	*root = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, &error);
	if (*root == NULL)
		return not_json(why, &error);
	if (check_members(*root, why) == RC_OK)
		return RC_OK;
	metadata_free(root);
	return RC_BAD;
}

void metadata_free(struct json_t **root)
{
	json_decref(*root);
	*root = NULL;
}

enum rc metadata_epoch(int64_t *seconds, char why[METADATA_WHY_MAX])
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char *end = NULL;

	*seconds = 0;
	if (epoch == NULL || *epoch == '\0')
		return RC_OK;
	errno = 0;
	*seconds = strtoll(epoch, &end, 10);
	if (errno == 0 && *end == '\0' && *seconds >= 0 && *seconds <= METADATA_EPOCH_MAX)
		return RC_OK;
	snprintf(why, METADATA_WHY_MAX, "SOURCE_DATE_EPOCH '%.64s' is not a number of seconds",
	         epoch);
	return RC_BAD;
}

void metadata_time(int64_t seconds, char out[METADATA_TIME_MAX])
{
	struct tm tm;
	time_t t = (time_t)seconds;

	gmtime_r(&t, &tm);
	strftime(out, METADATA_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

char *metadata_default(const struct metadata_info *info, char why[METADATA_WHY_MAX])
{
	char when[METADATA_TIME_MAX];
	char *text = NULL;
	int64_t seconds;
	json_t *root;

	if (metadata_epoch(&seconds, why) != RC_OK)
		return NULL;
	metadata_time(seconds, when);
	root = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:n, s:n}", "ImageName",
	                 info->name, "ImageVersion", info->version, "BuildMetadata", "BuildTime",
	                 when, "BuildTool", "casemate-image", "BuildToolVersion", CASEMATE_VERSION,
	                 "OperatingSystem", "Linux", "KernelVersion", info->kernel, "DockerInfo",
	                 "CustomMetadata");
	if (root != NULL)
		text = json_dumps(root, JSON_COMPACT);
	if (text == NULL)
		snprintf(why, METADATA_WHY_MAX, "the image's name or version is not UTF-8");
	json_decref(root);
	return text;
}

static json_t *hex_of(const uint8_t *pcr)
{
	char hex[2 * SHA384_LEN + 1];

	hex_put(hex, slice_of(pcr, SHA384_LEN));
	return json_string(hex);
}

static json_t *measurements(const struct report *r)
{
	static const char *const names[] = { "PCR0", "PCR1", "PCR2" };
	json_t *m = json_pack("{s:s}", "HashAlgorithm", "Sha384 { ... }");

	for (size_t i = 0; i < 3; i++)
		json_object_set_new(m, names[i], hex_of(r->pcrs->pcr[i]));
	if (r->pcr8 != NULL)
		json_object_set_new(m, "PCR8", hex_of(r->pcr8));
	return m;
}

/* nitro-cli's Metadata: BuildMetadata's members, DockerInfo, and those of
 * CustomMetadata beside them. */
static json_t *flat_metadata(const json_t *root)
{
	const json_t *build = json_object_get(root, "BuildMetadata");
	json_t *custom = json_object_get(root, "CustomMetadata");
	json_t *flat = json_object();

	for (size_t i = 0; i < BUILD_MEMBERS; i++)
		json_object_set(flat, build_members[i], json_object_get(build, build_members[i]));
	json_object_set(flat, "DockerInfo", json_object_get(root, "DockerInfo"));
	if (json_is_object(custom))
		json_object_update_missing(flat, custom);
	else if (!json_is_null(custom))
		json_object_set(flat, "CustomMetadata", custom);
	return flat;
}

static char *print(json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	json_decref(root);
	return text;
}

char *metadata_print_measurements(const struct report *r)
{
	return print(json_pack("{s:o}", "Measurements", measurements(r)));
}

char *metadata_print_describe(const struct report *r)
{
	bool is_signed = r->pcr8 != NULL;
	json_t *root = json_pack("{s:i, s:o, s:b, s:b}", "EifVersion", (int)EIF_VERSION,
	                         "Measurements", measurements(r), "IsSigned", (int)is_signed,
	                         "CheckCRC", 1);

	if (is_signed)
		json_object_set_new(root, "SignatureCheck", json_true());
	json_object_set(root, "ImageName", json_object_get(r->metadata, "ImageName"));
	json_object_set(root, "ImageVersion", json_object_get(r->metadata, "ImageVersion"));
	json_object_set_new(root, "Metadata", flat_metadata(r->metadata));
	return print(root);
}

char *metadata_line(char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;
	char *line = text != NULL ? realloc(text, n + 2) : NULL;

	if (line == NULL)
		free(text);
	else
		memcpy(line + n, "\n", 2);
	return line;
}
