#include "attest/touch.h"

#include "appliance/base/dcbor.h"

enum { NUMBER = 1, TIME, OPERATION, USER, DIGEST, SUMMARY, PAIRS = SUMMARY };

void touch_put(struct wbuf *w, const struct touch_record *r)
{
	dcbor_put_map(w, PAIRS);
	dcbor_pair_uint(w, NUMBER, r->number);
	dcbor_pair_uint(w, TIME, r->time_s);
	dcbor_pair_text(w, OPERATION, r->operation);
	dcbor_pair_text(w, USER, r->user);
	dcbor_pair_bytes(w, DIGEST, r->digest);
	dcbor_pair_text(w, SUMMARY, r->summary);
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

enum rc touch_parse(struct slice in, struct touch_record *r)
{
	struct dcbor d = dcbor_of(in);

	memset(r, 0, sizeof *r);
	if (in.len > TOUCH_RECORD_MAX)
		return RC_LIMIT;
	dcbor_record(&d);
	r->number = dcbor_uint(dcbor_need(&d, NUMBER), UINT64_MAX);
	r->time_s = dcbor_uint(dcbor_need(&d, TIME), INT64_MAX);
	r->operation = dcbor_text(dcbor_need(&d, OPERATION), TOUCH_WORD_MAX);
	r->user = take_printable(dcbor_need(&d, USER), TOUCH_WORD_MAX);
	r->digest = dcbor_bytes(dcbor_need(&d, DIGEST), SHA384_LEN);
	r->summary = take_printable(dcbor_need(&d, SUMMARY), TOUCH_SUMMARY_MAX);
	if (r->number == 0 || !known(r->operation) || r->user.len == 0 ||
	    r->digest.len != SHA384_LEN)
		dcbor_fail(&d, RC_BAD);
	return dcbor_end(&d);
}

void touch_chain(uint8_t head[SHA384_LEN], struct slice record)
{
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, head, SHA384_LEN);
	sha384_update(&h, record.p, record.len);
	sha384_final(&h, head);
}
