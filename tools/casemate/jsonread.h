/* JSON (RFC 8259) read in place: well-formed or refused, but for what strings
 * hold: escapes are looked at and not decoded, UTF-8 is not checked. Enough for
 * numbers, hex and base64, which need neither.
 *
 * The reader points into its input, which anybody may control, and latches its
 * first error (RC_BAD; RC_LIMIT too deep, too long or too large; RC_EOF); zero,
 * false or an empty slice from then on. Pure.
 *
 *     jsonread_object(&j, &o);
 *     while (jsonread_member(&j, &o, &key))
 *         if (slice_is(key, "number")) n = jsonread_uint(&j, MAX);
 *         else jsonread_skip(&j);
 *     rc = jsonread_end(&j);
 */
#ifndef TOOL_JSONREAD_H
#define TOOL_JSONREAD_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum { JSONREAD_DEPTH_MAX = 16 /* of what jsonread_skip follows */ };

struct jsonread {
	struct slice in;
	enum rc rc;
};

struct jsonread_seq {
	bool begun; /* a comma comes before the next */
};

struct jsonread jsonread_of(struct slice in);

void jsonread_object(struct jsonread *j, struct jsonread_seq *s);
/* The next member's name, as it is written; the caller reads its value before
 * it calls again. False at the end, which is consumed, and on an error. */
bool jsonread_member(struct jsonread *j, struct jsonread_seq *s, struct slice *key);

void jsonread_array(struct jsonread *j, struct jsonread_seq *s);
bool jsonread_item(struct jsonread *j, struct jsonread_seq *s);

/* Between the quotes, as it is written. */
struct slice jsonread_string(struct jsonread *j);
/* A number without sign, fraction or exponent. */
uint64_t jsonread_uint(struct jsonread *j, uint64_t max);
bool jsonread_null(struct jsonread *j); /* takes it if it is one */
void jsonread_skip(struct jsonread *j); /* any value */

void jsonread_fail(struct jsonread *j, enum rc rc);
RC_CHECK enum rc jsonread_end(struct jsonread *j); /* RC_BAD when more follows */

#endif
