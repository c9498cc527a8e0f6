#include "attest/nsm_message.h"

#include "attest/lcbor.h"

/* Pairs of one answer's map, far more than any has. */
enum { FIELDS_MAX = 32, NAME_MAX_LEN = 64 };

static bool is_empty(const struct nsm_field *f)
{
	return f->type == NSM_BYTES && ((const struct slice *)f->value)->len == 0;
}

static void put_field(struct wbuf *w, const struct nsm_field *f)
{
	dcbor_put_text(w, slice_str(f->name));
	if (f->type == NSM_BYTES)
		dcbor_put_bytes(w, *(const struct slice *)f->value);
	else
		dcbor_put_uint(w, *(const uint32_t *)f->value);
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
		pairs += !is_empty(f);
	dcbor_put_map(w, pairs);
	for (const struct nsm_field *f = fields; f->name; f++)
		if (!is_empty(f))
			put_field(w, f);
}

void nsm_printable(char *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		out[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? (char)s.p[i] : '?';
	out[s.len] = '\0';
}

static void take_digest(struct dcbor *c, uint8_t value[SHA384_LEN])
{
	struct slice s = dcbor_bytes(c, SHA384_LEN);

	if (s.len != SHA384_LEN)
		dcbor_fail(c, RC_BAD);
	else
		memcpy(value, s.p, SHA384_LEN);
}

static void take_field(struct dcbor *c, const struct nsm_field *f)
{
	switch (f->type) {
	case NSM_NUMBER: *(uint32_t *)f->value = (uint32_t)dcbor_uint(c, f->max); break;
	case NSM_FLAG: *(bool *)f->value = dcbor_bool(c); break;
	case NSM_TEXT: *(struct slice *)f->value = dcbor_text(c, f->max); break;
	case NSM_BYTES: *(struct slice *)f->value = dcbor_bytes(c, f->max); break;
	case NSM_DIGEST: take_digest(c, f->value); break;
	}
}

/* All of the fields, once each, and others. */
static void take_fields(struct dcbor *c, const struct nsm_field *fields)
{
	struct lcbor_seq map;
	uint32_t seen = 0;
	size_t i;

	lcbor_open(c, DCBOR_MAP, FIELDS_MAX, &map);
	while (lcbor_more(c, &map)) {
		struct slice key = dcbor_text(c, NAME_MAX_LEN);

		for (i = 0; fields[i].name && !slice_is(key, fields[i].name); i++) {
		}
		if (!fields[i].name) {
			lcbor_skip(c);
			continue;
		}
		if (seen >> i & 1)
			dcbor_fail(c, RC_BAD);
		seen |= UINT32_C(1) << i;
		take_field(c, &fields[i]);
	}
	for (i = 0; fields[i].name; i++)
		if (!(seen >> i & 1))
			dcbor_fail(c, RC_BAD);
}

enum rc nsm_parse(struct slice in, const char *name, const struct nsm_field *fields,
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
		take_fields(&c, fields);
	}
	if (lcbor_more(&c, &outer))
		dcbor_fail(&c, RC_BAD);
	return dcbor_end(&c);
}
