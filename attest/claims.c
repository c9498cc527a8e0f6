#include "attest/claims.h"

#include "appliance/base/dcbor.h"

enum { VERSION = 1, PURPOSE, TOUCHES, HEAD, TREE, DIGEST, KEY_MAX = DIGEST, WORD_MAX = 8 };

static const char *const purposes[] = { "tls", "file", "app" };
enum { PURPOSES = sizeof purposes / sizeof purposes[0] };

const char *claims_purpose(enum purpose p)
{
	return (unsigned)p < PURPOSES ? purposes[p] : "?";
}

void claims_put(struct wbuf *w, const struct claims *c)
{
	dcbor_put_map(w, 4u + (c->tree.len > 0) + (c->digest.len > 0));
	dcbor_put_uint(w, VERSION);
	dcbor_put_uint(w, CLAIMS_VERSION);
	dcbor_put_uint(w, PURPOSE);
	dcbor_put_text(w, slice_str(claims_purpose(c->purpose)));
	dcbor_put_uint(w, TOUCHES);
	dcbor_put_uint(w, c->touches);
	dcbor_put_uint(w, HEAD);
	dcbor_put_bytes(w, slice_of(c->head, sizeof c->head));
	if (c->tree.len > 0) {
		dcbor_put_uint(w, TREE);
		dcbor_put_bytes(w, c->tree);
	}
	if (c->digest.len > 0) {
		dcbor_put_uint(w, DIGEST);
		dcbor_put_bytes(w, c->digest);
	}
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

static void take_head(struct dcbor *d, uint8_t head[SHA384_LEN])
{
	struct slice s = take_digest(d);

	if (s.len == SHA384_LEN)
		memcpy(head, s.p, s.len);
}

enum rc claims_parse(struct slice in, struct claims *c)
{
	struct dcbor d = dcbor_of(in);
	struct dcbor_map m;
	unsigned seen = 0, required = 1u << VERSION | 1u << PURPOSE | 1u << TOUCHES | 1u << HEAD;
	uint32_t key;

	memset(c, 0, sizeof *c);
	if (in.len > CLAIMS_MAX)
		return RC_LIMIT;
	dcbor_map(&d, &m, KEY_MAX);
	while (dcbor_key(&d, &m, &key)) {
		seen |= 1u << (key & 31);
		switch (key) {
		case VERSION:
			if (dcbor_uint(&d, UINT32_MAX) != CLAIMS_VERSION)
				dcbor_fail(&d, RC_BAD);
			break;
		case PURPOSE: c->purpose = take_purpose(&d); break;
		case TOUCHES: c->touches = dcbor_uint(&d, INT64_MAX); break;
		case HEAD: take_head(&d, c->head); break;
		case TREE: c->tree = take_digest(&d); break;
		case DIGEST: c->digest = take_digest(&d); break;
		default: dcbor_fail(&d, RC_BAD); break;
		}
	}
	if (dcbor_end(&d) != RC_OK)
		return d.rc;
	/* A digest of what was asked, exactly where something was. */
	if ((seen & required) != required || (c->digest.len > 0) == (c->purpose == PURPOSE_TLS))
		return RC_BAD;
	return RC_OK;
}
