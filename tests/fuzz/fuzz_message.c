/* Every control frame: the first byte chooses the parser, the rest is the
 * payload. What is accepted comes out of the writer as the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "channel/host_message.h"

enum { OUT_MAX = FRAME_HEAD + FRAME_REQUEST_MAX };

static uint8_t mem[OUT_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The frame in w is `type` with exactly this payload. */
static void same(const struct wbuf *w, enum frame_type type, struct slice payload)
{
	struct frame f;

	must(!w->over && frame_head(wbuf_slice(w), &f) == RC_OK && f.type == type);
	must(f.len == w->len - FRAME_HEAD);
	must(slice_eq(slice_of(w->p + FRAME_HEAD, f.len), payload));
}

static void try_request(struct wbuf *w, struct slice in)
{
	static struct request r;

	if (request_parse(in, &r) != RC_OK)
		return;
	must(r.argc <= REQUEST_ARGS_MAX && r.envc <= REQUEST_ENV_MAX);
	must(r.idc != 1 && r.idc <= REQUEST_IDS_MAX);
	request_put(w, &r);
	same(w, FRAME_REQUEST, in);
}

static void try_entry(struct wbuf *w, struct slice in)
{
	struct entry e;

	if (entry_parse(in, &e) != RC_OK)
		return;
	must(name_check(e.name) == RC_OK && e.mode <= 07777 && e.mtime_ns < 1000000000);
	must(e.size >= 0 && e.size <= FILE_SIZE_MAX);
	entry_put(w, &e);
	same(w, FRAME_ENTRY, in);
}

static void try_error(struct wbuf *w, struct slice in)
{
	char text[ERROR_TEXT_MAX + 1];
	struct error_msg e;

	if (error_parse(in, &e) != RC_OK)
		return;
	must(e.text.len <= ERROR_TEXT_MAX && *error_name(e.code) != 0);
	memcpy(text, e.text.p, e.text.len);
	text[e.text.len] = 0;
	error_put(w, e.code, text);
	if (strlen(text) == e.text.len)
		same(w, FRAME_ERROR, in);
}

static void try_sum(struct wbuf *w, enum frame_type type, struct slice in)
{
	struct slice digest;
	uint64_t n;

	if (!sum_parse(in, &n, &digest))
		return;
	sum_put(w, type, n, digest.p);
	same(w, type, in);
}

static void try_number(struct wbuf *w, enum frame_type type, struct slice in)
{
	uint64_t n;

	if (!number_parse(in, UINT64_MAX, &n))
		return;
	number_put(w, type, n);
	same(w, type, in);
}

static void try_status(struct wbuf *w, struct slice in)
{
	struct service_status s;

	if (status_parse(in, &s) != RC_OK)
		return;
	must(s.number >= 1 && s.number <= SERVICES_MAX && s.dropped <= s.output);
	status_put(w, &s);
	same(w, FRAME_SERVICE, in);
}

static void try_record(struct wbuf *w, struct slice in)
{
	struct record_head h;
	struct slice text;

	if (record_parse(in, &h, &text) != RC_OK)
		return;
	must(h.service <= SERVICES_MAX && h.kind <= RECORD_LAST);
	record_put(w, &h, text);
	same(w, FRAME_RECORD, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct slice in;

	if (size < 1 || size > FRAME_REQUEST_MAX)
		return -1;
	in = slice_of(data + 1, size - 1);
	switch (data[0]) {
	case FRAME_REQUEST: try_request(&w, in); break;
	case FRAME_ERROR: try_error(&w, in); break;
	case FRAME_ENTRY: try_entry(&w, in); break;
	case FRAME_HAVE:
	case FRAME_DONE: try_sum(&w, (enum frame_type)data[0], in); break;
	case FRAME_SERVICE: try_status(&w, in); break;
	case FRAME_RECORD: try_record(&w, in); break;
	default: try_number(&w, (enum frame_type)data[0], in);
	}
	return 0;
}
