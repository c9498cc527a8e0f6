/* What of slice.h only programs outside the enclave call. */
#include "appliance/base/slice.h"

void wbuf_u16_be(struct wbuf *w, uint16_t v)
{
	wbuf_u8(w, (uint8_t)(v >> 8));
	wbuf_u8(w, (uint8_t)v);
}
