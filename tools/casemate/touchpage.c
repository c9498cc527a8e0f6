#include "tools/casemate/touchpage.h"

#include "tools/casemate/base64.h"
#include "tools/casemate/jsonread.h"

enum { FIRST = 1, BASE = 2, NEXT = 4, RECORDS = 8, ALL = 15 };

static void take_record(struct jsonread *j, struct touchpage *p)
{
	struct wbuf w = wbuf_of(p->record[p->records].bytes, TOUCH_RECORD_MAX);
	struct jsonread_seq o;
	struct slice key;

	jsonread_object(j, &o);
	while (jsonread_member(j, &o, &key)) {
		if (!slice_is(key, "record"))
			jsonread_skip(j);
		else if (w.len > 0 || base64_read(jsonread_string(j), &w) != RC_OK)
			jsonread_fail(j, RC_BAD);
	}
	if (w.len == 0)
		jsonread_fail(j, RC_BAD);
	p->record[p->records++].len = w.len;
}

static void take_records(struct jsonread *j, struct touchpage *p)
{
	struct jsonread_seq a;

	jsonread_array(j, &a);
	while (jsonread_item(j, &a)) {
		if (p->records == TOUCHPAGE_RECORDS) {
			jsonread_fail(j, RC_LIMIT);
			return;
		}
		take_record(j, p);
	}
}

static void take_base(struct jsonread *j, struct touchpage *p)
{
	struct wbuf w = wbuf_of(p->base, sizeof p->base);

	if (hex_read(jsonread_string(j), &w) != RC_OK || w.len != sizeof p->base)
		jsonread_fail(j, RC_BAD);
}

enum rc touchpage_parse(struct slice in, struct touchpage *p)
{
	struct jsonread j = jsonread_of(in);
	struct jsonread_seq o;
	struct slice key;
	unsigned seen = 0, bit;

	memset(p, 0, sizeof *p);
	jsonread_object(&j, &o);
	while (jsonread_member(&j, &o, &key)) {
		bit = slice_is(key, "first")     ? FIRST
		      : slice_is(key, "base")    ? BASE
		      : slice_is(key, "next")    ? NEXT
		      : slice_is(key, "records") ? RECORDS
		                                 : 0;
		if (seen & bit)
			jsonread_fail(&j, RC_BAD);
		seen |= bit;
		switch (bit) {
		case FIRST: p->first = jsonread_uint(&j, UINT64_MAX); break;
		case BASE: take_base(&j, p); break;
		case NEXT: p->next = jsonread_null(&j) ? 0 : jsonread_uint(&j, UINT64_MAX); break;
		case RECORDS: take_records(&j, p); break;
		default: jsonread_skip(&j); break;
		}
	}
	if (jsonread_end(&j) == RC_OK && seen != ALL)
		return RC_BAD;
	return j.rc;
}
