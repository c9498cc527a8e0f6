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

#define METADATA_EPOCH_MAX 253402300799 /* the end of the year 9999 */

enum { METADATA_WHY_MAX = 256, METADATA_TIME_MAX = 32 };

struct json_t;

/* The section read and checked into *root, which metadata_free() gives back;
 * else RC_BAD, the reason in why, in ASCII, and *root NULL. */
RC_CHECK enum rc metadata_load(struct slice text, struct json_t **root, char why[METADATA_WHY_MAX]);
void metadata_free(struct json_t **root);

/* The build time: SOURCE_DATE_EPOCH or 0, never now, at most METADATA_EPOCH_MAX. RC_BAD
 * with the reason when that variable is not a number. */
RC_CHECK enum rc metadata_epoch(int64_t *seconds, char why[METADATA_WHY_MAX]);
/* As "1970-01-01T00:00:00Z". */
void metadata_time(int64_t seconds, char out[METADATA_TIME_MAX]);

struct metadata_info {
	const char *name, *version;
	const char *kernel; /* its version */
};

/* A section's text for an image of ours, of metadata_epoch()'s time; the caller frees
 * it. NULL with the reason in why, that function's or that a name is not UTF-8. */
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

/* text, which may be NULL and is taken, with a final newline. */
char *metadata_line(char *text);

#endif
