/* Well-formed CBOR (RFC 8949) as the Nitro hypervisor writes it: read in
 * place, leniently in form and strictly in bounds.
 *
 * base/dcbor.h is for our own messages and accepts one encoding of a value;
 * the security module's answers and documents use text keys, and lengths may
 * be indefinite or longer than needed. Accepted here: heads of any length,
 * indefinite arrays and maps. Refused: strings in chunks, tags, floats and
 * what is not well-formed. Pure: results point into the input, which anybody
 * may control.
 *
 * The reader is dcbor.h's, begun by dcbor_of and ended by dcbor_end, and latches
 * its first error likewise; zero, false or an empty slice from then on.
 */
#ifndef ATTEST_LCBOR_H
#define ATTEST_LCBOR_H

#include "appliance/base/dcbor.h"

/* An open array or map; of a map, an item is a pair. */
struct lcbor_seq {
	size_t left;     /* items that may still come */
	bool indefinite; /* ends with a break, not by count */
};

/* How deep lcbor_skip() follows arrays and maps. */
enum { LCBOR_DEPTH_MAX = 8 };

uint64_t lcbor_uint(struct dcbor *c, uint64_t max);
int64_t lcbor_int(struct dcbor *c);
bool lcbor_bool(struct dcbor *c);
struct slice lcbor_bytes(struct dcbor *c, size_t max);
struct slice lcbor_text(struct dcbor *c, size_t max); /* UTF-8 is not checked */

/* Opens an array or map of at most max items. */
void lcbor_array(struct dcbor *c, struct lcbor_seq *s, size_t max);
void lcbor_map(struct dcbor *c, struct lcbor_seq *s, size_t max);

/* Is there another item (pair)? The caller then reads all of it before it
 * calls again. False at the end, which is consumed, and on an error. */
bool lcbor_more(struct dcbor *c, struct lcbor_seq *s);

/* Is the next item a text string? Nothing is consumed. */
bool lcbor_is_text(const struct dcbor *c);

/* Takes the next item if it is null. */
bool lcbor_null(struct dcbor *c);

/* Drops one item, whatever it is and holds. RC_LIMIT beyond the depth. */
void lcbor_skip(struct dcbor *c);

#endif
