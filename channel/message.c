#include "channel/message.h"

#include "appliance/base/dcbor.h"

const char *const look_states[LOOK_STATES] = { "stopped",  "done",  "failed",   "waiting",
	                                       "starting", "ready", "stopping", "killing" };

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

/* Of an operation: how many words, and the largest sum of its flags. */
static const struct {
	size_t least, most;
	unsigned flags;
} shapes[] = {
	[OP_EXEC] = { 1, REQUEST_ARGS_MAX, EXEC_STDIN | EXEC_TTY | EXEC_DETACH },
	[OP_PUSH] = { 1, 1, FILES_RESUME | FILES_INTO },
	[OP_PULL] = { 1, REQUEST_ARGS_MAX, FILES_RESUME },
	[OP_STOP] = { 0, 0, 0 },
	[OP_CONTROL] = { 2, 2, 31 },
	[OP_LOOK] = { 0, SERVICES_MAX, LOOK_LOGS | LOOK_EVENTS | LOOK_FOLLOW },
};

static void exec_of(struct dcbor *d, struct request *r)
{
	r->envc = dcbor_strings(dcbor_need(d, 5), DCBOR_BYTES, r->env, REQUEST_ENV_MAX,
	                        REQUEST_VAR_MAX);
	r->cwd = dcbor_string(dcbor_need(d, 6), DCBOR_BYTES, 0, REQUEST_STRING_MAX);
	if (dcbor_has(d, 7))
		r->idc = dcbor_ids(d, r->ids, REQUEST_IDS_MAX);
	r->rows = (uint16_t)dcbor_uint(dcbor_need(d, 8), UINT16_MAX);
	r->cols = (uint16_t)dcbor_uint(dcbor_need(d, 9), UINT16_MAX);
}

/* Only `signal` has a number. */
static bool is_control(struct slice word, unsigned signal)
{
	if (signal != 0)
		return slice_is(word, "signal");
	return slice_is(word, "start") || slice_is(word, "stop") || slice_is(word, "restart");
}

enum rc request_parse(struct slice payload, struct request *r)
{
	struct dcbor d = dcbor_of(payload);

	memset(r, 0, sizeof *r);
	dcbor_record(&d);
	if (dcbor_uint(dcbor_need(&d, 1), UINT64_MAX) != REQUEST_VERSION)
		dcbor_fail(&d, RC_DENIED);
	r->op = (enum request_op)dcbor_uint(dcbor_need(&d, 2), UINT32_MAX);
	if (r->op < OP_EXEC || r->op > OP_LOOK)
		dcbor_fail(&d, RC_BAD);
	if (d.rc != RC_OK)
		return d.rc;
	r->argc = dcbor_strings(dcbor_need(&d, 3), DCBOR_BYTES, r->argv, shapes[r->op].most,
	                        REQUEST_STRING_MAX);
	r->flags = (unsigned)dcbor_uint(dcbor_need(&d, 4), shapes[r->op].flags);
	if (r->argc < shapes[r->op].least || (r->argc > 0 && r->argv[0].len == 0) ||
	    (r->op == OP_CONTROL && !is_control(r->argv[0], r->flags)))
		dcbor_fail(&d, RC_BAD);
	if (r->op == OP_EXEC)
		exec_of(&d, r);
	if (r->op == OP_LOOK)
		r->since = dcbor_uint(dcbor_need(&d, 10), UINT64_MAX);
	return dcbor_end(&d);
}

/* --- ERROR --- */

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

/* --- numbers and sums --- */

bool number_parse(struct slice payload, uint64_t max, uint64_t *n)
{
	return slice_u64_be(&payload, n) && payload.len == 0 && *n <= max;
}

void number_put(struct wbuf *w, enum frame_type type, uint64_t n)
{
	size_t at = frame_begin(w);

	wbuf_u64_be(w, n);
	frame_end(w, at, type);
}

bool sum_parse(struct slice payload, uint64_t *n, struct slice *digest)
{
	*digest = payload;
	return slice_u64_be(digest, n) && digest->len == SHA384_LEN;
}

void sum_put(struct wbuf *w, enum frame_type type, uint64_t n, const uint8_t digest[SHA384_LEN])
{
	size_t at = frame_begin(w);

	wbuf_u64_be(w, n);
	wbuf_put(w, digest, SHA384_LEN);
	frame_end(w, at, type);
}

void totals_note(struct sha384 *transfer, enum frame_type type, struct slice payload)
{
	uint8_t t = (uint8_t)type;

	sha384_update(transfer, &t, 1);
	sha384_update(transfer, payload.p, payload.len);
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
