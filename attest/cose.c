#include "attest/cose.h"

#include "attest/lcbor.h"

enum { TAG_18 = 0xd2, HEADERS_MAX = 16 };

static void next(struct dcbor *c, struct lcbor_seq *seq)
{
	if (!lcbor_more(c, seq))
		dcbor_fail(c, RC_BAD);
}

static size_t count_unprotected(struct dcbor *c)
{
	struct lcbor_seq map;
	size_t n = 0;

	lcbor_open(c, DCBOR_MAP, HEADERS_MAX, &map);
	for (; lcbor_more(c, &map); n++) {
		lcbor_skip(c);
		lcbor_skip(c);
	}
	return n;
}

enum rc cose_parse(struct slice in, struct cose_sign1 *s)
{
	struct dcbor c = lcbor_of(in);
	struct lcbor_seq parts;

	memset(s, 0, sizeof *s);
	if (in.len > 0 && in.p[0] == TAG_18)
		c.in = slice_of(in.p + 1, in.len - 1);
	lcbor_open(&c, DCBOR_ARRAY, 4, &parts);
	next(&c, &parts);
	s->protected = dcbor_bytes(&c, COSE_MAX);
	next(&c, &parts);
	s->unprotected = count_unprotected(&c);
	next(&c, &parts);
	s->payload = dcbor_bytes(&c, COSE_MAX);
	next(&c, &parts);
	s->signature = dcbor_bytes(&c, COSE_SIGNATURE_MAX);
	if (lcbor_more(&c, &parts))
		dcbor_fail(&c, RC_BAD);
	return dcbor_end(&c);
}
