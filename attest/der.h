/* DER (X.690) read in place, strictly: one encoding of every value, definite
 * lengths of at most 65,535 bytes in as few bytes as they take, tags of one
 * byte. What X.509 needs of it (RFC 5280).
 *
 * The reader points into its input, which anybody may control, and latches its
 * first error: zero or an empty slice from then on. Pure.
 */
#ifndef ATTEST_DER_H
#define ATTEST_DER_H

#include <stdbool.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_CONTEXT = 0xa0, /* + number: constructed */
};

struct der {
	struct slice in; /* what is left */
	enum rc rc;      /* RC_OK, or the first error: RC_BAD or RC_EOF */
};

struct der der_of(struct slice in);

/* Is there another element, of this tag? Nothing is consumed. */
bool der_is(const struct der *d, uint8_t tag);

/* The contents of the next element, which must be of this tag. */
struct slice der_take(struct der *d, uint8_t tag);

/* The next element with its head. */
struct slice der_whole(struct der *d, uint8_t tag);

bool der_bool(struct der *d);

/* INTEGER: its bytes without a leading zero; negative ones are RC_BAD. Zero
 * comes as one zero byte. */
struct slice der_positive(struct der *d);
uint32_t der_uint(struct der *d, uint32_t max);

/* BIT STRING of whole bytes. */
struct slice der_bits(struct der *d);

/* BIT STRING of named bits, at most 16: bit n of the result is the named bit
 * n. */
uint16_t der_flags(struct der *d);

/* UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 wants them, in seconds since
 * 1970 (negative before). A GeneralizedTime before 2050 is let pass. */
int64_t der_time(struct der *d);

void der_fail(struct der *d, enum rc rc);

/* RC_OK when all was read without error, RC_BAD on trailing bytes. */
RC_CHECK enum rc der_end(struct der *d);

#endif
