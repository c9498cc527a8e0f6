#include "attest/touch.h"

#include "appliance/base/dcbor.h"

void touch_put(struct wbuf *w, const struct touch_record *r)
{
	dcbor_put_map(w, 6);
	dcbor_pair_uint(w, 1, r->number);
	dcbor_pair_uint(w, 2, r->time_s);
	dcbor_pair_text(w, 3, r->operation);
	dcbor_pair_text(w, 4, r->user);
	dcbor_pair_bytes(w, 5, r->digest);
	dcbor_pair_text(w, 6, r->summary);
}

void touch_chain(uint8_t head[SHA384_LEN], struct slice record)
{
	sha384_extend(head, record.p, record.len);
}
