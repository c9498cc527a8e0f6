#include "attest/claims_read.h"

#include "appliance/base/dcbor.h"

enum { WORD_MAX = 8 };

const char *claims_purpose(enum purpose p)
{
	static const char *const purposes[] = { "tls", "file", "app" };

	return (unsigned)p < sizeof purposes / sizeof *purposes ? purposes[p] : "?";
}

static enum purpose take_purpose(struct dcbor *d)
{
	struct slice s = dcbor_text(d, WORD_MAX);

	for (enum purpose p = PURPOSE_TLS; p <= PURPOSE_APP; p++)
		if (slice_is(s, claims_purpose(p)))
			return p;
	dcbor_fail(d, RC_BAD);
	return PURPOSE_TLS;
}

static struct slice take_digest(struct dcbor *d)
{
	struct slice s = dcbor_bytes(d, SHA384_LEN);

	if (s.len != SHA384_LEN)
		dcbor_fail(d, RC_BAD);
	return s;
}

enum rc claims_parse(struct slice in, struct claims *c)
{
	struct dcbor d = dcbor_of(in);
	struct slice head;

	memset(c, 0, sizeof *c);
	if (in.len > CLAIMS_MAX)
		return RC_LIMIT;
	dcbor_record(&d);
	if (dcbor_uint(dcbor_need(&d, 1), UINT32_MAX) != CLAIMS_VERSION)
		dcbor_fail(&d, RC_BAD);
	c->purpose = take_purpose(dcbor_need(&d, 2));
	c->touches = dcbor_uint(dcbor_need(&d, 3), INT64_MAX);
	head = take_digest(dcbor_need(&d, 4));
	if (dcbor_has(&d, 5))
		c->tree = take_digest(&d);
	if (dcbor_has(&d, 6))
		c->digest = take_digest(&d);
	/* A digest of what was asked, exactly where something was. */
	if ((c->digest.len > 0) == (c->purpose == PURPOSE_TLS))
		dcbor_fail(&d, RC_BAD);
	if (dcbor_end(&d) == RC_OK)
		memcpy(c->head, head.p, sizeof c->head);
	return d.rc;
}
