#include "attest/touch.h"

#include "appliance/base/dcbor.h"

enum { NUMBER = 1, TIME, OPERATION, USER, DIGEST, SUMMARY, PAIRS = SUMMARY };

void touch_put(struct wbuf *w, const struct touch_record *r)
{
	dcbor_put_map(w, PAIRS);
	dcbor_put_uint(w, NUMBER);
	dcbor_put_uint(w, r->number);
	dcbor_put_uint(w, TIME);
	dcbor_put_uint(w, r->time_s);
	dcbor_put_uint(w, OPERATION);
	dcbor_put_text(w, r->operation);
	dcbor_put_uint(w, USER);
	dcbor_put_text(w, r->user);
	dcbor_put_uint(w, DIGEST);
	dcbor_put_bytes(w, r->digest);
	dcbor_put_uint(w, SUMMARY);
	dcbor_put_text(w, r->summary);
}

static struct slice take_printable(struct dcbor *d, size_t max)
{
	struct slice s = dcbor_text(d, max);

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			dcbor_fail(d, RC_BAD);
	return s;
}

static bool known(struct slice operation)
{
	return slice_is(operation, "exec") || slice_is(operation, "push") ||
	       slice_is(operation, "pull") || slice_is(operation, "stop");
}

static void take_field(struct dcbor *d, uint32_t key, struct touch_record *r)
{
	switch (key) {
	case NUMBER: r->number = dcbor_uint(d, UINT64_MAX); break;
	case TIME: r->time_s = dcbor_uint(d, INT64_MAX); break;
	case OPERATION: r->operation = dcbor_text(d, TOUCH_WORD_MAX); break;
	case USER: r->user = take_printable(d, TOUCH_WORD_MAX); break;
	case DIGEST: r->digest = dcbor_bytes(d, SHA384_LEN); break;
	case SUMMARY: r->summary = take_printable(d, TOUCH_SUMMARY_MAX); break;
	default: dcbor_fail(d, RC_BAD); break;
	}
}

enum rc touch_parse(struct slice in, struct touch_record *r)
{
	struct dcbor d = dcbor_of(in);
	struct dcbor_map m;
	uint32_t key;
	size_t pairs = 0;

	memset(r, 0, sizeof *r);
	if (in.len > TOUCH_RECORD_MAX)
		return RC_LIMIT;
	dcbor_map(&d, &m, PAIRS);
	for (; dcbor_key(&d, &m, &key); pairs++)
		take_field(&d, key, r);
	if (dcbor_end(&d) != RC_OK)
		return d.rc;
	/* Keys ascend and are known: six of them are all of them. */
	if (pairs != PAIRS || r->number == 0 || !known(r->operation) || r->user.len == 0 ||
	    r->digest.len != SHA384_LEN)
		return RC_BAD;
	return RC_OK;
}

void touch_chain(uint8_t head[SHA384_LEN], struct slice record)
{
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, head, SHA384_LEN);
	sha384_update(&h, record.p, record.len);
	sha384_final(&h, head);
}
