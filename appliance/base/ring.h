/* A ring of bytes in memory of the owner's. Bytes do not move while they are in
 * it, so that others can refer to them. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "appliance/base/slice.h"

struct ring {
	uint8_t *p;
	size_t max;     /* bytes at p */
	size_t at, len; /* the first byte, 0 when there is none, and how many */
};

/* The contiguous bytes from offset (at most len) on. */
struct slice ring_part(const struct ring *r, size_t offset);
/* n: at most max - len. */
void ring_put(struct ring *r, const uint8_t *p, size_t n);
/* Forgets the first n, at most len. An empty ring starts over, so that one that
 * is never full uses few pages. */
void ring_drop(struct ring *r, size_t n);

#endif
