/* Every control frame: the first byte chooses the parser, the rest is the
 * payload. What is accepted comes out of the writer as the same bytes; the
 * REQUEST, whose defaults may be left out, as the same request. */
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

static void same_texts(const struct slice *a, size_t a_len, const struct slice *b, size_t b_len)
{
	must(a_len == b_len);
	for (size_t i = 0; i < a_len; i++)
		must(slice_eq(a[i], b[i]));
}

static void try_request(struct wbuf *w, struct slice in)
{
	static struct request r, again;

	if (request_parse(in, &r) != RC_OK)
		return;
	must(r.argc <= REQUEST_ARGS_MAX && r.envc <= REQUEST_ENV_MAX);
	request_put(w, &r);
	if (w->over)
		return; /* the defaults, written out, did not fit */
	must(request_parse(slice_of(w->p + FRAME_HEAD, w->len - FRAME_HEAD), &again) == RC_OK);
	must(r.op == again.op && r.flags == again.flags);
	must(r.rows == again.rows && r.cols == again.cols);
	same_texts(r.argv, r.argc, again.argv, again.argc);
	same_texts(r.env, r.envc, again.env, again.envc);
	must(slice_eq(r.cwd, again.cwd) && slice_eq(r.path, again.path));
	must(r.since == again.since);
	must(r.idc != 1 && r.idc <= REQUEST_IDS_MAX && r.idc == again.idc &&
	     memcmp(r.ids, again.ids, sizeof r.ids) == 0);
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

static void try_totals(struct wbuf *w, enum frame_type type, struct slice in)
{
	struct totals t;

	if (totals_parse(type, in, &t) != RC_OK)
		return;
	totals_put(w, type, &t);
	same(w, type, in);
}

static void try_exec(struct wbuf *w, enum frame_type type, struct slice in)
{
	struct exit_msg e;
	uint16_t rows, cols;
	uint32_t v;
	int number;

	if (type == FRAME_EXIT && exit_parse(in, &e) == RC_OK)
		exit_put(w, &e);
	else if (type == FRAME_WINSIZE && winsize_parse(in, &rows, &cols) == RC_OK)
		winsize_put(w, rows, cols);
	else if (type == FRAME_SIGNAL && signal_parse(in, &number) == RC_OK)
		signal_put(w, number);
	else if (type == FRAME_CREDIT && credit_parse(in, &v) == RC_OK)
		credit_put(w, v);
	if (w->len > 0)
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
	uint32_t pid;

	if (size < 1 || size > FRAME_REQUEST_MAX)
		return -1;
	in = slice_of(data + 1, size - 1);
	switch (data[0]) {
	case FRAME_REQUEST: try_request(&w, in); break;
	case FRAME_ACCEPT:
		if (accept_parse(in, &pid) == RC_OK && pid != 0) {
			accept_put(&w, pid);
			same(&w, FRAME_ACCEPT, in);
		}
		break;
	case FRAME_ERROR: try_error(&w, in); break;
	case FRAME_ENTRY: try_entry(&w, in); break;
	case FRAME_DONE:
	case FRAME_RESULT: try_totals(&w, (enum frame_type)data[0], in); break;
	case FRAME_SERVICE: try_status(&w, in); break;
	case FRAME_RECORD: try_record(&w, in); break;
	default: try_exec(&w, (enum frame_type)data[0], in);
	}
	return 0;
}
