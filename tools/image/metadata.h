/* The JSON of casemate-image: an EIF's metadata section, and what the tool
 * prints. The file that wraps jansson.
 *
 * The metadata are not measured: anybody who has the image can change them,
 * and in an image they are anybody's input. A section is accepted when it has
 * what nitro-cli asks for: ImageName and ImageVersion, BuildMetadata
 * {BuildTime, BuildTool, BuildToolVersion, OperatingSystem, KernelVersion},
 * all strings, and DockerInfo and CustomMetadata of any type. Duplicate keys,
 * bytes after the object and what is not UTF-8 are refused.
 */
#ifndef IMAGE_METADATA_H
#define IMAGE_METADATA_H

#include "appliance/base/rc.h"
#include "tools/image/pcr.h"

#define IMAGE_TOOL_VERSION "0.1.0"

enum { METADATA_WHY_MAX = 256 };

struct json_t;

/* The section read and checked into *root, which metadata_free() gives back;
 * else RC_BAD, the reason in why, in ASCII, and *root NULL. */
RC_CHECK enum rc metadata_load(struct slice text, struct json_t **root, char why[METADATA_WHY_MAX]);
void metadata_free(struct json_t **root);

struct metadata_info {
	const char *name, *version;
	const char *kernel; /* its version */
};

/* A section's text for an image of ours; the caller frees it. The build time
 * is SOURCE_DATE_EPOCH's or the beginning of 1970, never now. NULL with the
 * reason in why when that variable is not a number or a name is not UTF-8. */
char *metadata_default(const struct metadata_info *info, char why[METADATA_WHY_MAX]);

struct report {
	const struct pcrs *pcrs;
	const uint8_t *pcr8; /* NULL when the image is not signed */
	struct json_t *metadata;
};

/* Texts with nitro-cli's member names (build-enclave, describe-eif), without
 * a final newline, in ASCII and without control characters but newline and DEL:
 * nothing of an image's author reaches a terminal that it would obey. The
 * caller frees them. NULL when memory is out. */
char *metadata_print_measurements(const struct report *r);
char *metadata_print_describe(const struct report *r);

#endif
