/* What `build` leaves: OUT.eif and beside it, OUT being its path without a final
 * ".eif",
 *
 *     OUT.measurements.json   what `build` prints (metadata.h)
 *     OUT.cdx.json            what it is made of (sbom.h)
 *     OUT.intoto.json         where it comes from (provenance.h)
 *     OUT.intoto.cose         the same, signed (seal.h); only of a signed image
 *
 * All of them or none: they are written under temporary names and get their own
 * together, the image last, while signals wait. When one cannot get its name, those
 * that had theirs are removed, and what they replaced is lost. An OUT.intoto.cose of an
 * earlier image goes when the new one is not signed.
 */
#ifndef IMAGE_OUTPUTS_H
#define IMAGE_OUTPUTS_H

#include <limits.h>

#include "tools/image/assemble.h"
#include "tools/image/oci_image.h"
#include "tools/image/provenance.h"

enum output {
	OUTPUT_MEASUREMENTS = 0,
	OUTPUT_SBOM = 1,
	OUTPUT_STATEMENT = 2,
	OUTPUT_SEAL = 3,
	OUTPUTS = 4,
};

/* The path of one; RC_LIMIT, printed, when it is too long. */
RC_CHECK enum rc outputs_path(const char *eif, enum output which, char path[PATH_MAX]);

/* How an image is made, for outputs_finish(). */
struct recipe {
	struct provenance parameters;     /* the options alone; the rest is filled in */
	const char *folder;               /* SRC, when it is one */
	struct oci_image *image;          /* when it is not, after packing */
	bool our_kernel, our_init;        /* those beside the program */
	const char *sign_key, *sign_cert; /* or NULL */
};

/* Signs the image whose sections are all in w, writes everything and gives it its
 * names, and prints the measurements. Prints its errors. */
RC_CHECK enum rc outputs_finish(struct eifwrite *w, struct outfile *of, struct recipe *r);

#endif
