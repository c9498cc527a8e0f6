/* Where an image comes from: an in-toto Statement v1 (github.com/in-toto/attestation)
 * with SLSA's provenance v1 (slsa.dev/spec/v1.0/provenance) as predicate. Wraps jansson.
 *
 *   subject               the EIF (SHA-256, SHA-384); PCR0, PCR1, PCR2 and, when it is
 *                         signed, PCR8 (SHA-384)
 *   externalParameters    what was asked for, as far as it decides the bytes; a manifest
 *                         with its text, which stands for --channel and a command
 *   resolvedDependencies  the EIF's kernel, cmdline and ramdisk0, as `eif extract`
 *                         writes them; of SRC its root.erofs (a folder), its config (a
 *                         container image) and its oci-manifest (an OCI layout)
 *
 * Nothing of the moment or the machine is in it: the same build writes the same bytes.
 * Of a statement that is read, which may be anybody's, every member must be there and
 * no other.
 */
#ifndef IMAGE_PROVENANCE_H
#define IMAGE_PROVENANCE_H

#include "tools/image/digest.h"
#include "tools/image/image.h"
#include "tools/image/yaml.h"

#define PROVENANCE_BUILD_TYPE "urn:casemate:image-build:1"
#define PROVENANCE_BUILDER    "urn:casemate:casemate-image"

enum {
	/* Bytes of a statement: escapes make a manifest three times as long, and a command
	 * of 64 KiB six times. */
	PROVENANCE_MAX = 3 * YAML_MAX + (1 << 20),
	PROVENANCE_ARGV_MAX = 4096,
};

enum source_kind {
	SOURCE_FOLDER = 0,
	SOURCE_OCI = 1,    /* an image layout, in a folder or an archive */
	SOURCE_DOCKER = 2, /* of docker save */
};

struct provenance {
	const char *eif; /* its name, without folder */
	uint8_t sha256[DIGEST_LEN], sha384[SHA384_LEN];
	struct pcrs pcrs;
	bool is_signed;
	uint8_t pcr8[SHA384_LEN];

	const char *name, *version, *arch; /* options of `build` */
	const char *ref;                   /* or NULL */
	int64_t epoch;                     /* SOURCE_DATE_EPOCH or 0 */
	struct slice manifest;             /* --manifest's text; p NULL: without one */
	const char *channel;               /* NULL with a manifest */
	size_t argc;                       /* 0 with a manifest */
	const char *const *argv;           /* the words after -- */

	uint8_t kernel[DIGEST_LEN], cmdline[DIGEST_LEN], ramdisk[DIGEST_LEN];
	enum source_kind source;
	uint8_t root[DIGEST_LEN];         /* SOURCE_FOLDER */
	uint8_t config[DIGEST_LEN];       /* the others */
	uint8_t oci_manifest[DIGEST_LEN]; /* SOURCE_OCI */

	struct json_t *json; /* of one that was read: owns its strings */
	const char **words;  /* likewise: argv */
};

/* Sets what an image that was opened says itself, when p->source is set; RC_ABSENT,
 * printed, when it is not one of `build`. */
RC_CHECK enum rc provenance_measure(struct provenance *p, const struct image *im);

/* Whether s is UTF-8: all of a statement is. */
bool provenance_is_text(const char *s);

/* The statement's text, which the caller frees, with a final newline; NULL with the
 * reason in why when a word is not UTF-8 or memory is out. */
char *provenance_print(const struct provenance *p, char why[METADATA_WHY_MAX]);

/* Reads one; RC_BAD or RC_LIMIT with the reason in why. *p may be freed whatever the
 * result. */
RC_CHECK enum rc provenance_load(struct slice text, struct provenance *p,
                                 char why[METADATA_WHY_MAX]);
void provenance_free(struct provenance *p);

/* Whether both are of the same image: digests, registers, and the parts that
 * provenance_measure() sets. The reason in *why. */
RC_CHECK enum rc provenance_compare(const struct provenance *stated, const struct provenance *is,
                                    const char **why);

#endif
