/* Claims of every purpose, written: an enclave of ours writes those of one. */
#ifndef TESTS_UNIT_CLAIMS_ANY_H
#define TESTS_UNIT_CLAIMS_ANY_H

#include "appliance/base/dcbor.h"
#include "attest/claims_read.h"

static inline void claims_any(struct wbuf *w, const struct claims *c)
{
	dcbor_put_map(w, 4u + (c->tree.len > 0) + (c->digest.len > 0));
	dcbor_pair_uint(w, 1, CLAIMS_VERSION);
	dcbor_pair_text(w, 2, slice_str(claims_purpose(c->purpose)));
	dcbor_pair_uint(w, 3, c->touches);
	dcbor_pair_bytes(w, 4, slice_of(c->head, sizeof c->head));
	if (c->tree.len > 0)
		dcbor_pair_bytes(w, 5, c->tree);
	if (c->digest.len > 0)
		dcbor_pair_bytes(w, 6, c->digest);
}

#endif
