/* The half of cose.h that only who verifies needs. */
#include "attest/cose.h"

#include "attest/lcbor.h"

enum { HEADERS_MAX = 16, LABEL_ALG = 1, LABEL_CRIT = 2, LABEL_MAX = 31 };

enum rc cose_algorithm(const struct cose_sign1 *s, int64_t *algorithm)
{
	struct dcbor c = lcbor_of(s->protected);
	struct lcbor_seq map;
	uint32_t seen = 0;

	*algorithm = COSE_ALG_NONE;
	if (s->protected.len == 0)
		return RC_OK;
	lcbor_open(&c, DCBOR_MAP, HEADERS_MAX, &map);
	while (lcbor_more(&c, &map)) {
		uint32_t label = (uint32_t)dcbor_uint(&c, LABEL_MAX);

		if (c.rc != RC_OK || label == LABEL_CRIT || seen >> label & 1)
			return RC_BAD;
		seen |= UINT32_C(1) << label;
		if (label == LABEL_ALG)
			*algorithm = dcbor_int(&c);
		else
			lcbor_skip(&c);
	}
	return dcbor_end(&c);
}

void cose_put_tbs(struct wbuf *w, const struct cose_sign1 *s, struct slice external)
{
	/* An empty map counts as no protected header at all. */
	bool none = s->protected.len == 1;

	dcbor_put_array(w, 4);
	dcbor_put_text(w, slice_str("Signature1"));
	dcbor_put_bytes(w, none ? slice_of(NULL, 0) : s->protected);
	dcbor_put_bytes(w, external);
	dcbor_put_bytes(w, s->payload);
}
