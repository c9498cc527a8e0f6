/* What an image is made of: a bill of materials in CycloneDX 1.5 JSON
 * (cyclonedx.org). Wraps jansson.
 *
 * Components: the sources of Casemate's own parts (pinned.h), or, of a kernel or first
 * ramdisk that the caller brought, the file itself; and the packages that the
 * databases of the app's root say are installed. The same image and databases give the
 * same text. What an image's databases say is its maker's word.
 */
#ifndef IMAGE_SBOM_H
#define IMAGE_SBOM_H

#include "tools/image/databases.h"
#include "tools/image/provenance.h"

enum { SBOM_PACKAGES_MAX = 100000 };

struct sbom {
	const struct provenance *image;
	bool our_kernel, our_init; /* those beside the program */
	struct databases *databases;
};

/* The text, which the caller frees, with a final newline; NULL, which is printed, when
 * memory is out. What could not be read is warned of, and the bill says that it is
 * incomplete. */
char *sbom_print(const struct sbom *s);

#endif
