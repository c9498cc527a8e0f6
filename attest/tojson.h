/* CBOR that others wrote (attest/lcbor.h) as JSON, piece by piece like any
 * answer (attest/body.h). Unsigned numbers and text as they are, bytes as hex,
 * empty ones as null; keys are text or unsigned numbers. Input may be anybody's; the
 * output is at most six times as long, as deep as LCBOR_DEPTH_MAX, and may name a
 * key twice if the input does. */
#ifndef ATTEST_TOJSON_H
#define ATTEST_TOJSON_H

#include "attest/body.h"

enum { TOJSON_KEYS = 9 };

/* Writes the item that cbor is, or null when it is none, goes on behind it, or
 * has what is not above. keys, unless NULL: names for the keys 0 to
 * TOJSON_KEYS-1. bare: only what is between the outer brackets, and nothing in
 * place of null. */
void tojson_put(struct body *b, struct slice cbor, const char *const keys[TOJSON_KEYS], bool bare);

#endif
