#include "net/link.h"

enum rc link_next(struct slice *in, enum link_kind *kind, struct slice *payload)
{
	struct slice s = *in;
	uint32_t head;
	size_t len, max = s.len > 0 && s.p[0] == LINK_HELLO ? 1 : LINK_PAYLOAD_MAX;

	/* What can be judged is judged before the rest is awaited. */
	if (s.len > 0 && (s.p[0] < LINK_PACKET || s.p[0] > LINK_HELLO))
		return RC_BAD;
	if (!slice_u32_be(&s, &head))
		return RC_MORE;
	len = head & 0xffffff;
	if (len == 0 || len > max)
		return RC_BAD;
	if (!slice_take(&s, len, payload))
		return RC_MORE;
	*kind = (enum link_kind)(head >> 24);
	*in = s;
	return RC_OK;
}

void link_head(uint8_t out[LINK_HEAD], enum link_kind kind, size_t len)
{
	struct wbuf w = wbuf_of(out, LINK_HEAD);

	wbuf_u32_be(&w, (uint32_t)kind << 24 | (uint32_t)len);
}
