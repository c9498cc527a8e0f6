/* The half of touch.h that only who verifies needs. */
#include "appliance/base/dcbor.h"
#include "attest/touch.h"

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
	       slice_is(operation, "pull") || slice_is(operation, "stop") ||
	       slice_is(operation, "control");
}

enum rc touch_parse(struct slice in, struct touch_record *r)
{
	struct dcbor d = dcbor_of(in);

	memset(r, 0, sizeof *r);
	if (in.len > TOUCH_RECORD_MAX)
		return RC_LIMIT;
	dcbor_record(&d);
	r->number = dcbor_uint(dcbor_need(&d, 1), UINT64_MAX);
	r->time_s = dcbor_uint(dcbor_need(&d, 2), INT64_MAX);
	r->operation = dcbor_text(dcbor_need(&d, 3), TOUCH_WORD_MAX);
	r->user = take_printable(dcbor_need(&d, 4), TOUCH_WORD_MAX);
	r->digest = dcbor_bytes(dcbor_need(&d, 5), SHA384_LEN);
	r->summary = take_printable(dcbor_need(&d, 6), TOUCH_SUMMARY_MAX);
	if (r->number == 0 || !known(r->operation) || r->user.len == 0 ||
	    r->digest.len != SHA384_LEN)
		dcbor_fail(&d, RC_BAD);
	return dcbor_end(&d);
}
