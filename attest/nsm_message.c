#include "attest/nsm_message.h"

#include "attest/lcbor.h"

enum { NAME_MAX_LEN = 64 };

static bool is_there(const struct nsm_field *f)
{
	return f->number || f->bytes.len > 0;
}

static void put_field(struct wbuf *w, const struct nsm_field *f)
{
	dcbor_put_text(w, slice_str(f->name));
	if (f->number)
		dcbor_put_uint(w, *f->number);
	else
		dcbor_put_bytes(w, f->bytes);
}

void nsm_put(struct wbuf *w, const char *name, const struct nsm_field *fields)
{
	size_t pairs = 0;

	if (fields)
		dcbor_put_map(w, 1);
	dcbor_put_text(w, slice_str(name));
	if (!fields)
		return;
	for (const struct nsm_field *f = fields; f->name; f++)
		pairs += is_there(f);
	dcbor_put_map(w, pairs);
	for (const struct nsm_field *f = fields; f->name; f++)
		if (is_there(f))
			put_field(w, f);
}

void nsm_printable(char *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		out[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? (char)s.p[i] : '?';
	out[s.len] = '\0';
}

enum rc nsm_parse(struct slice in, const char *name, struct slice *fields,
                  char reason[NSM_ERROR_MAX + 1])
{
	struct dcbor c = lcbor_of(in);
	struct lcbor_seq outer = { 0 };
	bool alone = in.len > 0 && in.p[0] >> 5 == 3; /* a text */
	struct slice got;

	reason[0] = '\0';
	if (!alone)
		lcbor_open(&c, DCBOR_MAP, 1, &outer);
	if (!alone && !lcbor_more(&c, &outer))
		dcbor_fail(&c, RC_BAD);
	got = dcbor_text(&c, NAME_MAX_LEN);
	if (!alone && slice_is(got, "Error")) {
		nsm_printable(reason, dcbor_text(&c, NSM_ERROR_MAX));
		dcbor_fail(&c, RC_DENIED);
	} else if (!slice_is(got, name) || alone == (fields != NULL)) {
		dcbor_fail(&c, RC_BAD);
	} else if (fields) {
		*fields = c.in;
		lcbor_skip(&c);
		fields->len -= c.in.len;
	}
	if (lcbor_more(&c, &outer))
		dcbor_fail(&c, RC_BAD);
	return dcbor_end(&c);
}
