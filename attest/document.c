#include "attest/document.h"

#include <assert.h>

#include "appliance/base/sha384.h"
#include "attest/lcbor.h"
#include "attest/nsm_message.h"

static_assert((int)DOCUMENT_MAX == (int)NSM_RESPONSE_MAX, "what the module can give");
static_assert((int)COSE_MAX == (int)DOCUMENT_MAX, "a part is no longer than all of it");

enum field {
	MODULE_ID,
	DIGEST,
	TIMESTAMP,
	PCRS,
	CERTIFICATE,
	CABUNDLE,
	PUBLIC_KEY,
	USER_DATA,
	NONCE,
	FIELDS,
	REQUIRED = 1u << PUBLIC_KEY, /* all before it */
	FIELDS_MAX = 2 * FIELDS,     /* one we do not know is to be named */
	NAME_MAX_LEN = 64,
};

static const char *const names[FIELDS] = {
	"module_id", "digest",     "timestamp", "pcrs",  "certificate",
	"cabundle",  "public_key", "user_data", "nonce",
};

static struct slice take_full(struct dcbor *c, size_t max)
{
	struct slice s = dcbor_bytes(c, max);

	if (s.len == 0)
		dcbor_fail(c, RC_BAD);
	return s;
}

static struct slice take_optional(struct dcbor *c)
{
	if (c->in.len > 0 && c->in.p[0] == 0xf6) { /* null */
		lcbor_skip(c);
		return slice_of(NULL, 0);
	}
	return dcbor_bytes(c, DOCUMENT_FIELD_MAX);
}

static struct slice take_module(struct dcbor *c)
{
	struct slice s = dcbor_text(c, DOCUMENT_MODULE_MAX);

	if (s.len == 0)
		dcbor_fail(c, RC_BAD);
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			dcbor_fail(c, RC_BAD);
	return s;
}

static void take_pcrs(struct dcbor *c, struct document *d)
{
	struct lcbor_seq map;

	lcbor_open(c, DCBOR_MAP, DOCUMENT_PCRS, &map);
	while (lcbor_more(c, &map)) {
		uint64_t i = dcbor_uint(c, DOCUMENT_PCRS - 1);
		struct slice value = dcbor_bytes(c, SHA384_LEN);

		if (value.len != SHA384_LEN || d->pcrs >> i & 1)
			dcbor_fail(c, RC_BAD);
		d->pcrs |= UINT32_C(1) << i;
		d->pcr[i] = value;
	}
	if (d->pcrs == 0)
		dcbor_fail(c, RC_BAD);
}

static void take_bundle(struct dcbor *c, struct document *d)
{
	struct lcbor_seq seq;

	lcbor_open(c, DCBOR_ARRAY, DOCUMENT_CERTS, &seq);
	while (lcbor_more(c, &seq))
		d->cabundle[d->certs++] = take_full(c, DOCUMENT_CERT_MAX);
	if (d->certs == 0)
		dcbor_fail(c, RC_BAD);
}

static void take_field(struct dcbor *c, struct document *d, unsigned i)
{
	switch (i) {
	case MODULE_ID: d->module_id = take_module(c); break;
	case DIGEST:
		if (!slice_is(dcbor_text(c, NAME_MAX_LEN), "SHA384"))
			dcbor_fail(c, RC_BAD);
		break;
	case TIMESTAMP: d->timestamp_ms = dcbor_uint(c, INT64_MAX); break;
	case PCRS: take_pcrs(c, d); break;
	case CERTIFICATE: d->certificate = take_full(c, DOCUMENT_CERT_MAX); break;
	case CABUNDLE: take_bundle(c, d); break;
	case PUBLIC_KEY: d->public_key = take_optional(c); break;
	case USER_DATA: d->user_data = take_optional(c); break;
	case NONCE: d->nonce = take_optional(c); break;
	default: break;
	}
}

static enum rc parse_payload(struct slice in, struct document *d)
{
	struct dcbor c = lcbor_of(in);
	struct lcbor_seq map;
	unsigned seen = 0, i;

	lcbor_open(&c, DCBOR_MAP, FIELDS_MAX, &map);
	while (lcbor_more(&c, &map)) {
		struct slice key = dcbor_text(&c, NAME_MAX_LEN);

		for (i = 0; i < FIELDS && !slice_is(key, names[i]); i++)
			;
		if (c.rc == RC_OK && i == FIELDS) {
			d->foreign = key;
			return RC_DENIED;
		}
		if (seen >> i & 1)
			dcbor_fail(&c, RC_BAD);
		seen |= 1u << i;
		take_field(&c, d, i);
	}
	if (dcbor_end(&c) == RC_OK && (seen & (REQUIRED - 1)) != REQUIRED - 1)
		return RC_BAD;
	return c.rc;
}

enum rc document_parse(struct slice in, struct document *d)
{
	enum rc rc;

	memset(d, 0, sizeof *d);
	if (in.len > DOCUMENT_MAX)
		return RC_LIMIT;
	rc = cose_parse(in, &d->cose);
	if (rc == RC_OK && d->cose.unprotected > 0)
		rc = RC_BAD;
	return rc == RC_OK ? parse_payload(d->cose.payload, d) : rc;
}
