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
 * The reader is dcbor.h's, begun by lcbor_of. Single values are read and its
 * first error is kept as there; arrays and maps are opened by what is below.
 */
#ifndef ATTEST_LCBOR_H
#define ATTEST_LCBOR_H

#include "appliance/base/dcbor.h"

struct dcbor lcbor_of(struct slice in);

/* An open array or map. */
struct lcbor_seq {
	bool indefinite; /* ends with a break, not by count */
	bool pairs;      /* a map in a walk, where keys and values count apart */
	uint64_t max;    /* items that may come; of a map not in a walk, pairs */
	uint64_t at;     /* that have come */
};

/* Opens an array or a map (DCBOR_ARRAY, DCBOR_MAP) of at most max items. */
void lcbor_open(struct dcbor *c, enum dcbor_kind kind, size_t max, struct lcbor_seq *s);

/* Is there another item (pair)? The caller then reads all of it before it
 * calls again. False at the end, which is consumed, and on an error. */
bool lcbor_more(struct dcbor *c, struct lcbor_seq *s);

/* Moves c to the value of a key of text in map, an item of its own; returns c.
 * RC_BAD unless it is there once; other pairs, of text and anything, do not
 * matter. */
struct dcbor *lcbor_at(struct dcbor *c, struct slice map, const char *key);

enum { LCBOR_DEPTH_MAX = 8 };

/* A walk through one item, whatever it is and holds: begins with zeros, is over
 * when depth is 0 after a step. */
struct lcbor_walk {
	size_t depth; /* arrays and maps that are open */
	struct lcbor_seq open[LCBOR_DEPTH_MAX];
};

/* Takes a value, or the head of an array or map, which is open then; or comes to
 * the end of the innermost: DCBOR_BREAK, also where none is written. False on
 * an error, RC_LIMIT beyond the depth. */
bool lcbor_step(struct dcbor *c, struct lcbor_walk *w, struct dcbor_item *it);

/* Drops one item. */
void lcbor_skip(struct dcbor *c);

#endif
