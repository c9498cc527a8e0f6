/* What of dcbor.h only programs outside the enclave call. */
#include "appliance/base/dcbor.h"

void dcbor_put_bool(struct wbuf *w, bool v)
{
	wbuf_u8(w, v ? 0xf5 : 0xf4);
}

/* The head of an array is an integer's but for the major type. */
void dcbor_put_array(struct wbuf *w, size_t items)
{
	size_t at = w->len;

	dcbor_put_uint(w, items);
	if (!w->over)
		w->p[at] |= 4 << 5;
}
