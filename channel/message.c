#include "channel/message.h"

#include "appliance/base/dcbor.h"

/* A frame whose payload is not known in length before it is written: the head
 * is filled in at the end. */
static size_t frame_begin(struct wbuf *w)
{
	size_t at = w->len;
	static const uint8_t none[FRAME_HEAD];

	wbuf_put(w, none, sizeof none);
	return at;
}

static void frame_end(struct wbuf *w, size_t at, enum frame_type type)
{
	if (!w->over)
		frame_put_head(w->p + at, type, w->len - at - FRAME_HEAD);
}

static void put_number(struct wbuf *w, uint32_t key, uint64_t v)
{
	dcbor_put_uint(w, key);
	dcbor_put_uint(w, v);
}

static void put_bytes(struct wbuf *w, uint32_t key, struct slice s)
{
	dcbor_put_uint(w, key);
	dcbor_put_bytes(w, s);
}

/* A byte string without NUL. */
static struct slice text_of(struct dcbor *d, size_t max)
{
	struct slice s = dcbor_bytes(d, max);

	if (s.len > 0 && memchr(s.p, 0, s.len))
		dcbor_fail(d, RC_BAD);
	return s;
}

static size_t texts_of(struct dcbor *d, struct slice *out, size_t items, size_t max)
{
	size_t n = dcbor_array(d, items);

	for (size_t i = 0; i < n; i++)
		out[i] = text_of(d, max);
	return n;
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

enum request_key {
	KEY_VERSION = 1,
	KEY_OP = 2,
	KEY_ARGV = 3,
	KEY_ENV = 4,
	KEY_CWD = 5,
	KEY_USER = 6,
	KEY_FLAGS = 7,
	KEY_WINDOW = 8,
	KEY_PATH = 9,
};

static void window_of(struct dcbor *d, struct request *r)
{
	if (dcbor_array(d, 2) != 2)
		dcbor_fail(d, RC_BAD);
	r->rows = (uint16_t)dcbor_uint(d, UINT16_MAX);
	r->cols = (uint16_t)dcbor_uint(d, UINT16_MAX);
}

static void path_of(struct dcbor *d, struct request *r)
{
	if (r->op == OP_PULL) {
		r->argc = texts_of(d, r->argv, REQUEST_ARGS_MAX, REQUEST_STRING_MAX);
		for (size_t i = 0; i < r->argc; i++)
			if (r->argv[i].len == 0)
				dcbor_fail(d, RC_BAD);
		return;
	}
	r->path = text_of(d, REQUEST_STRING_MAX);
	if (r->path.len == 0)
		dcbor_fail(d, RC_BAD);
}

static void request_value(struct dcbor *d, struct request *r, uint32_t key)
{
	switch (key) {
	case KEY_VERSION:
		if (dcbor_uint(d, UINT64_MAX) != REQUEST_VERSION && d->rc == RC_OK)
			d->rc = RC_DENIED;
		break;
	case KEY_OP: r->op = (enum request_op)dcbor_uint(d, UINT32_MAX); break;
	case KEY_ARGV: r->argc = texts_of(d, r->argv, REQUEST_ARGS_MAX, REQUEST_STRING_MAX); break;
	case KEY_ENV: r->envc = texts_of(d, r->env, REQUEST_ENV_MAX, REQUEST_VAR_MAX); break;
	case KEY_CWD: r->cwd = text_of(d, REQUEST_STRING_MAX); break;
	case KEY_USER: r->user = text_of(d, REQUEST_STRING_MAX); break;
	case KEY_FLAGS: r->flags = (unsigned)dcbor_uint(d, 7); break;
	case KEY_WINDOW: window_of(d, r); break;
	case KEY_PATH: path_of(d, r); break;
	default: dcbor_fail(d, RC_BAD);
	}
}

#define KEY(k) (1u << (k))

/* Which keys an operation must and may have. */
static bool keys_fit(enum request_op op, unsigned seen, unsigned flags)
{
	const unsigned common = KEY(KEY_VERSION) | KEY(KEY_OP);
	unsigned must = common, may, flag_mask;

	switch (op) {
	case OP_EXEC:
		must |= KEY(KEY_ARGV);
		may = must | KEY(KEY_ENV) | KEY(KEY_CWD) | KEY(KEY_USER) | KEY(KEY_FLAGS) |
		      KEY(KEY_WINDOW);
		flag_mask = EXEC_STDIN | EXEC_TTY | EXEC_DETACH;
		break;
	case OP_PUSH:
		must |= KEY(KEY_PATH);
		may = must | KEY(KEY_FLAGS);
		flag_mask = FILES_INTO | FILES_RESUME;
		break;
	case OP_PULL:
		must |= KEY(KEY_PATH);
		may = must | KEY(KEY_FLAGS);
		flag_mask = FILES_RESUME;
		break;
	case OP_STOP:
		may = must;
		flag_mask = 0;
		break;
	default: return false;
	}
	return (seen & must) == must && (seen & ~may) == 0 && (flags & ~flag_mask) == 0;
}

enum rc request_parse(struct slice payload, struct request *r)
{
	struct dcbor d = dcbor_of(payload);
	struct dcbor_map map;
	unsigned seen = 0;
	uint32_t key;

	memset(r, 0, sizeof *r);
	r->rows = 24;
	r->cols = 80;
	dcbor_map(&d, &map, KEY_PATH);
	while (dcbor_key(&d, &map, &key)) {
		if (key > KEY_PATH)
			return RC_BAD;
		seen |= KEY(key);
		request_value(&d, r, key);
	}
	if (dcbor_end(&d) != RC_OK)
		return d.rc;
	if (!keys_fit(r->op, seen, r->flags))
		return RC_BAD;
	if (r->op != OP_PUSH && r->op != OP_STOP && r->argc == 0)
		return RC_BAD;
	if (r->op == OP_EXEC && r->argv[0].len == 0)
		return RC_BAD;
	return RC_OK;
}

static void put_texts(struct wbuf *w, uint32_t key, const struct slice *s, size_t n)
{
	dcbor_put_uint(w, key);
	dcbor_put_array(w, n);
	for (size_t i = 0; i < n; i++)
		dcbor_put_bytes(w, s[i]);
}

static void put_exec(struct wbuf *w, const struct request *r)
{
	put_texts(w, KEY_ARGV, r->argv, r->argc);
	if (r->envc > 0)
		put_texts(w, KEY_ENV, r->env, r->envc);
	if (r->cwd.len > 0)
		put_bytes(w, KEY_CWD, r->cwd);
	if (r->user.len > 0)
		put_bytes(w, KEY_USER, r->user);
	put_number(w, KEY_FLAGS, r->flags);
	dcbor_put_uint(w, KEY_WINDOW);
	dcbor_put_array(w, 2);
	dcbor_put_uint(w, r->rows);
	dcbor_put_uint(w, r->cols);
}

void request_put(struct wbuf *w, const struct request *r)
{
	size_t at = frame_begin(w), pairs = 2;

	if (r->op == OP_EXEC)
		pairs += 3u + (r->envc > 0) + (r->cwd.len > 0) + (r->user.len > 0);
	else if (r->op != OP_STOP)
		pairs += 2;
	dcbor_put_map(w, pairs);
	put_number(w, KEY_VERSION, REQUEST_VERSION);
	put_number(w, KEY_OP, r->op);
	if (r->op == OP_EXEC) {
		put_exec(w, r);
	} else if (r->op != OP_STOP) {
		put_number(w, KEY_FLAGS, r->flags);
		if (r->op == OP_PUSH)
			put_bytes(w, KEY_PATH, r->path);
		else
			put_texts(w, KEY_PATH, r->argv, r->argc);
	}
	if (w->len - at > FRAME_HEAD + FRAME_REQUEST_MAX)
		w->over = true;
	frame_end(w, at, FRAME_REQUEST);
}

/* --- ACCEPT, ERROR --- */

enum rc accept_parse(struct slice payload, uint32_t *pid)
{
	struct dcbor d = dcbor_of(payload);
	struct dcbor_map map;
	uint32_t key;

	*pid = 0;
	dcbor_map(&d, &map, 1);
	while (dcbor_key(&d, &map, &key)) {
		if (key != 1)
			return RC_BAD;
		*pid = (uint32_t)dcbor_uint(&d, UINT32_MAX);
	}
	return dcbor_end(&d);
}

void accept_put(struct wbuf *w, uint32_t pid)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, pid != 0);
	if (pid != 0) {
		put_number(w, 1, pid);
	}
	frame_end(w, at, FRAME_ACCEPT);
}

enum rc error_parse(struct slice payload, struct error_msg *e)
{
	struct dcbor d = dcbor_of(payload);
	struct dcbor_map map;
	uint32_t key;
	unsigned seen = 0;

	memset(e, 0, sizeof *e);
	dcbor_map(&d, &map, 2);
	while (dcbor_key(&d, &map, &key)) {
		if (key == 1)
			e->code = (enum error_code)dcbor_uint(&d, ERROR_CODE_LAST);
		else if (key == 2)
			e->text = dcbor_bytes(&d, ERROR_TEXT_MAX);
		else
			return RC_BAD;
		seen |= KEY(key);
	}
	if (dcbor_end(&d) != RC_OK)
		return d.rc;
	return seen == (KEY(1) | KEY(2)) && e->code >= ERR_PROTOCOL ? RC_OK : RC_BAD;
}

void error_put(struct wbuf *w, enum error_code code, const char *text)
{
	size_t at = frame_begin(w), n = strnlen(text, ERROR_TEXT_MAX);

	dcbor_put_map(w, 2);
	put_number(w, 1, code);
	put_bytes(w, 2, slice_of(text, n));
	frame_end(w, at, FRAME_ERROR);
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

/* --- ENTRY --- */

static void entry_value(struct dcbor *d, struct entry *e, uint32_t key)
{
	switch (key) {
	case 1: e->kind = (enum entry_kind)dcbor_uint(d, ENTRY_SYMLINK); break;
	case 2: e->name = dcbor_bytes(d, NAME_LEN_MAX); break;
	case 3: e->mode = (unsigned)dcbor_uint(d, 07777); break;
	case 4: e->mtime_s = dcbor_int(d); break;
	case 5: e->mtime_ns = (uint32_t)dcbor_uint(d, 999999999); break;
	case 6: e->size = (int64_t)dcbor_uint(d, (uint64_t)FILE_SIZE_MAX); break;
	case 7: e->target = text_of(d, TARGET_LEN_MAX); break;
	default: dcbor_fail(d, RC_BAD);
	}
}

enum rc entry_parse(struct slice payload, struct entry *e)
{
	struct dcbor d = dcbor_of(payload);
	struct dcbor_map map;
	unsigned seen = 0, must = KEY(1) | KEY(2) | KEY(3) | KEY(4) | KEY(5);
	uint32_t key;

	memset(e, 0, sizeof *e);
	dcbor_map(&d, &map, 7);
	while (dcbor_key(&d, &map, &key)) {
		if (key > 7)
			return RC_BAD;
		seen |= KEY(key);
		entry_value(&d, e, key);
	}
	if (dcbor_end(&d) != RC_OK)
		return d.rc;
	if (e->kind == ENTRY_FILE)
		must |= KEY(6);
	else if (e->kind == ENTRY_SYMLINK)
		must |= KEY(7);
	if (seen != must || (e->kind == ENTRY_SYMLINK && e->target.len == 0))
		return RC_BAD;
	return name_check(e->name);
}

void entry_put(struct wbuf *w, const struct entry *e)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, e->kind == ENTRY_DIR ? 5 : 6);
	put_number(w, 1, e->kind);
	put_bytes(w, 2, e->name);
	put_number(w, 3, e->mode);
	dcbor_put_uint(w, 4);
	dcbor_put_int(w, e->mtime_s);
	put_number(w, 5, e->mtime_ns);
	if (e->kind == ENTRY_FILE) {
		put_number(w, 6, (uint64_t)e->size);
	} else if (e->kind == ENTRY_SYMLINK) {
		put_bytes(w, 7, e->target);
	}
	frame_end(w, at, FRAME_ENTRY);
}

/* --- DONE, RESULT --- */

enum rc totals_parse(enum frame_type type, struct slice payload, struct totals *t)
{
	struct dcbor d = dcbor_of(payload);
	struct dcbor_map map;
	uint32_t key, last = type == FRAME_DONE ? 4 : 3;
	struct slice digest = { NULL, 0 };

	memset(t, 0, sizeof *t);
	dcbor_map(&d, &map, last);
	for (uint32_t want = 1; want <= last; want++) {
		if (!dcbor_key(&d, &map, &key) || key != want)
			return d.rc != RC_OK ? d.rc : RC_BAD;
		switch (key) {
		case 1: t->files = dcbor_uint(&d, INT64_MAX); break;
		case 2: t->bytes = dcbor_uint(&d, INT64_MAX); break;
		case 3: digest = dcbor_bytes(&d, SHA384_LEN); break;
		default: t->skipped = dcbor_uint(&d, INT64_MAX);
		}
	}
	if (dcbor_end(&d) != RC_OK)
		return d.rc;
	if (digest.len != SHA384_LEN)
		return RC_BAD;
	memcpy(t->digest, digest.p, SHA384_LEN);
	return RC_OK;
}

void totals_put(struct wbuf *w, enum frame_type type, const struct totals *t)
{
	size_t at = frame_begin(w);

	dcbor_put_map(w, type == FRAME_DONE ? 4 : 3);
	put_number(w, 1, t->files);
	put_number(w, 2, t->bytes);
	put_bytes(w, 3, slice_of(t->digest, SHA384_LEN));
	if (type == FRAME_DONE) {
		put_number(w, 4, t->skipped);
	}
	frame_end(w, at, type);
}

/* --- small fixed ones --- */

enum rc exit_parse(struct slice payload, struct exit_msg *e)
{
	if (payload.len != 2 || payload.p[0] > 1)
		return RC_BAD;
	e->killed = payload.p[0] == 1;
	e->status = payload.p[1];
	return RC_OK;
}

void exit_put(struct wbuf *w, const struct exit_msg *e)
{
	uint8_t b[2] = { e->killed, e->status };

	frame_put(w, FRAME_EXIT, slice_of(b, sizeof b));
}

enum rc winsize_parse(struct slice payload, uint16_t *rows, uint16_t *cols)
{
	if (payload.len != 4 || !slice_u16_be(&payload, rows) || !slice_u16_be(&payload, cols))
		return RC_BAD;
	return RC_OK;
}

void winsize_put(struct wbuf *w, uint16_t rows, uint16_t cols)
{
	uint8_t b[4];
	struct wbuf p = wbuf_of(b, sizeof b);

	wbuf_u16_be(&p, rows);
	wbuf_u16_be(&p, cols);
	frame_put(w, FRAME_WINSIZE, wbuf_slice(&p));
}

enum rc signal_parse(struct slice payload, int *signal)
{
	if (payload.len != 1 || payload.p[0] < 1 || payload.p[0] > 31)
		return RC_BAD;
	*signal = payload.p[0];
	return RC_OK;
}

void signal_put(struct wbuf *w, int signal)
{
	uint8_t b = (uint8_t)signal;

	frame_put(w, FRAME_SIGNAL, slice_of(&b, 1));
}

enum rc credit_parse(struct slice payload, uint32_t *bytes)
{
	if (payload.len != 4 || !slice_u32_be(&payload, bytes) || *bytes == 0)
		return RC_BAD;
	return RC_OK;
}

void credit_put(struct wbuf *w, uint32_t bytes)
{
	uint8_t b[4];
	struct wbuf p = wbuf_of(b, sizeof b);

	wbuf_u32_be(&p, bytes);
	frame_put(w, FRAME_CREDIT, wbuf_slice(&p));
}
