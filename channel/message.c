#include "channel/message.h"

#include "appliance/base/dcbor.h"

const char *const look_states[LOOK_STATES] = { "stopped",  "done",  "failed",   "waiting",
	                                       "starting", "ready", "stopping", "killing" };

static size_t texts_of(struct dcbor *d, struct slice *out, size_t items, size_t max)
{
	return dcbor_strings(d, DCBOR_BYTES, out, items, max);
}

enum rc name_check(struct slice name)
{
	if (name.len == 0 || slice_is(name, ".") || slice_is(name, ".."))
		return RC_BAD;
	if (name.len > NAME_LEN_MAX)
		return RC_LIMIT;
	if (memchr(name.p, '/', name.len) || memchr(name.p, 0, name.len))
		return RC_BAD;
	return RC_OK;
}

/* --- REQUEST --- */

static unsigned flags_of(struct dcbor *d, unsigned known)
{
	unsigned flags = (unsigned)dcbor_uint(d, UINT32_MAX);

	if (flags & ~known)
		dcbor_fail(d, RC_BAD);
	return flags;
}

static void exec_of(struct dcbor *d, struct request *r)
{
	r->argc = texts_of(dcbor_need(d, 3), r->argv, REQUEST_ARGS_MAX, REQUEST_STRING_MAX);
	if (r->argc == 0 || r->argv[0].len == 0)
		dcbor_fail(d, RC_BAD);
	if (dcbor_has(d, 4))
		r->envc = texts_of(d, r->env, REQUEST_ENV_MAX, REQUEST_VAR_MAX);
	if (dcbor_has(d, 5))
		r->cwd = dcbor_string(d, DCBOR_BYTES, 0, REQUEST_STRING_MAX);
	if (dcbor_has(d, 6))
		r->idc = dcbor_ids(d, r->ids, REQUEST_IDS_MAX);
	if (dcbor_has(d, 7))
		r->flags = flags_of(d, EXEC_STDIN | EXEC_TTY | EXEC_DETACH);
	if (!dcbor_has(d, 8))
		return;
	if (dcbor_array(d, 2) != 2)
		dcbor_fail(d, RC_BAD);
	r->rows = (uint16_t)dcbor_uint(d, UINT16_MAX);
	r->cols = (uint16_t)dcbor_uint(d, UINT16_MAX);
}

static void push_of(struct dcbor *d, struct request *r)
{
	if (dcbor_has(d, 7))
		r->flags = flags_of(d, FILES_INTO | FILES_RESUME);
	r->path = dcbor_string(dcbor_need(d, 9), DCBOR_BYTES, 1, REQUEST_STRING_MAX);
}

static void pull_of(struct dcbor *d, struct request *r)
{
	if (dcbor_has(d, 7))
		r->flags = flags_of(d, FILES_RESUME);
	r->argc = texts_of(dcbor_need(d, 9), r->argv, REQUEST_ARGS_MAX, REQUEST_STRING_MAX);
	for (size_t i = 0; i < r->argc; i++)
		if (r->argv[i].len == 0)
			dcbor_fail(d, RC_BAD);
	if (r->argc == 0)
		dcbor_fail(d, RC_BAD);
}

static void control_of(struct dcbor *d, struct request *r)
{
	r->argc = texts_of(dcbor_need(d, 3), r->argv, 2, REQUEST_STRING_MAX);
	if (r->argc != 2 || r->argv[1].len == 0)
		dcbor_fail(d, RC_BAD);
	if (slice_is(r->argv[0], "signal"))
		r->flags = (unsigned)dcbor_uint(dcbor_need(d, 7), 31);
	else if (slice_is(r->argv[0], "start") || slice_is(r->argv[0], "stop") ||
	         slice_is(r->argv[0], "restart"))
		return;
	if (r->flags == 0)
		dcbor_fail(d, RC_BAD);
}

static void look_of(struct dcbor *d, struct request *r)
{
	r->argc = texts_of(dcbor_need(d, 3), r->argv, SERVICES_MAX, REQUEST_STRING_MAX);
	if (dcbor_has(d, 7))
		r->flags = flags_of(d, LOOK_LOGS | LOOK_EVENTS | LOOK_FOLLOW);
	if (dcbor_has(d, 10))
		r->since = dcbor_uint(d, UINT64_MAX);
}

enum rc request_parse(struct slice payload, struct request *r)
{
	struct dcbor d = dcbor_of(payload);

	memset(r, 0, sizeof *r);
	r->rows = 24;
	r->cols = 80;
	dcbor_record(&d);
	if (dcbor_uint(dcbor_need(&d, 1), UINT64_MAX) != REQUEST_VERSION)
		dcbor_fail(&d, RC_DENIED);
	r->op = (enum request_op)dcbor_uint(dcbor_need(&d, 2), UINT32_MAX);
	switch (r->op) {
	case OP_EXEC: exec_of(&d, r); break;
	case OP_PUSH: push_of(&d, r); break;
	case OP_PULL: pull_of(&d, r); break;
	case OP_STOP: break;
	case OP_CONTROL: control_of(&d, r); break;
	case OP_LOOK: look_of(&d, r); break;
	default: dcbor_fail(&d, RC_BAD);
	}
	return dcbor_end(&d);
}

/* --- ACCEPT, ERROR --- */

void accept_put(struct wbuf *w, uint32_t pid)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, pid != 0);
	if (pid != 0)
		dcbor_pair_uint(w, 1, pid);
	frame_end(w, at, FRAME_ACCEPT);
}

enum rc error_parse(struct slice payload, struct error_msg *e)
{
	struct dcbor d = dcbor_of(payload);

	dcbor_record(&d);
	e->code = (enum error_code)dcbor_uint(dcbor_need(&d, 1), ERROR_CODE_LAST);
	if (e->code < ERR_PROTOCOL)
		dcbor_fail(&d, RC_BAD);
	e->text = dcbor_bytes(dcbor_need(&d, 2), ERROR_TEXT_MAX);
	return dcbor_end(&d);
}

void error_put(struct wbuf *w, enum error_code code, const char *text)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, 2);
	dcbor_pair_uint(w, 1, code);
	dcbor_pair_bytes(w, 2, slice_of(text, strnlen(text, ERROR_TEXT_MAX)));
	frame_end(w, at, FRAME_ERROR);
}

/* --- ENTRY --- */

enum rc entry_parse(struct slice payload, struct entry *e)
{
	struct dcbor d = dcbor_of(payload);

	memset(e, 0, sizeof *e);
	dcbor_record(&d);
	e->kind = (enum entry_kind)dcbor_uint(dcbor_need(&d, 1), ENTRY_SYMLINK);
	e->name = dcbor_bytes(dcbor_need(&d, 2), NAME_LEN_MAX);
	e->mode = (unsigned)dcbor_uint(dcbor_need(&d, 3), 07777);
	e->mtime_s = dcbor_int(dcbor_need(&d, 4));
	e->mtime_ns = (uint32_t)dcbor_uint(dcbor_need(&d, 5), 999999999);
	if (e->kind == ENTRY_FILE)
		e->size = (int64_t)dcbor_uint(dcbor_need(&d, 6), (uint64_t)FILE_SIZE_MAX);
	else if (e->kind == ENTRY_SYMLINK)
		e->target = dcbor_string(dcbor_need(&d, 7), DCBOR_BYTES, 1, TARGET_LEN_MAX);
	return dcbor_end(&d) == RC_OK ? name_check(e->name) : d.rc;
}

void entry_put(struct wbuf *w, const struct entry *e)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, e->kind == ENTRY_DIR ? 5 : 6);
	dcbor_pair_uint(w, 1, e->kind);
	dcbor_pair_bytes(w, 2, e->name);
	dcbor_pair_uint(w, 3, e->mode);
	dcbor_put_uint(w, 4);
	dcbor_put_int(w, e->mtime_s);
	dcbor_pair_uint(w, 5, e->mtime_ns);
	if (e->kind == ENTRY_FILE)
		dcbor_pair_uint(w, 6, (uint64_t)e->size);
	else if (e->kind == ENTRY_SYMLINK)
		dcbor_pair_bytes(w, 7, e->target);
	frame_end(w, at, FRAME_ENTRY);
}

/* --- DONE, RESULT --- */

enum rc totals_parse(enum frame_type type, struct slice payload, struct totals *t)
{
	struct dcbor d = dcbor_of(payload);

	memset(t, 0, sizeof *t);
	dcbor_record(&d);
	t->files = dcbor_uint(dcbor_need(&d, 1), INT64_MAX);
	t->bytes = dcbor_uint(dcbor_need(&d, 2), INT64_MAX);
	dcbor_copy(dcbor_need(&d, 3), t->digest, SHA384_LEN);
	if (type == FRAME_DONE)
		t->skipped = dcbor_uint(dcbor_need(&d, 4), INT64_MAX);
	return dcbor_end(&d);
}

void totals_put(struct wbuf *w, enum frame_type type, const struct totals *t)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, type == FRAME_DONE ? 4 : 3);
	dcbor_pair_uint(w, 1, t->files);
	dcbor_pair_uint(w, 2, t->bytes);
	dcbor_pair_bytes(w, 3, slice_of(t->digest, SHA384_LEN));
	if (type == FRAME_DONE)
		dcbor_pair_uint(w, 4, t->skipped);
	frame_end(w, at, type);
}

bool totals_equal(const struct totals *a, const struct totals *b)
{
	return a->files == b->files && a->bytes == b->bytes &&
	       memcmp(a->digest, b->digest, SHA384_LEN) == 0;
}

void totals_note(struct sha384 *transfer, enum frame_type type, struct slice payload)
{
	uint8_t t = (uint8_t)type;

	sha384_update(transfer, &t, 1);
	sha384_update(transfer, payload.p, payload.len);
}

/* --- small fixed ones --- */

void exit_put(struct wbuf *w, const struct exit_msg *e)
{
	uint8_t b[2] = { e->killed, e->status };

	frame_put(w, FRAME_EXIT, slice_of(b, sizeof b));
}

enum rc winsize_parse(struct slice payload, uint16_t *rows, uint16_t *cols)
{
	uint32_t both;

	if (!slice_u32_be(&payload, &both) || payload.len > 0)
		return RC_BAD;
	*rows = (uint16_t)(both >> 16);
	*cols = (uint16_t)both;
	return RC_OK;
}

enum rc signal_parse(struct slice payload, int *signal)
{
	if (payload.len != 1 || payload.p[0] < 1 || payload.p[0] > 31)
		return RC_BAD;
	*signal = payload.p[0];
	return RC_OK;
}

void credit_put(struct wbuf *w, uint32_t bytes)
{
	size_t at = frame_begin(w);

	wbuf_u32_be(w, bytes);
	frame_end(w, at, FRAME_CREDIT);
}

/* --- SERVICE, RECORD --- */

void status_put(struct wbuf *w, const struct service_status *s)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, 2 + STATUS_NUMBERS);
	dcbor_pair_uint(w, 1, s->number);
	dcbor_pair_bytes(w, 2, s->name);
	for (size_t i = 0; i < STATUS_NUMBERS; i++)
		dcbor_pair_uint(w, STATUS_FIRST + i, s->numbers[i]);
	frame_end(w, at, FRAME_SERVICE);
}

void record_put(struct wbuf *w, const struct record_head *h, struct slice text)
{
	size_t at = frame_begin(w);

	wbuf_u64_be(w, h->seq);
	wbuf_u64_be(w, h->time_ns);
	wbuf_u64_be(w, h->position);
	wbuf_u8(w, h->service);
	wbuf_u8(w, h->kind);
	wbuf_put(w, text.p, text.len);
	frame_end(w, at, FRAME_RECORD);
}
