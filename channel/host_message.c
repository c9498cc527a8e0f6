#include "channel/host_message.h"

#include "appliance/base/dcbor.h"

static void put_texts(struct wbuf *w, uint32_t key, const struct slice *s, size_t n)
{
	dcbor_put_uint(w, key);
	dcbor_put_array(w, n);
	for (size_t i = 0; i < n; i++)
		dcbor_put_bytes(w, s[i]);
}

static void put_exec(struct wbuf *w, const struct request *r)
{
	put_texts(w, 5, r->env, r->envc);
	dcbor_pair_bytes(w, 6, r->cwd);
	if (r->idc > 0) {
		dcbor_put_uint(w, 7);
		dcbor_put_array(w, r->idc);
	}
	for (size_t i = 0; i < r->idc; i++)
		dcbor_put_uint(w, r->ids[i]);
	dcbor_pair_uint(w, 8, r->rows);
	dcbor_pair_uint(w, 9, r->cols);
}

void request_put(struct wbuf *w, const struct request *r)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, r->op == OP_EXEC ? 8u + (r->idc > 0) : r->op == OP_LOOK ? 5 : 4);
	dcbor_pair_uint(w, 1, REQUEST_VERSION);
	dcbor_pair_uint(w, 2, r->op);
	put_texts(w, 3, r->argv, r->argc);
	dcbor_pair_uint(w, 4, r->flags);
	if (r->op == OP_EXEC)
		put_exec(w, r);
	if (r->op == OP_LOOK)
		dcbor_pair_uint(w, 10, r->since);
	if (w->len - at > FRAME_HEAD + FRAME_REQUEST_MAX)
		w->over = true;
	frame_end(w, at, FRAME_REQUEST);
}

enum rc status_parse(struct slice payload, struct service_status *s)
{
	static const uint64_t max[STATUS_NUMBERS] = {
		LOOK_KILLING,   INT32_MAX, INT64_MAX, INT64_MAX, /* state, pid, since, starts */
		LOOK_NOT_READY, UINT8_MAX,                       /* end, its status */
		INT64_MAX,      INT64_MAX, INT64_MAX, INT64_MAX, /* memory, limit, cpu, tasks */
		INT64_MAX,      INT64_MAX, INT64_MAX,            /* output, dropped, ooms */
	};
	struct dcbor d = dcbor_of(payload);

	memset(s, 0, sizeof *s);
	dcbor_record(&d);
	s->number = dcbor_uint(dcbor_need(&d, 1), SERVICES_MAX);
	s->name = dcbor_bytes(dcbor_need(&d, 2), SERVICE_NAME_MAX);
	for (size_t i = 0; i < STATUS_NUMBERS; i++)
		s->numbers[i] = dcbor_uint(dcbor_need(&d, STATUS_FIRST + i), max[i]);
	if (s->number == 0 || !service_is_name(s->name) || s->dropped > s->output)
		dcbor_fail(&d, RC_BAD);
	return dcbor_end(&d);
}

enum rc record_parse(struct slice payload, struct record_head *h, struct slice *text)
{
	struct slice tail;

	if (!slice_u64_be(&payload, &h->seq) || !slice_u64_be(&payload, &h->time_ns) ||
	    !slice_u64_be(&payload, &h->position) || !slice_take(&payload, 2, &tail))
		return RC_BAD;
	h->service = tail.p[0];
	h->kind = tail.p[1];
	*text = payload;
	if (h->service > SERVICES_MAX || h->time_ns > INT64_MAX)
		return RC_LIMIT;
	if (h->kind == RECORD_STDOUT || h->kind == RECORD_STDERR)
		return h->service > 0 && text->len > 0 ? RC_OK : RC_BAD;
	return h->kind >= RECORD_STARTING && h->kind <= RECORD_LAST ? RC_OK : RC_BAD;
}

const char *error_name(enum error_code code)
{
	static const char *const names[] = {
		[ERR_PROTOCOL] = "protocol error",  [ERR_VERSION] = "another protocol version",
		[ERR_BUSY] = "too many sessions",   [ERR_DENIED] = "denied",
		[ERR_NOT_FOUND] = "not found",      [ERR_NOT_EXECUTABLE] = "not executable",
		[ERR_SYSTEM] = "system error",      [ERR_NO_SPACE] = "no space left",
		[ERR_DIGEST] = "digest mismatch",   [ERR_CHANGED] = "changed while it was read",
		[ERR_DUPLICATE] = "duplicate name", [ERR_CONFLICT] = "conflict",
		[ERR_OVER_LIMIT] = "over a limit",  [ERR_DEADLINE] = "timed out",
	};

	return code >= ERR_PROTOCOL && code <= ERROR_CODE_LAST ? names[code] : "unknown error";
}
