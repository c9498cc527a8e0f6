#include "net/link.h"

enum rc link_next(struct slice *in, struct slice *packet)
{
	struct slice s = *in;
	uint32_t head;
	size_t len;

	/* What can be judged is judged before the rest is awaited. */
	if (s.len > 0 && s.p[0] != LINK_PACKET)
		return RC_BAD;
	if (!slice_u32_be(&s, &head))
		return RC_MORE;
	len = head & 0xffffff;
	if (len == 0 || len > LINK_PAYLOAD_MAX)
		return RC_BAD;
	if (!slice_take(&s, len, packet))
		return RC_MORE;
	*in = s;
	return RC_OK;
}

void link_head(uint8_t out[LINK_HEAD], size_t len)
{
	struct wbuf w = wbuf_of(out, LINK_HEAD);

	wbuf_u32_be(&w, (uint32_t)LINK_PACKET << 24 | (uint32_t)len);
}
