#include "attest/cose.h"

#include "attest/lcbor.h"

enum { TAG_18 = 0xd2, HEADERS_MAX = 16, LABEL_ALG = 1, LABEL_CRIT = 2, LABEL_MAX = 31 };

static void next(struct dcbor *c, struct lcbor_seq *seq)
{
	if (!lcbor_more(c, seq))
		dcbor_fail(c, RC_BAD);
}

static enum rc parse_protected(struct slice in, int64_t *algorithm)
{
	struct dcbor c = dcbor_of(in);
	struct lcbor_seq map;
	uint32_t seen = 0;

	*algorithm = COSE_ALG_NONE;
	if (in.len == 0)
		return RC_OK;
	lcbor_map(&c, &map, HEADERS_MAX);
	while (lcbor_more(&c, &map)) {
		uint32_t label = (uint32_t)lcbor_uint(&c, LABEL_MAX);

		if (c.rc != RC_OK || label == LABEL_CRIT || seen >> label & 1)
			return RC_BAD;
		seen |= UINT32_C(1) << label;
		if (label == LABEL_ALG)
			*algorithm = lcbor_int(&c);
		else
			lcbor_skip(&c);
	}
	return dcbor_end(&c);
}

static size_t count_unprotected(struct dcbor *c)
{
	struct lcbor_seq map;
	size_t n = 0;

	lcbor_map(c, &map, HEADERS_MAX);
	for (; lcbor_more(c, &map); n++) {
		lcbor_skip(c);
		lcbor_skip(c);
	}
	return n;
}

enum rc cose_parse(struct slice in, struct cose_sign1 *s)
{
	struct dcbor c = dcbor_of(in);
	struct lcbor_seq parts;

	memset(s, 0, sizeof *s);
	if (in.len > 0 && in.p[0] == TAG_18)
		c.in = slice_of(in.p + 1, in.len - 1);
	lcbor_array(&c, &parts, 4);
	next(&c, &parts);
	s->protected = lcbor_bytes(&c, COSE_MAX);
	next(&c, &parts);
	s->unprotected = count_unprotected(&c);
	next(&c, &parts);
	s->payload = lcbor_bytes(&c, COSE_MAX);
	next(&c, &parts);
	s->signature = lcbor_bytes(&c, COSE_SIGNATURE_MAX);
	if (lcbor_more(&c, &parts))
		dcbor_fail(&c, RC_BAD);
	if (dcbor_end(&c) != RC_OK)
		return c.rc;
	return parse_protected(s->protected, &s->algorithm);
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
