/* The channel's frames and messages: round trips, every prefix, every limit. */
#include "appliance/base/manifest.h"
#include "channel/host_message.h"
#include "tests/unit/test.h"

static uint8_t mem[FRAME_HEAD + FRAME_REQUEST_MAX + 64];

static struct slice payload_of(const struct wbuf *w)
{
	return slice_of(w->p + FRAME_HEAD, w->len - FRAME_HEAD);
}

static enum rc parse_any(enum frame_type type, struct slice p)
{
	static struct request r;
	struct error_msg e;
	struct entry n;
	struct totals t;
	struct service_status s;
	struct record_head h;
	struct slice text;
	uint32_t v;

	switch (type) {
	case FRAME_REQUEST: return request_parse(p, &r);
	case FRAME_ACCEPT: return accept_parse(p, &v);
	case FRAME_ERROR: return error_parse(p, &e);
	case FRAME_ENTRY: return entry_parse(p, &n);
	case FRAME_DONE:
	case FRAME_RESULT: return totals_parse(type, p, &t);
	case FRAME_SERVICE: return status_parse(p, &s);
	case FRAME_RECORD: return record_parse(p, &h, &text);
	default: return RC_DENIED;
	}
}

/* The frame in w parses whole, no prefix of it does, nor with a byte more;
 * each against a guard page. */
static void check_prefixes(const struct wbuf *w, enum frame_type type)
{
	struct slice all = payload_of(w);
	struct frame f;

	CHECK(!w->over);
	CHECK(frame_head(wbuf_slice(w), &f) == RC_OK && f.type == type && f.len == all.len);
	for (size_t n = 0; n <= all.len; n++) {
		struct slice g = test_guard(slice_of(all.p, n));

		CHECK((parse_any(type, g) == RC_OK) == (n == all.len));
		test_unguard(g);
	}
	mem[w->len] = 0;
	CHECK(parse_any(type, slice_of(all.p, all.len + 1)) != RC_OK);
}

static struct wbuf fresh(void)
{
	return wbuf_of(mem, sizeof mem);
}

static void test_heads(void)
{
	static const struct {
		uint8_t b[4];
		enum rc rc;
	} cases[] = {
		{ { 0x00, 0, 0, 0 }, RC_BAD },      { { 0x04, 0, 0, 0 }, RC_BAD },
		{ { 0x18, 0, 0, 0 }, RC_BAD },      { { 0x29, 0, 0, 0 }, RC_BAD },
		{ { 0x2f, 0, 0, 0 }, RC_BAD },      { { 0x32, 0, 0, 0 }, RC_BAD },
		{ { 0x30, 0, 0x20, 0 }, RC_OK },    { { 0x30, 0, 0x20, 1 }, RC_LIMIT },
		{ { 0x31, 0, 0x20, 0 }, RC_OK },    { { 0x31, 0, 0x20, 1 }, RC_LIMIT },
		{ { 0xff, 0, 0, 0 }, RC_BAD },      { { 0x10, 0, 0, 0 }, RC_BAD },
		{ { 0x21, 0, 0, 0 }, RC_BAD },      { { 0x21, 0, 0, 1 }, RC_OK },
		{ { 0x21, 4, 0, 0 }, RC_OK },       { { 0x21, 4, 0, 1 }, RC_LIMIT },
		{ { 0x13, 0, 0, 0 }, RC_OK },       { { 0x20, 0, 0x20, 0 }, RC_OK },
		{ { 0x20, 0, 0x20, 1 }, RC_LIMIT }, { { 0x01, 1, 0, 0 }, RC_OK },
		{ { 0x01, 1, 0, 1 }, RC_LIMIT },    { { 0x28, 0xff, 0xff, 0xff }, RC_LIMIT },
	};
	struct frame f;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(frame_head(slice_of(cases[i].b, 4), &f) == cases[i].rc);
	CHECK(frame_head(slice_of("\x21\0\0", 3), &f) == RC_MORE);
	CHECK(frame_head(slice_of("", 0), &f) == RC_MORE);
	CHECK(frame_head(slice_of("\x99", 1), &f) == RC_BAD);
}

static void test_request(void)
{
	static struct request r, got;
	struct wbuf w = fresh();

	r = (struct request){ .op = OP_EXEC,
		              .flags = EXEC_STDIN | EXEC_TTY,
		              .argc = 2,
		              .envc = 1,
		              .cwd = slice_str("/tmp"),
		              .idc = 3,
		              .ids = { 1000, 100, INT32_MAX },
		              .rows = 50,
		              .cols = 132 };
	r.argv[0] = slice_str("sh");
	r.argv[1] = slice_str("");
	r.env[0] = slice_str("A=b");
	request_put(&w, &r);
	check_prefixes(&w, FRAME_REQUEST);
	CHECK(request_parse(payload_of(&w), &got) == RC_OK);
	CHECK(got.op == OP_EXEC && got.flags == 3 && got.argc == 2 && got.envc == 1);
	CHECK(slice_is(got.argv[0], "sh") && got.argv[1].len == 0 && slice_is(got.env[0], "A=b"));
	CHECK(slice_is(got.cwd, "/tmp") && got.idc == 3);
	CHECK(got.ids[0] == 1000 && got.ids[1] == 100 && got.ids[2] == INT32_MAX);
	CHECK(got.rows == 50 && got.cols == 132);

	w = fresh();
	r = (struct request){ .op = OP_PUSH, .flags = FILES_RESUME, .path = slice_str("/x") };
	request_put(&w, &r);
	check_prefixes(&w, FRAME_REQUEST);
	CHECK(request_parse(payload_of(&w), &got) == RC_OK && slice_is(got.path, "/x"));
	w = fresh();
	r = (struct request){ .op = OP_STOP };
	request_put(&w, &r);
	check_prefixes(&w, FRAME_REQUEST);
	w = fresh();
	r = (struct request){ .op = OP_PULL, .argc = 1 };
	r.argv[0] = slice_str("/y");
	request_put(&w, &r);
	check_prefixes(&w, FRAME_REQUEST);
}

static void test_service_requests(void)
{
	static const char *const words[] = { "start", "stop", "restart", "signal" };
	static struct request r, got;
	struct wbuf w;

	for (size_t i = 0; i < 4; i++) {
		unsigned sig = i == 3 ? 31 : 0;

		w = fresh();
		r = (struct request){ .op = OP_CONTROL, .argc = 2, .flags = sig };
		r.argv[0] = slice_str(words[i]);
		r.argv[1] = slice_str("web");
		request_put(&w, &r);
		check_prefixes(&w, FRAME_REQUEST);
		CHECK(request_parse(payload_of(&w), &got) == RC_OK && got.op == OP_CONTROL);
		CHECK(got.argc == 2 && slice_is(got.argv[0], words[i]) && got.flags == sig);
		CHECK(slice_is(got.argv[1], "web"));
	}
	for (size_t n = 0; n <= SERVICES_MAX + 1; n++) {
		w = fresh();
		r = (struct request){ .op = OP_LOOK, .argc = n, .flags = 7, .since = UINT64_MAX };
		for (size_t i = 0; i < n; i++)
			r.argv[i] = slice_str("s");
		request_put(&w, &r);
		if (n > SERVICES_MAX) {
			CHECK(request_parse(payload_of(&w), &got) == RC_LIMIT);
			continue;
		}
		check_prefixes(&w, FRAME_REQUEST);
		CHECK(request_parse(payload_of(&w), &got) == RC_OK && got.argc == n);
		CHECK(got.op == OP_LOOK && got.flags == 7 && got.since == UINT64_MAX);
	}
}

/* Payloads written by hand, each wrong in one way. */
static void test_bad_requests(void)
{
	static const struct {
		const char *b;
		size_t len;
		enum rc rc;
	} cases[] = {
#define BAD(s, rc) { s, sizeof s - 1, rc }
		BAD("\xa2\x01\x01\x02\x04", RC_OK),                    /* stop */
		BAD("\xa2\x01\x02\x02\x04", RC_DENIED),                /* version 2 */
		BAD("\xa2\x01\x01\x02\x00", RC_BAD),                   /* no such operation */
		BAD("\xa2\x01\x01\x02\x07", RC_BAD),                   /* nor this */
		BAD("\xa2\x02\x04\x01\x01", RC_BAD),                   /* keys out of order */
		BAD("\xa2\x01\x01\x01\x01", RC_BAD),                   /* a key twice */
		BAD("\xa1\x02\x04", RC_BAD),                           /* no version */
		BAD("\xa2\x01\x18\x01\x02\x04", RC_BAD),               /* not the shortest form */
		BAD("\xbf\x01\x01\x02\x04\xff", RC_BAD),               /* indefinite length */
		BAD("\xa3\x01\x01\x02\x04\x07\x00", RC_BAD),           /* flags on stop */
		BAD("\xa3\x01\x01\x02\x04\x0a\x00", RC_BAD),           /* unknown key */
		BAD("\xa3\x01\x01\x02\x02\x09\x40", RC_BAD),           /* push to nowhere */
		BAD("\xa3\x01\x01\x02\x02\x09\x42x\0", RC_BAD),        /* NUL in the path */
		BAD("\xa3\x01\x01\x02\x02\x09\x61x", RC_BAD),          /* text, not bytes */
		BAD("\xa3\x01\x01\x02\x03\x09\x80", RC_BAD),           /* pull nothing */
		BAD("\xa3\x01\x01\x02\x01\x03\x80", RC_BAD),           /* exec nothing */
		BAD("\xa3\x01\x01\x02\x01\x03\x81\x40", RC_BAD),       /* exec "" */
		BAD("\xa3\x01\x01\x02\x01\x03\x99\x01\x01", RC_LIMIT), /* 257 arguments */
		BAD("\xa3\x01\x01\x02\x01\x03\x9b\xff\xff\xff\xff\xff\xff\xff\xff", RC_LIMIT),
		BAD("\xa3\x01\x01\x02\x01\x03\x81\x5b\xff\xff\xff\xff\xff\xff\xff\xff", RC_EOF),
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x08\x81\x01", RC_BAD), /* window of one */
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x06\x80", RC_BAD),     /* nobody */
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x06\x81\x01", RC_BAD), /* of no group */
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x06\x41x", RC_BAD),    /* a name */
		/* control */
		BAD("\xa3\x01\x01\x02\x05\x03\x82\x44stop\x41w", RC_OK),
		BAD("\xa2\x01\x01\x02\x05", RC_BAD),                             /* nothing */
		BAD("\xa3\x01\x01\x02\x05\x03\x80", RC_BAD),                     /* no words */
		BAD("\xa3\x01\x01\x02\x05\x03\x81\x44stop", RC_BAD),             /* whom */
		BAD("\xa3\x01\x01\x02\x05\x03\x82\x44stop\x40", RC_BAD),         /* nobody */
		BAD("\xa3\x01\x01\x02\x05\x03\x82\x44stoq\x41w", RC_BAD),        /* what */
		BAD("\xa3\x01\x01\x02\x05\x03\x82\x43sto\x41w", RC_BAD),         /* not whole */
		BAD("\xa3\x01\x01\x02\x05\x03\x82\x44stop\x41\0", RC_BAD),       /* NUL */
		BAD("\xa3\x01\x01\x02\x05\x03\x82\x64stop\x41w", RC_BAD),        /* text */
		BAD("\xa3\x01\x01\x02\x05\x03\x83\x44stop\x41w\x41x", RC_LIMIT), /* two */
		BAD("\xa4\x01\x01\x02\x05\x03\x82\x44stop\x41w\x07\x0f", RC_BAD),
		BAD("\xa3\x01\x01\x02\x05\x03\x82\x46signal\x41w", RC_BAD), /* which */
		BAD("\xa4\x01\x01\x02\x05\x03\x82\x46signal\x41w\x07\x0f", RC_OK),
		BAD("\xa4\x01\x01\x02\x05\x03\x82\x46signal\x41w\x07\x00", RC_BAD),
		BAD("\xa4\x01\x01\x02\x05\x03\x82\x46signal\x41w\x07\x18\x20", RC_LIMIT),
		/* look */
		BAD("\xa3\x01\x01\x02\x06\x03\x80", RC_OK),
		BAD("\xa3\x01\x01\x02\x06\x03\x81\x41w", RC_OK),
		BAD("\xa2\x01\x01\x02\x06", RC_BAD),               /* no names */
		BAD("\xa3\x01\x01\x02\x06\x03\x81\x61w", RC_BAD),  /* text */
		BAD("\xa3\x01\x01\x02\x06\x03\x81\x41\0", RC_BAD), /* NUL */
		BAD("\xa3\x01\x01\x02\x06\x03\x91", RC_LIMIT),     /* 17 names */
		BAD("\xa4\x01\x01\x02\x06\x03\x80\x07\x07", RC_OK),
		BAD("\xa4\x01\x01\x02\x06\x03\x80\x07\x08", RC_BAD), /* unknown flag */
		BAD("\xa4\x01\x01\x02\x06\x03\x80\x0a\x01", RC_OK),
		BAD("\xa4\x01\x01\x02\x06\x03\x80\x0a\x20", RC_BAD), /* since -1 */
		BAD("\xa4\x01\x01\x02\x06\x03\x80\x0b\x01", RC_BAD), /* unknown key */
		BAD("\xa3\x01\x01\x02\x04\x0a\x01", RC_BAD),         /* stop since */
		/* 2^31, and -1 */
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x06\x82\x1a\x80\x00\x00\x00\x00", RC_LIMIT),
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x06\x82\x00\x1a\xff\xff\xff\xff", RC_LIMIT),
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x06\x98\x43", RC_LIMIT), /* 67 */
		BAD("\xa4\x01\x01\x02\x01\x03\x81\x41x\x08\x82\x01\x1a\x00\x01\x00\x00", RC_LIMIT),
	};
	static struct request r;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice g = test_guard(slice_of(cases[i].b, cases[i].len));

		if (!CHECK(request_parse(g, &r) == cases[i].rc))
			printf("  case %zu\n", i);
		test_unguard(g);
	}
}

static void test_limits(void)
{
	static char text[REQUEST_VAR_MAX + 1];
	static struct request r, got;
	struct wbuf w = fresh();

	memset(text, 'x', sizeof text);
	r = (struct request){ .op = OP_EXEC, .argc = 1, .envc = 1 };
	r.argv[0] = slice_of(text, REQUEST_STRING_MAX);
	r.env[0] = slice_of(text, REQUEST_VAR_MAX);
	request_put(&w, &r);
	CHECK(!w.over && request_parse(payload_of(&w), &got) == RC_OK);
	w = fresh();
	r.argv[0].len++;
	request_put(&w, &r);
	CHECK(!w.over && request_parse(payload_of(&w), &got) == RC_LIMIT);
	w = fresh();
	r.argv[0].len--;
	r.env[0].len++;
	request_put(&w, &r);
	CHECK(!w.over && request_parse(payload_of(&w), &got) == RC_LIMIT);
	w = fresh();
	r.envc = 3; /* more than a frame */
	r.env[0].len--;
	r.env[1] = r.env[2] = r.env[0];
	request_put(&w, &r);
	CHECK(w.over);
}

static void test_entries(void)
{
	struct entry e = { .kind = ENTRY_FILE,
		           .name = slice_str("n"),
		           .mode = 04755,
		           .mtime_s = -5,
		           .mtime_ns = 999999999,
		           .size = FILE_SIZE_MAX },
		     got;
	char name[NAME_LEN_MAX + 1];
	struct wbuf w = fresh();

	entry_put(&w, &e);
	check_prefixes(&w, FRAME_ENTRY);
	CHECK(entry_parse(payload_of(&w), &got) == RC_OK);
	CHECK(got.mode == 04755 && got.mtime_s == -5 && got.mtime_ns == 999999999 &&
	      got.size == FILE_SIZE_MAX && slice_is(got.name, "n"));
	w = fresh();
	e.size++;
	entry_put(&w, &e);
	CHECK(entry_parse(payload_of(&w), &got) == RC_LIMIT);
	w = fresh();
	e.size = 0;
	e.mode = 010000;
	entry_put(&w, &e);
	CHECK(entry_parse(payload_of(&w), &got) == RC_LIMIT);
	e.mode = 0;
	memset(name, 'n', sizeof name);
	for (size_t n = NAME_LEN_MAX; n <= NAME_LEN_MAX + 1; n++) {
		w = fresh();
		e.name = slice_of(name, n);
		entry_put(&w, &e);
		CHECK(entry_parse(payload_of(&w), &got) == (n <= NAME_LEN_MAX ? RC_OK : RC_LIMIT));
	}
	w = fresh();
	e = (struct entry){ .kind = ENTRY_SYMLINK,
		            .name = slice_str("l"),
		            .target = slice_str("/a/b") };
	entry_put(&w, &e);
	check_prefixes(&w, FRAME_ENTRY);
	w = fresh();
	e = (struct entry){ .kind = ENTRY_DIR, .name = slice_str("d"), .mode = 01777 };
	entry_put(&w, &e);
	check_prefixes(&w, FRAME_ENTRY);
	CHECK(name_check(slice_of("a\0b", 3)) == RC_BAD);
	CHECK(name_check(slice_str("...")) == RC_OK);
	CHECK(name_check(slice_str("..")) == RC_BAD);
}

static void test_others(void)
{
	struct totals t = { .files = 3, .bytes = 1u << 30, .skipped = 2, .digest = { 7 } }, got;
	struct wbuf w = fresh();
	struct exit_msg x;
	uint16_t rows, cols;
	uint32_t credit;
	int sig;

	totals_put(&w, FRAME_DONE, &t);
	check_prefixes(&w, FRAME_DONE);
	CHECK(totals_parse(FRAME_DONE, payload_of(&w), &got) == RC_OK);
	CHECK(got.files == 3 && got.bytes == 1u << 30 && got.skipped == 2 && got.digest[0] == 7);
	CHECK(totals_parse(FRAME_RESULT, payload_of(&w), &got) != RC_OK);
	w = fresh();
	totals_put(&w, FRAME_RESULT, &t);
	check_prefixes(&w, FRAME_RESULT);
	w = fresh();
	error_put(&w, ERR_CHANGED, "why");
	check_prefixes(&w, FRAME_ERROR);
	CHECK(error_parse(slice_of("\xa2\x01\x00\x02\x40", 5), &(struct error_msg){ 0 }) == RC_BAD);
	CHECK(error_parse(slice_of("\xa2\x01\x0f\x02\x40", 5), &(struct error_msg){ 0 }) ==
	      RC_LIMIT);
	w = fresh();
	accept_put(&w, 42);
	check_prefixes(&w, FRAME_ACCEPT);

	CHECK(exit_parse(slice_of("\1\11", 2), &x) == RC_OK && x.killed && x.status == 9);
	CHECK(exit_parse(slice_of("\2\11", 2), &x) == RC_BAD);
	CHECK(exit_parse(slice_of("\0", 1), &x) == RC_BAD);
	CHECK(winsize_parse(slice_of("\0\30\0\120", 4), &rows, &cols) == RC_OK && rows == 24 &&
	      cols == 80);
	CHECK(winsize_parse(slice_of("\0\30\0", 3), &rows, &cols) == RC_BAD);
	CHECK(signal_parse(slice_of("\17", 1), &sig) == RC_OK && sig == 15);
	CHECK(signal_parse(slice_of("\0", 1), &sig) == RC_BAD);
	CHECK(signal_parse(slice_of("\40", 1), &sig) == RC_BAD);
	CHECK(credit_parse(slice_of("\0\1\0\0", 4), &credit) == RC_OK && credit == 65536);
	CHECK(credit_parse(slice_of("\0\0\0\0", 4), &credit) == RC_BAD);
	for (int code = 0; code <= ERROR_CODE_LAST + 1; code++)
		CHECK(error_name((enum error_code)code) != NULL);
}

/* --- SERVICE, RECORD --- */

static const struct service_status sound = {
	.number = 16,
	.name = { (const uint8_t *)"a-z_09", 6 },
	.numbers = { 7, INT32_MAX, INT64_MAX, 4, 4, 255, 5, 6, 7, 8, 10, 9, INT64_MAX },
};

static enum rc put_and_parse(const struct service_status *s, struct service_status *got)
{
	struct wbuf w = fresh();

	status_put(&w, s);
	CHECK(!w.over);
	return status_parse(payload_of(&w), got);
}

static void test_status(void)
{
	/* one more than this is refused; 0 never is */
	static const uint64_t max[STATUS_NUMBERS] = {
		7,         INT32_MAX, INT64_MAX, INT64_MAX, 4,         255,       INT64_MAX,
		INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
	};
	static const char *const names[] = { "", "W", "a b", "a/b", "a.b", "\x1b[2J", "\xc3\xa4" };
	struct service_status s = sound, got;
	char name[SERVICE_NAME_MAX + 1];
	struct wbuf w = fresh();

	status_put(&w, &s);
	check_prefixes(&w, FRAME_SERVICE);
	CHECK(put_and_parse(&s, &got) == RC_OK && got.number == 16 && slice_is(got.name, "a-z_09"));
	CHECK(memcmp(got.numbers, s.numbers, sizeof s.numbers) == 0);
	CHECK(got.state == LOOK_KILLING && got.pid == INT32_MAX && got.starts == 4);
	CHECK(got.end == LOOK_NOT_READY && got.end_status == 255 && got.memory == 5);
	CHECK(got.memory_max == 6 && got.cpu_us == 7 && got.tasks == 8 && got.output == 10);
	CHECK(got.dropped == 9 && got.ooms == INT64_MAX && got.since_ns == INT64_MAX);
	for (size_t i = 0; i < STATUS_NUMBERS; i++) {
		s = sound;
		s.output = INT64_MAX;
		s.numbers[i] = max[i];
		CHECK(put_and_parse(&s, &got) == RC_OK);
		s.numbers[i]++;
		if (!CHECK(put_and_parse(&s, &got) == RC_LIMIT))
			printf("  number %zu\n", i);
	}
	s = sound;
	s.output = s.dropped - 1; /* more lost than there ever was */
	CHECK(put_and_parse(&s, &got) == RC_BAD);
	s = sound;
	s.number = 0;
	CHECK(put_and_parse(&s, &got) == RC_BAD);
	s.number = SERVICES_MAX + 1;
	CHECK(put_and_parse(&s, &got) == RC_LIMIT);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		s = sound;
		s.name = slice_str(names[i]);
		CHECK(put_and_parse(&s, &got) == RC_BAD);
	}
	memset(name, 'n', sizeof name);
	for (size_t n = SERVICE_NAME_MAX; n <= SERVICE_NAME_MAX + 1; n++) {
		s.name = slice_of(name, n);
		CHECK(put_and_parse(&s, &got) == (n <= SERVICE_NAME_MAX ? RC_OK : RC_LIMIT));
	}
}

static enum rc record(uint64_t time_ns, uint8_t service, uint8_t kind, size_t len)
{
	static uint8_t text[RECORD_TEXT_MAX];
	struct record_head h = { 1, time_ns, UINT64_MAX, service, kind }, got;
	struct wbuf w = fresh();
	struct slice said, all;
	enum rc rc;

	memset(text, 0xff, sizeof text);
	record_put(&w, &h, slice_of(text, len));
	CHECK(!w.over && w.len == FRAME_HEAD + RECORD_HEAD + len);
	all = test_guard(payload_of(&w));
	rc = record_parse(all, &got, &said);
	if (rc == RC_OK)
		CHECK(got.seq == 1 && got.time_ns == time_ns && got.position == UINT64_MAX &&
		      got.service == service && got.kind == kind &&
		      slice_eq(said, slice_of(text, len)));
	test_unguard(all);
	return rc;
}

static void test_records(void)
{
	struct record_head h;
	struct slice text;

	for (size_t n = 0; n < RECORD_HEAD; n++) {
		struct slice g = test_guard(slice_of(mem, n));

		CHECK(record_parse(g, &h, &text) == RC_BAD);
		test_unguard(g);
	}
	for (unsigned kind = 0; kind < 256; kind++) {
		bool output = kind == RECORD_STDOUT || kind == RECORD_STDERR;
		bool event = kind >= 16 && kind <= 24;

		CHECK(record(2, 1, (uint8_t)kind, 3) == (output || event ? RC_OK : RC_BAD));
		CHECK(record(2, 1, (uint8_t)kind, 0) == (event ? RC_OK : RC_BAD));
		CHECK(record(2, 0, (uint8_t)kind, 3) == (event ? RC_OK : RC_BAD));
	}
	CHECK(record(INT64_MAX, 16, RECORD_STDERR, RECORD_TEXT_MAX) == RC_OK);
	CHECK(record(1, 17, RECORD_STDERR, 1) == RC_LIMIT);
	CHECK(record((uint64_t)INT64_MAX + 1, 1, RECORD_READY, 0) == RC_LIMIT);
}

int main(void)
{
	test_heads();
	test_request();
	test_service_requests();
	test_bad_requests();
	test_limits();
	test_entries();
	test_others();
	test_status();
	test_records();
	return test_end();
}
