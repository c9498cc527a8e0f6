/* The steps that `eif build` and `build` share: filling an EIF from files,
 * signing it, and printing what it measures. All print their own errors.
 */
#ifndef IMAGE_ASSEMBLE_H
#define IMAGE_ASSEMBLE_H

#include "tools/image/eifwrite.h"
#include "tools/image/image.h"
#include "tools/image/outfile.h"
#include "tools/image/signer.h"

/* A section with everything that can be read from path, then zero bytes up to a
 * multiple of align (1 or CPIO_ALIGN); `what` is its name in messages. Pipes
 * will do. */
RC_CHECK enum rc assemble_file(struct eifwrite *w, enum eif_type type, const char *what,
                               const char *path, unsigned align);

/* A section from memory. */
RC_CHECK enum rc assemble_bytes(struct eifwrite *w, enum eif_type type, struct slice data);

/* All of a small file into *text, which the caller frees; at most max bytes. */
RC_CHECK enum rc assemble_read(const char *what, const char *path, size_t max, uint8_t **text,
                               struct slice *s);

/* Finishes the image whose sections are all in w, signs it when signer is not NULL,
 * and reads it back into *im as a stranger would; `name` is its name in messages. *im
 * is zeros before and closed by the caller. */
RC_CHECK enum rc assemble_seal(struct eifwrite *w, const char *name, const struct signer *signer,
                               struct image *im);

/* Its measurements on standard output. */
RC_CHECK enum rc assemble_print(const struct image *im);

/* Both of the above, with a key that may be NULL, and between them gives the image
 * in of its name. */
RC_CHECK enum rc assemble_finish(struct eifwrite *w, struct outfile *of, const char *key,
                                 const char *cert);

#endif
