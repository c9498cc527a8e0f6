/* What of slice.h only programs outside the enclave call. */
#include "appliance/base/slice.h"

bool slice_u16_be(struct slice *s, uint16_t *v)
{
	struct slice b;

	if (!slice_take(s, 2, &b))
		return false;
	*v = (uint16_t)(b.p[0] << 8 | b.p[1]);
	return true;
}

void wbuf_u16_be(struct wbuf *w, uint16_t v)
{
	wbuf_u8(w, (uint8_t)(v >> 8));
	wbuf_u8(w, (uint8_t)v);
}
