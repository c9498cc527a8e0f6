#include "attest/claims.h"

#include "appliance/base/dcbor.h"

void claims_put(struct wbuf *w, uint64_t touches, const uint8_t head[SHA384_LEN])
{
	dcbor_put_map(w, 4);
	dcbor_pair_uint(w, 1, CLAIMS_VERSION);
	dcbor_pair_text(w, 2, slice_str("tls"));
	dcbor_pair_uint(w, 3, touches);
	dcbor_pair_bytes(w, 4, slice_of(head, SHA384_LEN));
}
