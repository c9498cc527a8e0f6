/* Writes an EIF into a file, section by section, in any size and with bounded
 * memory: begin a section, write to the descriptor, end it; when all are
 * there, finish. The order is the caller's to keep; eif_parse() over the
 * result says whether it did.
 */
#ifndef IMAGE_EIFWRITE_H
#define IMAGE_EIFWRITE_H

#include "appliance/base/rc.h"
#include "tools/image/eif.h"

struct eifwrite {
	int fd; /* an empty, seekable file, open for reading and writing */
	bool aarch64;
	uint16_t sections;
	uint64_t offset[EIF_SECTIONS_MAX];
	uint64_t size[EIF_SECTIONS_MAX];
};

/* All: RC_IO with errno. */
RC_CHECK enum rc eifwrite_start(struct eifwrite *w, int fd, bool aarch64);

/* RC_LIMIT when there are 32 sections already. */
RC_CHECK enum rc eifwrite_begin(struct eifwrite *w);
RC_CHECK enum rc eifwrite_end(struct eifwrite *w, enum eif_type type);

/* begin, the bytes, end. */
RC_CHECK enum rc eifwrite_section(struct eifwrite *w, enum eif_type type, struct slice data);

/* Writes the header. More sections may follow, and another finish. */
RC_CHECK enum rc eifwrite_finish(struct eifwrite *w);

#endif
