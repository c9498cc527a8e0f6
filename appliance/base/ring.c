#include "appliance/base/ring.h"

struct slice ring_part(const struct ring *r, size_t offset)
{
	size_t at = (r->at + offset) % r->max, n = r->len - offset;

	return slice_of(r->p + at, n < r->max - at ? n : r->max - at);
}

void ring_put(struct ring *r, const uint8_t *p, size_t n)
{
	size_t at = (r->at + r->len) % r->max, first = n < r->max - at ? n : r->max - at;

	memcpy(r->p + at, p, first);
	memcpy(r->p, p + first, n - first);
	r->len += n;
}

void ring_drop(struct ring *r, size_t n)
{
	r->len -= n;
	r->at = r->len == 0 ? 0 : (r->at + n) % r->max;
}
