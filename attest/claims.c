#include "attest/claims.h"

#include "appliance/base/dcbor.h"

enum { VERSION = 1, PURPOSE, TOUCHES, HEAD, TREE, DIGEST, WORD_MAX = 8 };

static const char *const purposes[] = { "tls", "file", "app" };
enum { PURPOSES = sizeof purposes / sizeof purposes[0] };

const char *claims_purpose(enum purpose p)
{
	return (unsigned)p < PURPOSES ? purposes[p] : "?";
}

void claims_put(struct wbuf *w, const struct claims *c)
{
	dcbor_put_map(w, 4u + (c->tree.len > 0) + (c->digest.len > 0));
	dcbor_pair_uint(w, VERSION, CLAIMS_VERSION);
	dcbor_pair_text(w, PURPOSE, slice_str(claims_purpose(c->purpose)));
	dcbor_pair_uint(w, TOUCHES, c->touches);
	dcbor_pair_bytes(w, HEAD, slice_of(c->head, sizeof c->head));
	if (c->tree.len > 0)
		dcbor_pair_bytes(w, TREE, c->tree);
	if (c->digest.len > 0)
		dcbor_pair_bytes(w, DIGEST, c->digest);
}

static enum purpose take_purpose(struct dcbor *d)
{
	struct slice s = dcbor_text(d, WORD_MAX);

	for (unsigned i = 0; i < PURPOSES; i++)
		if (slice_is(s, purposes[i]))
			return (enum purpose)i;
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
	if (dcbor_uint(dcbor_need(&d, VERSION), UINT64_MAX) != CLAIMS_VERSION)
		dcbor_fail(&d, RC_BAD);
	c->purpose = take_purpose(dcbor_need(&d, PURPOSE));
	c->touches = dcbor_uint(dcbor_need(&d, TOUCHES), INT64_MAX);
	head = take_digest(dcbor_need(&d, HEAD));
	if (head.len == SHA384_LEN)
		memcpy(c->head, head.p, SHA384_LEN);
	if (dcbor_has(&d, TREE))
		c->tree = take_digest(&d);
	/* A digest of what was asked, exactly where something was. */
	if (c->purpose != PURPOSE_TLS)
		c->digest = take_digest(dcbor_need(&d, DIGEST));
	return dcbor_end(&d);
}
