/* Deterministically encoded CBOR (RFC 8949 §4.2.1), read and written in place.
 *
 * The one file that wraps libcbor: its streaming decoder and its encoders,
 * neither of which allocates. The reader is pure: it points into the input
 * and accepts only shortest-form heads, definite lengths, no tags and no
 * floats. Input may be controlled by anybody. (attest/lcbor.h begins the same
 * reader for what others wrote: any form of a head will do there.)
 *
 * Both directions latch: after the first error every reader returns zero or
 * an empty slice and `rc` keeps the cause (RC_BAD malformed or another type,
 * RC_LIMIT longer than the caller's max, RC_EOF the input ends inside an
 * item); writers latch wbuf.over.
 */
#ifndef BASE_DCBOR_H
#define BASE_DCBOR_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

struct dcbor {
	struct slice in; /* what is left */
	enum rc rc;      /* RC_OK, or the first error */
	size_t pairs;    /* of the record: not yet read */
	bool any_form;   /* heads may be longer than needed */
};

struct dcbor dcbor_of(struct slice in);

/* One item in any well-formed encoding but tags, floats and strings in chunks:
 * for attest/lcbor.h, which reads what others wrote, and for the above. */
enum dcbor_kind {
	DCBOR_REFUSED,
	DCBOR_UINT,
	DCBOR_NEGINT,
	DCBOR_BYTES,
	DCBOR_TEXT,
	DCBOR_ARRAY,
	DCBOR_MAP,
	DCBOR_BOOL,
	DCBOR_NIL,
	DCBOR_BREAK,
};

struct dcbor_item {
	enum dcbor_kind kind;
	bool indefinite;     /* array or map; ends with a DCBOR_BREAK */
	uint64_t v;          /* the value, or the length */
	const uint8_t *data; /* of strings */
	size_t size;         /* bytes: strings whole, of arrays and maps the head */
};

/* Takes the item at the front of in. RC_BAD, RC_EOF: in stays as it is. */
RC_CHECK enum rc dcbor_take(struct slice *in, struct dcbor_item *it);

uint64_t dcbor_uint(struct dcbor *d, uint64_t max);
int64_t dcbor_int(struct dcbor *d);
bool dcbor_bool(struct dcbor *d);
struct slice dcbor_bytes(struct dcbor *d, size_t max);
struct slice dcbor_text(struct dcbor *d, size_t max); /* UTF-8 is not checked */
size_t dcbor_array(struct dcbor *d, size_t max);      /* number of items */
size_t dcbor_map(struct dcbor *d, size_t max);        /* number of pairs */

/* DCBOR_BYTES or DCBOR_TEXT, of at least min bytes and without NUL, else RC_BAD; an
 * array of such, empty ones too. */
struct slice dcbor_string(struct dcbor *d, enum dcbor_kind kind, size_t min, size_t max);
size_t dcbor_strings(struct dcbor *d, enum dcbor_kind kind, struct slice *out, size_t items,
                     size_t max);
/* Exactly n bytes into out, which is left alone unless there are. */
void dcbor_copy(struct dcbor *d, void *out, size_t n);
/* An array of a user, a group and further groups, at least two. Never -1, which the
 * system takes for "as it is". */
size_t dcbor_ids(struct dcbor *d, uint32_t *out, size_t items);

/* Latches rc, unless there was an error before: for callers whose rules go
 * further than a value's type. */
void dcbor_fail(struct dcbor *d, enum rc rc);

/* A record is a map with unsigned keys, read in their ascending order, one
 * question a key: what has not been asked for when dcbor_end comes (an unknown
 * key, one twice, another order) is RC_BAD.
 *
 *     dcbor_record(&d);
 *     x->number = dcbor_uint(dcbor_need(&d, 1), 99);
 *     if (dcbor_has(&d, 2))
 *         x->name = dcbor_bytes(&d, NAME_MAX);
 *     return dcbor_end(&d);
 *
 * One record at a time: none in another. */
void dcbor_record(struct dcbor *d);

/* Is this the next key? Then it is taken, and its value is to be read. */
bool dcbor_has(struct dcbor *d, uint64_t key);

/* The same, RC_BAD unless it is; returns d. */
struct dcbor *dcbor_need(struct dcbor *d, uint64_t key);

/* RC_OK when everything was read without error, RC_BAD on trailing bytes or
 * pairs, else the latched error. */
RC_CHECK enum rc dcbor_end(struct dcbor *d);

void dcbor_put_uint(struct wbuf *w, uint64_t v);
void dcbor_put_int(struct wbuf *w, int64_t v);
void dcbor_put_bool(struct wbuf *w, bool v);
void dcbor_put_bytes(struct wbuf *w, struct slice s);
void dcbor_put_text(struct wbuf *w, struct slice s);
void dcbor_put_array(struct wbuf *w, size_t items);
void dcbor_put_map(struct wbuf *w, size_t pairs);

/* A pair of a record. */
void dcbor_pair_uint(struct wbuf *w, uint64_t key, uint64_t v);
void dcbor_pair_bytes(struct wbuf *w, uint64_t key, struct slice s);
void dcbor_pair_text(struct wbuf *w, uint64_t key, struct slice s);

#endif
