/* A whole EIF: opened, checked to the last byte, measured.
 *
 * The file is anybody's. It is mapped, so its size does not matter for
 * memory; a file that becomes shorter meanwhile ends the program
 * (outfile.h). Functions print their own errors, with the file's name.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "tools/image/metadata.h"

struct image {
	struct slice file; /* mapped; what follows points into it */
	struct eif eif;
	struct pcrs pcrs;
	uint8_t pcr8[SHA384_LEN]; /* only when eif.is_signed */
	struct json_t *metadata;
};

/* Layout, CRC, metadata and, where there is one, the signature: it must
 * verify under its certificate and name this image's PCR0. RC_BAD or
 * RC_MISMATCH refuse the file. *im may be closed whatever the result. */
RC_CHECK enum rc image_load(struct image *im, int fd, const char *name);
RC_CHECK enum rc image_open(struct image *im, const char *path);
void image_close(struct image *im);

/* What describe and build print. */
struct report image_report(const struct image *im);

#endif
