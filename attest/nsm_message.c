#include "attest/nsm_message.h"

#include "attest/lcbor.h"

/* Pairs of one answer's map, far more than any has. */
enum { FIELDS_MAX = 32, NAME_MAX_LEN = 64 };

void nsm_put_describe(struct wbuf *w)
{
	dcbor_put_text(w, slice_str("DescribeNSM"));
}

void nsm_put_random(struct wbuf *w)
{
	dcbor_put_text(w, slice_str("GetRandom"));
}

/* {name: {"index": index …: the caller writes the other pairs. */
static void put_indexed(struct wbuf *w, const char *name, size_t pairs, unsigned index)
{
	dcbor_put_map(w, 1);
	dcbor_put_text(w, slice_str(name));
	dcbor_put_map(w, pairs);
	dcbor_put_text(w, slice_str("index"));
	dcbor_put_uint(w, index);
}

void nsm_put_pcr(struct wbuf *w, unsigned index)
{
	put_indexed(w, "DescribePCR", 1, index);
}

void nsm_put_lock(struct wbuf *w, unsigned index)
{
	put_indexed(w, "LockPCR", 1, index);
}

void nsm_put_extend(struct wbuf *w, unsigned index, struct slice data)
{
	put_indexed(w, "ExtendPCR", 2, index);
	dcbor_put_text(w, slice_str("data"));
	dcbor_put_bytes(w, data);
}

void nsm_put_lock_range(struct wbuf *w, unsigned count)
{
	dcbor_put_map(w, 1);
	dcbor_put_text(w, slice_str("LockPCRs"));
	dcbor_put_map(w, 1);
	dcbor_put_text(w, slice_str("range"));
	dcbor_put_uint(w, count);
}

static void put_field(struct wbuf *w, const char *name, struct slice s)
{
	if (s.len == 0)
		return;
	dcbor_put_text(w, slice_str(name));
	dcbor_put_bytes(w, s);
}

void nsm_put_attest(struct wbuf *w, struct slice user_data, struct slice nonce,
                    struct slice public_key)
{
	int given = (user_data.len > 0) + (nonce.len > 0) + (public_key.len > 0);

	dcbor_put_map(w, 1);
	dcbor_put_text(w, slice_str("Attestation"));
	dcbor_put_map(w, (size_t)given);
	put_field(w, "user_data", user_data);
	put_field(w, "nonce", nonce);
	put_field(w, "public_key", public_key);
}

static void put_printable(char *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		out[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? (char)s.p[i] : '?';
	out[s.len] = '\0';
}

/* {"Error": text} leaves RC_DENIED; else the map of {name: map} is open. */
static void open_answer(struct dcbor *c, const char *name, struct lcbor_seq *fields)
{
	struct lcbor_seq outer;
	struct slice got;

	*fields = (struct lcbor_seq){ 0, false };
	lcbor_map(c, &outer, 1);
	if (!lcbor_more(c, &outer)) {
		dcbor_fail(c, RC_BAD);
		return;
	}
	got = lcbor_text(c, NAME_MAX_LEN);
	if (slice_is(got, "Error")) {
		lcbor_text(c, NSM_ERROR_MAX);
		dcbor_fail(c, RC_DENIED);
	} else if (!slice_is(got, name)) {
		dcbor_fail(c, RC_BAD);
	} else {
		lcbor_map(c, fields, FIELDS_MAX);
	}
}

/* The outer map of an indefinite length still has its break to come. */
static enum rc close_answer(struct dcbor *c, struct slice whole, unsigned seen, unsigned want)
{
	struct lcbor_seq outer = { 0, true };

	if (c->rc == RC_OK && whole.p[0] == 0xbf && lcbor_more(c, &outer))
		dcbor_fail(c, RC_BAD);
	if (dcbor_end(c) == RC_OK && seen != want)
		return RC_BAD;
	return c->rc;
}

/* Reads the next pair's key and returns the index of its name in names, or
 * -1 at the end; unknown pairs are dropped. A name seen before is RC_BAD. */
static int next_field(struct dcbor *c, struct lcbor_seq *fields, const char *const *names,
                      unsigned *seen)
{
	while (lcbor_more(c, fields)) {
		struct slice key = lcbor_text(c, NAME_MAX_LEN);
		int i = 0;

		while (names[i] && !slice_is(key, names[i]))
			i++;
		if (!names[i]) {
			lcbor_skip(c);
			continue;
		}
		if (*seen & 1u << i)
			dcbor_fail(c, RC_BAD);
		*seen |= 1u << i;
		return c->rc == RC_OK ? i : -1;
	}
	return -1;
}

static uint32_t locked_set(struct dcbor *c)
{
	struct lcbor_seq seq;
	uint32_t set = 0;

	lcbor_array(c, &seq, NSM_PCRS_MAX);
	while (lcbor_more(c, &seq))
		set |= UINT32_C(1) << lcbor_uint(c, NSM_PCRS_MAX - 1);
	return set;
}

enum rc nsm_parse_describe(struct slice in, struct nsm_description *d)
{
	static const char *const names[] = { "version_major", "version_minor",
		                             "version_patch", "module_id",
		                             "max_pcrs",      "locked_pcrs",
		                             "digest",        NULL };
	struct dcbor c = dcbor_of(in);
	struct lcbor_seq fields;
	unsigned seen = 0;
	int i;

	memset(d, 0, sizeof *d);
	open_answer(&c, "DescribeNSM", &fields);
	while ((i = next_field(&c, &fields, names, &seen)) >= 0) {
		switch (i) {
		case 0: d->major = (uint16_t)lcbor_uint(&c, UINT16_MAX); break;
		case 1: d->minor = (uint16_t)lcbor_uint(&c, UINT16_MAX); break;
		case 2: d->patch = (uint16_t)lcbor_uint(&c, UINT16_MAX); break;
		case 3: put_printable(d->id, lcbor_text(&c, NSM_ID_MAX)); break;
		case 4: d->pcrs = (uint16_t)lcbor_uint(&c, NSM_PCRS_MAX); break;
		case 5: d->locked = locked_set(&c); break;
		case 6:
			if (!slice_is(lcbor_text(&c, NAME_MAX_LEN), "SHA384"))
				dcbor_fail(&c, RC_BAD);
			break;
		}
	}
	return close_answer(&c, in, seen, 0x7f);
}

/* An answer with one byte string. */
static enum rc parse_bytes(struct slice in, const char *name, const char *field, size_t max,
                           struct slice *out)
{
	const char *const names[] = { field, NULL };
	struct dcbor c = dcbor_of(in);
	struct lcbor_seq fields;
	unsigned seen = 0;

	*out = slice_of(NULL, 0);
	open_answer(&c, name, &fields);
	while (next_field(&c, &fields, names, &seen) >= 0)
		*out = lcbor_bytes(&c, max);
	return close_answer(&c, in, seen, 1);
}

enum rc nsm_parse_random(struct slice in, struct slice *random)
{
	return parse_bytes(in, "GetRandom", "random", NSM_RANDOM_MAX, random);
}

enum rc nsm_parse_attest(struct slice in, struct slice *document)
{
	enum rc rc = parse_bytes(in, "Attestation", "document", NSM_RESPONSE_MAX, document);

	return rc == RC_OK && document->len == 0 ? RC_BAD : rc;
}

static void take_value(struct dcbor *c, uint8_t value[SHA384_LEN])
{
	struct slice s = lcbor_bytes(c, SHA384_LEN);

	if (s.len != SHA384_LEN)
		dcbor_fail(c, RC_BAD);
	else
		memcpy(value, s.p, SHA384_LEN);
}

enum rc nsm_parse_pcr(struct slice in, struct nsm_pcr *p)
{
	static const char *const names[] = { "data", "lock", NULL };
	struct dcbor c = dcbor_of(in);
	struct lcbor_seq fields;
	unsigned seen = 0;
	int i;

	memset(p, 0, sizeof *p);
	open_answer(&c, "DescribePCR", &fields);
	while ((i = next_field(&c, &fields, names, &seen)) >= 0) {
		if (i == 0)
			take_value(&c, p->value);
		else
			p->locked = lcbor_bool(&c);
	}
	return close_answer(&c, in, seen, 3);
}

enum rc nsm_parse_extend(struct slice in, uint8_t value[SHA384_LEN])
{
	struct slice s;
	enum rc rc = parse_bytes(in, "ExtendPCR", "data", SHA384_LEN, &s);

	if (rc == RC_OK && s.len != SHA384_LEN)
		rc = RC_BAD;
	if (rc == RC_OK)
		memcpy(value, s.p, SHA384_LEN);
	return rc;
}

/* The answer is the name alone; a map can only be an error. */
static enum rc parse_name(struct slice in, const char *name)
{
	struct dcbor c = dcbor_of(in);
	struct lcbor_seq fields;

	if (!lcbor_is_text(&c)) {
		open_answer(&c, name, &fields);
		dcbor_fail(&c, RC_BAD);
		return c.rc;
	}
	if (!slice_is(lcbor_text(&c, NAME_MAX_LEN), name))
		dcbor_fail(&c, RC_BAD);
	return dcbor_end(&c);
}

enum rc nsm_parse_lock(struct slice in)
{
	return parse_name(in, "LockPCR");
}

enum rc nsm_parse_lock_range(struct slice in)
{
	return parse_name(in, "LockPCRs");
}

void nsm_error(struct slice in, char reason[NSM_ERROR_MAX + 1])
{
	struct dcbor c = dcbor_of(in);
	struct lcbor_seq outer;

	reason[0] = '\0';
	lcbor_map(&c, &outer, 1);
	if (!lcbor_more(&c, &outer) || !slice_is(lcbor_text(&c, NAME_MAX_LEN), "Error"))
		return;
	put_printable(reason, lcbor_text(&c, NSM_ERROR_MAX));
}
