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
 * A reader latches its first error (RC_BAD malformed or another type,
 * RC_LIMIT over the caller's max, RC_EOF the input ends inside an item) and
 * returns zero, false or an empty slice from then on.
 */
#ifndef ATTEST_LCBOR_H
#define ATTEST_LCBOR_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

struct lcbor {
	struct slice in; /* what is left */
	enum rc rc;      /* RC_OK, or the first error */
};

/* An open array or map; of a map, an item is a pair. */
struct lcbor_seq {
	size_t left;     /* items that may still come */
	bool indefinite; /* ends with a break, not by count */
};

/* How deep lcbor_skip() follows arrays and maps. */
enum { LCBOR_DEPTH_MAX = 8 };

struct lcbor lcbor_of(struct slice in);

uint64_t lcbor_uint(struct lcbor *c, uint64_t max);
bool lcbor_bool(struct lcbor *c);
struct slice lcbor_bytes(struct lcbor *c, size_t max);
struct slice lcbor_text(struct lcbor *c, size_t max); /* UTF-8 is not checked */

/* Opens an array or map of at most max items. */
void lcbor_array(struct lcbor *c, struct lcbor_seq *s, size_t max);
void lcbor_map(struct lcbor *c, struct lcbor_seq *s, size_t max);

/* Is there another item (pair)? The caller then reads all of it before it
 * calls again. False at the end, which is consumed, and on an error. */
bool lcbor_more(struct lcbor *c, struct lcbor_seq *s);

/* Is the next item a text string? Nothing is consumed. */
bool lcbor_is_text(const struct lcbor *c);

/* Drops one item, whatever it is and holds. RC_LIMIT beyond the depth. */
void lcbor_skip(struct lcbor *c);

/* RC_OK when everything was read without error, RC_BAD on trailing bytes,
 * else the latched error. */
RC_CHECK enum rc lcbor_end(struct lcbor *c);

#endif
