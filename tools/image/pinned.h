/* The sources of what Casemate itself puts into an image, as tools/build/lock had
 * them when this program was built. The Makefile writes the list, so that it does not
 * need the source tree any more.
 */
#ifndef IMAGE_PINNED_H
#define IMAGE_PINNED_H

struct pinned {
	const char *name, *version;
	const char *file;   /* of the archive */
	const char *sha256; /* its, in hexadecimal */
};

/* Up to one without a name. "linux" is the kernel's, the others are of the first
 * ramdisk. */
extern const struct pinned pinned_sources[];

#endif
