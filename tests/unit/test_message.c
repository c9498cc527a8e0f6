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
	struct service_status s;
	struct record_head h;
	struct slice text;
	uint64_t v;

	switch (type) {
	case FRAME_REQUEST: return request_parse(p, &r);
	case FRAME_ERROR: return error_parse(p, &e);
	case FRAME_ENTRY: return entry_parse(p, &n);
	case FRAME_DONE: return sum_parse(p, &v, &text) ? RC_OK : RC_BAD;
	case FRAME_CREDIT: return number_parse(p, UINT64_MAX, &v) ? RC_OK : RC_BAD;
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
		{ { 0x30, 0, 0x20, 0 }, RC_OK },    { { 0x30, 0, 0x20, 1 }, RC_LIMIT },
		{ { 0x31, 0, 0x20, 0 }, RC_OK },    { { 0x31, 0, 0x20, 1 }, RC_LIMIT },
		{ { 0xff, 0, 0x20, 0 }, RC_OK },    { { 0xff, 0, 0x20, 1 }, RC_LIMIT },
		{ { 0x11, 0, 0, 0 }, RC_BAD },      { { 0x12, 0, 0, 0 }, RC_BAD },
		{ { 0x21, 0, 0, 0 }, RC_BAD },      { { 0x21, 0, 0, 1 }, RC_OK },
		{ { 0x21, 4, 0, 0 }, RC_OK },       { { 0x21, 4, 0, 1 }, RC_LIMIT },
		{ { 0x10, 0, 0, 0 }, RC_OK },       { { 0x20, 0, 0x20, 0 }, RC_OK },
		{ { 0x20, 0, 0x20, 1 }, RC_LIMIT }, { { 0x01, 1, 0, 0 }, RC_OK },
		{ { 0x01, 1, 0, 1 }, RC_LIMIT },    { { 0x28, 0xff, 0xff, 0xff }, RC_LIMIT },
	};
	struct frame f;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(frame_head(slice_of(cases[i].b, 4), &f) == cases[i].rc);
	CHECK(frame_head(slice_of("\x21\0\0", 3), &f) == RC_MORE);
	CHECK(frame_head(slice_of("", 0), &f) == RC_MORE);
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
	r = (struct request){ .op = OP_PUSH, .flags = FILES_RESUME, .argc = 1 };
	r.argv[0] = slice_str("/x");
	request_put(&w, &r);
	check_prefixes(&w, FRAME_REQUEST);
	CHECK(request_parse(payload_of(&w), &got) == RC_OK && slice_is(got.argv[0], "/x"));
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
#define BAD(s, rc)      { s, sizeof s - 1, rc }
#define STOP(keys)      "\xa4" keys
#define PLAIN(op, rest) "\xa4\x01\x02\x02" op "\x03" rest
#define EXEC(rest)      "\xa8\x01\x02\x02\x01\x03" rest
#define TRUE            "\x81\x41x\x04\x00\x05\x80\x06\x40"
#define WINDOW          "\x08\x01\x09\x01"
#define LOOK(rest)      "\xa5\x01\x02\x02\x06\x03" rest
		BAD(STOP("\x01\x02\x02\x04\x03\x80\x04\x00"), RC_OK),
		BAD(STOP("\x01\x01\x02\x04\x03\x80\x04\x00"), RC_DENIED), /* version 1 */
		BAD(STOP("\x01\x02\x02\x00\x03\x80\x04\x00"), RC_BAD),    /* no such operation */
		BAD(STOP("\x01\x02\x02\x07\x03\x80\x04\x00"), RC_BAD),    /* nor this */
		BAD(STOP("\x02\x04\x01\x02\x03\x80\x04\x00"), RC_BAD),    /* out of order */
		BAD(STOP("\x01\x02\x02\x04\x03\x80\x03\x80"), RC_BAD),    /* a key twice */
		BAD(STOP("\x01\x02\x02\x04\x03\x81\x41x\x04\x00"), RC_LIMIT), /* a word */
		BAD(STOP("\x01\x02\x02\x04\x03\x80\x04\x01"), RC_LIMIT),      /* a flag */
		BAD(STOP("\x01\x18\x02\x02\x04\x03\x80\x04\x00"), RC_BAD),    /* not the shortest */
		BAD("\xa3\x02\x04\x03\x80\x04\x00", RC_BAD),                  /* no version */
		BAD("\xa3\x01\x02\x02\x04\x03\x80", RC_BAD),                  /* no flags */
		BAD("\xa3\x01\x02\x02\x04\x04\x00", RC_BAD),                  /* no words */
		BAD("\xbf\x01\x02\x02\x04\x03\x80\x04\x00\xff", RC_BAD),     /* indefinite length */
		BAD("\xa5\x01\x02\x02\x04\x03\x80\x04\x00\x0a\x00", RC_BAD), /* stop since */
		BAD("\xa5\x01\x02\x02\x04\x03\x80\x04\x00\x0b\x00", RC_BAD), /* unknown key */
		/* push, pull */
		BAD(PLAIN("\x02", "\x81\x41x\x04\x03"), RC_OK),
		BAD(PLAIN("\x02", "\x81\x41x\x04\x04"), RC_LIMIT),      /* unknown flag */
		BAD(PLAIN("\x02", "\x81\x40\x04\x00"), RC_BAD),         /* to nowhere */
		BAD(PLAIN("\x02", "\x80\x04\x00"), RC_BAD),             /* the same */
		BAD(PLAIN("\x02", "\x82\x41x\x41y\x04\x00"), RC_LIMIT), /* to two */
		BAD(PLAIN("\x02", "\x81\x42x\0\x04\x00"), RC_BAD),      /* NUL in the path */
		BAD(PLAIN("\x02", "\x81\x61x\x04\x00"), RC_BAD),        /* text, not bytes */
		BAD(PLAIN("\x03", "\x82\x41x\x41y\x04\x01"), RC_OK),
		BAD(PLAIN("\x03", "\x81\x41x\x04\x02"), RC_LIMIT), /* into, which it has not */
		BAD(PLAIN("\x03", "\x80\x04\x00"), RC_BAD),        /* nothing */
		/* exec */
		BAD(EXEC(TRUE WINDOW), RC_OK),
		BAD("\xa7\x01\x02\x02\x01\x03" TRUE "\x08\x01", RC_BAD),         /* no columns */
		BAD(EXEC("\x80\x04\x00\x05\x80\x06\x40" WINDOW), RC_BAD),        /* nothing */
		BAD(EXEC("\x81\x40\x04\x00\x05\x80\x06\x40" WINDOW), RC_BAD),    /* "" */
		BAD(EXEC("\x81\x41x\x04\x08\x05\x80\x06\x40" WINDOW), RC_LIMIT), /* unknown flag */
		BAD(EXEC("\x99\x01\x01"), RC_LIMIT),                             /* 257 arguments */
		BAD(EXEC("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), RC_LIMIT),
		BAD(EXEC("\x81\x5b\xff\xff\xff\xff\xff\xff\xff\xff"), RC_EOF),
		BAD(EXEC(TRUE "\x08\x1a\x00\x01\x00\x00\x09\x01"), RC_LIMIT), /* 65536 rows */
		BAD("\xa9\x01\x02\x02\x01\x03" TRUE "\x07\x82\x01\x02" WINDOW, RC_OK),
		BAD("\xa9\x01\x02\x02\x01\x03" TRUE "\x07\x80" WINDOW, RC_BAD),       /* nobody */
		BAD("\xa9\x01\x02\x02\x01\x03" TRUE "\x07\x81\x01" WINDOW, RC_BAD),   /* no group */
		BAD("\xa9\x01\x02\x02\x01\x03" TRUE "\x07\x41x" WINDOW, RC_BAD),      /* a name */
		BAD("\xa9\x01\x02\x02\x01\x03" TRUE "\x07\x98\x43" WINDOW, RC_LIMIT), /* 67 */
		/* 2^31, and -1 */
		BAD("\xa9\x01\x02\x02\x01\x03" TRUE "\x07\x82\x1a\x80\x00\x00\x00\x00" WINDOW,
		    RC_LIMIT),
		BAD("\xa9\x01\x02\x02\x01\x03" TRUE "\x07\x82\x00\x1a\xff\xff\xff\xff" WINDOW,
		    RC_LIMIT),
		/* control */
		BAD(PLAIN("\x05", "\x82\x44stop\x41w\x04\x00"), RC_OK),
		BAD(PLAIN("\x05", "\x82\x44stop\x40\x04\x00"),
		    RC_OK),                                         /* there is none of that name */
		BAD(PLAIN("\x05", "\x80\x04\x00"), RC_BAD),         /* no words */
		BAD(PLAIN("\x05", "\x81\x44stop\x04\x00"), RC_BAD), /* whom */
		BAD(PLAIN("\x05", "\x82\x40\x41w\x04\x00"), RC_BAD),            /* what */
		BAD(PLAIN("\x05", "\x82\x44stoq\x41w\x04\x00"), RC_BAD),        /* the same */
		BAD(PLAIN("\x05", "\x82\x43sto\x41w\x04\x00"), RC_BAD),         /* not whole */
		BAD(PLAIN("\x05", "\x82\x44stop\x41\0\x04\x00"), RC_BAD),       /* NUL */
		BAD(PLAIN("\x05", "\x82\x64stop\x41w\x04\x00"), RC_BAD),        /* text */
		BAD(PLAIN("\x05", "\x83\x44stop\x41w\x41x\x04\x00"), RC_LIMIT), /* two */
		BAD(PLAIN("\x05", "\x82\x44stop\x41w\x04\x0f"), RC_BAD),        /* a number */
		BAD(PLAIN("\x05", "\x82\x46signal\x41w\x04\x00"), RC_BAD),      /* which */
		BAD(PLAIN("\x05", "\x82\x46signal\x41w\x04\x0f"), RC_OK),
		BAD(PLAIN("\x05", "\x82\x46signal\x41w\x04\x18\x20"), RC_LIMIT),
		/* look */
		BAD(LOOK("\x80\x04\x00\x0a\x00"), RC_OK),
		BAD(LOOK("\x81\x41w\x04\x07\x0a\x01"), RC_OK),
		BAD(LOOK("\x81\x61w\x04\x00\x0a\x00"), RC_BAD),      /* text */
		BAD(LOOK("\x81\x41\0\x04\x00\x0a\x00"), RC_BAD),     /* NUL */
		BAD(LOOK("\x91"), RC_LIMIT),                         /* 17 names */
		BAD(LOOK("\x80\x04\x08\x0a\x00"), RC_LIMIT),         /* unknown flag */
		BAD(LOOK("\x80\x04\x00\x0a\x20"), RC_BAD),           /* since -1 */
		BAD(LOOK("\x80\x04\x00\x0b\x00"), RC_BAD),           /* unknown key */
		BAD("\xa4\x01\x02\x02\x06\x03\x80\x04\x00", RC_BAD), /* no since */
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
	static const uint8_t digest[SHA384_LEN] = { 7, [SHA384_LEN - 1] = 8 };
	struct wbuf w = fresh();
	struct slice got;
	uint64_t n;

	sum_put(&w, FRAME_DONE, 1u << 30, digest);
	check_prefixes(&w, FRAME_DONE);
	CHECK(sum_parse(payload_of(&w), &n, &got) && n == 1u << 30);
	CHECK(slice_eq(got, slice_of(digest, sizeof digest)));
	w = fresh();
	number_put(&w, FRAME_CREDIT, 0x0102030405060708);
	check_prefixes(&w, FRAME_CREDIT);
	CHECK(number_parse(payload_of(&w), 0x0102030405060708, &n) && n == 0x0102030405060708);
	CHECK(!number_parse(payload_of(&w), 0x0102030405060707, &n));
	w = fresh();
	error_put(&w, ERR_CHANGED, "why");
	check_prefixes(&w, FRAME_ERROR);
	CHECK(error_parse(slice_of("\xa2\x01\x00\x02\x40", 5), &(struct error_msg){ 0 }) == RC_BAD);
	CHECK(error_parse(slice_of("\xa2\x01\x0f\x02\x40", 5), &(struct error_msg){ 0 }) ==
	      RC_LIMIT);
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
