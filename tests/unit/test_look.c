/* tools/casemate/look: the checks on what an enclave says of its services,
 * against a scripted peer. */
#include <sys/socket.h>

#include "channel/host_message.h"
#include "tests/unit/test.h"
#include "tools/casemate/look.h"

static struct look l;
static struct look_record r;
static uint8_t script_mem[100000];
static struct wbuf script;
static int peer = -1;

/* --- the script --- */

static void begin(void)
{
	script = wbuf_of(script_mem, sizeof script_mem);
	frame_put(&script, FRAME_ACCEPT, slice_of(NULL, 0));
}

static void service(uint64_t number, const char *name)
{
	struct service_status s = { .number = number,
		                    .name = slice_str(name),
		                    .state = LOOK_READY };

	status_put(&script, &s);
}

static void record(uint64_t seq, uint64_t position, uint8_t of, uint8_t kind, const char *text)
{
	struct record_head h = { seq, 1, position, of, kind };

	record_put(&script, &h, slice_str(text));
}

static void end(void)
{
	number_put(&script, FRAME_EXIT, 0);
}

/* --- the look --- */

/* The script is sent whole, and the connection closed behind it. */
static bool look(const struct look_ask *a)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		exit(1);
	peer = pair[1];
	CHECK(!script.over);
	CHECK(send(peer, script.p, script.len, MSG_DONTWAIT) == (ssize_t)script.len);
	CHECK(shutdown(peer, SHUT_WR) == 0);
	return look_begin(&l, pair[0], "peer", a);
}

static void over(void)
{
	look_close(&l);
	close(peer);
}

/* What the tool asked for. */
static bool asked(struct request *q)
{
	static uint8_t mem[8192];
	ssize_t n = recv(peer, mem, sizeof mem, MSG_DONTWAIT);
	struct frame f;

	return n > FRAME_HEAD && frame_head(slice_of(mem, (size_t)n), &f) == RC_OK &&
	       f.type == FRAME_REQUEST &&
	       request_parse(slice_of(mem + FRAME_HEAD, f.len), q) == RC_OK;
}

static const struct look_ask everything = { .flags = LOOK_LOGS | LOOK_EVENTS };

/* The whole script is taken, and ends well or with a failure that says `why`. */
static bool ends(const struct look_ask *a, const char *why)
{
	enum look_got got = LOOK_GOT_FAILURE;
	bool ok;

	if (look(a))
		while ((got = look_next(&l, &r)) == LOOK_GOT_SERVICE || got == LOOK_GOT_RECORD)
			;
	ok = why == NULL ? got == LOOK_GOT_END
	                 : got == LOOK_GOT_FAILURE && strstr(l.failure.text, why) != NULL;
	if (!ok)
		printf("  got %d, %s\n", got, l.failure.text);
	over();
	return ok;
}

/* --- cases --- */

static void test_good(void)
{
	struct look_ask a = everything;
	struct request q;

	a.names = 2;
	a.name[0] = "web";
	a.name[1] = "db";
	a.since_ns = 77;
	begin();
	service(2, "db");
	service(9, "web");
	record(5, 100, 9, RECORD_STDOUT, "abc");
	record(7, 103, 9, RECORD_STDERR, "de");
	record(8, 0, 2, RECORD_READY, "");
	record(9, 200, 2, RECORD_STDOUT, "x");
	record(12, 110, 9, RECORD_STDOUT, "y");
	record(13, 50, 0, RECORD_TERMINATED, "z");
	end();
	CHECK(look(&a) && asked(&q));
	CHECK(q.op == OP_LOOK && q.argc == 2 && q.flags == 3 && q.since == 77);
	CHECK(slice_is(q.argv[0], "web") && slice_is(q.argv[1], "db"));
	CHECK(look_next(&l, &r) == LOOK_GOT_SERVICE && look_next(&l, &r) == LOOK_GOT_SERVICE);
	CHECK(l.services.n == 2 && strcmp(l.services.service[1].name, "web") == 0);
	CHECK(l.services.service[0].status.number == 2);
	CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && slice_is(r.text, "abc"));
	CHECK(r.head.seq == 5 && strcmp(r.service, "web") == 0 && r.lost == 0);
	CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.head.kind == RECORD_STDERR && r.lost == 0);
	CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.head.kind == RECORD_READY);
	CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && strcmp(r.service, "db") == 0 && r.lost == 0);
	CHECK(look_ready(&l));
	CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.lost == 5); /* 105 to 110 */
	CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.service == NULL && r.lost == 0);
	CHECK(look_next(&l, &r) == LOOK_GOT_END);
	over();
}

/* Without --since what is missing at the beginning was lost. */
static void test_lost(void)
{
	struct look_ask a = everything;

	for (int names = 0; names < 2; names++) {
		a.names = (size_t)names;
		a.name[0] = "web";
		begin();
		service(1, "web");
		record(1, 10, 1, RECORD_STDOUT, "abc");
		record(2, 20, 1, RECORD_ENDED, "how");
		record(3, 30, 1, RECORD_ENDED, "how");
		CHECK(look(&a) && look_next(&l, &r) == LOOK_GOT_SERVICE);
		CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.lost == 10);
		CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.lost == (names ? 0 : 20));
		/* other services' events, or lost ones: known only when all are looked at */
		CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.lost == (names ? 0 : 7));
		over();
	}
	a.names = 0;
	a.since_ns = 1;
	begin();
	service(1, "web");
	record(1, 10, 1, RECORD_STDOUT, "abc");
	CHECK(look(&a) && look_next(&l, &r) == LOOK_GOT_SERVICE);
	CHECK(look_next(&l, &r) == LOOK_GOT_RECORD && r.lost == 0);
	over();
}

static void test_services(void)
{
	struct look_ask web = { .names = 1, .name = { "web" } };
	char name[8];

	begin();
	for (uint64_t i = 1; i <= SERVICES_MAX; i++) {
		snprintf(name, sizeof name, "s%u", (unsigned)i);
		service(i, name);
	}
	end();
	CHECK(ends(&everything, NULL) && l.services.n == SERVICES_MAX);
	begin();
	for (uint64_t i = 1; i <= SERVICES_MAX + 1; i++)
		service(i, "s");
	CHECK(ends(&everything, "a SERVICE twice"));
	begin();
	for (int i = 0; i < 1000; i++)
		service(1, "web");
	CHECK(ends(&everything, "number twice") && l.services.n == 1);
	begin();
	service(17, "web");
	CHECK(ends(&everything, "malformed SERVICE"));
	begin();
	service(1, "we b");
	CHECK(ends(&everything, "malformed SERVICE"));
	begin();
	service(1, "db");
	CHECK(ends(&web, "not asked for"));
	begin();
	end();
	CHECK(ends(&web, "fewer services"));
	begin();
	end();
	CHECK(ends(&everything, NULL));
	begin();
	service(1, "web");
	record(1, 0, 0, RECORD_DIAGNOSTIC, "x");
	service(2, "db");
	CHECK(ends(&everything, "behind a RECORD"));
}

static void test_records(void)
{
	static const struct {
		uint64_t seq, position;
		uint8_t of, kind;
		const char *why;
	} cases[] = {
		{ 11, 4, 1, RECORD_STDOUT, NULL },
		{ 11, 4, 1, RECORD_STDERR, NULL },
		{ UINT64_MAX, UINT64_MAX - 1, 1, RECORD_STDOUT, NULL },
		{ 10, 4, 1, RECORD_STDOUT, "sequence" },
		{ 9, 4, 1, RECORD_STDOUT, "sequence" },
		{ 0, 4, 1, RECORD_STDOUT, "sequence" },
		{ 11, 3, 1, RECORD_STDOUT, "position" },
		{ 11, 0, 1, RECORD_STDERR, "position" },
		{ 11, UINT64_MAX, 1, RECORD_STDOUT, "position" },
		{ 11, 4, 2, RECORD_STDOUT, "not announced" },
		{ 11, 4, 16, RECORD_READY, "not announced" },
		{ 11, 4, 17, RECORD_READY, "malformed" },
		{ 11, 4, 0, RECORD_STDOUT, "malformed" },
		{ 11, 4, 1, 3, "malformed" },
		{ 11, 4, 1, 25, "malformed" },
	};
	struct look_ask logs = { .flags = LOOK_LOGS }, events = { .flags = LOOK_EVENTS },
			none = { 0 };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin();
		service(1, "web");
		record(10, 0, 1, RECORD_STDOUT, "text");
		record(cases[i].seq, cases[i].position, cases[i].of, cases[i].kind, "x");
		end();
		if (!CHECK(ends(&everything, cases[i].why)))
			printf("  case %zu\n", i);
	}
	begin();
	service(1, "web");
	record(10, 0, 1, RECORD_READY, "");
	CHECK(ends(&logs, "kind that was not asked for"));
	CHECK(ends(&none, "kind that was not asked for"));
	begin();
	service(1, "web");
	record(10, 0, 1, RECORD_STDOUT, "x");
	CHECK(ends(&events, "kind that was not asked for"));
}

static void put_bytes(const char *p, size_t n)
{
	script = wbuf_of(script_mem, sizeof script_mem);
	wbuf_put(&script, p, n);
}

static void test_frames(void)
{
	static const struct {
		const char *b;
		size_t len;
		const char *why;
	} cases[] = {
#define SAYS(b, why) { b, sizeof b - 1, why }
		SAYS("", "without an answer"),
		SAYS("\2\0\0", "without an answer"),
		SAYS("\2\0\0\0", "ended before"),
		SAYS("\2\0\0\1\xa1", "no ACCEPT"),
		SAYS("\x30\0\0\0", "no ACCEPT"),
		SAYS("\x7f\0\0\0", "no ACCEPT"),
		SAYS("\x31\xff\xff\xff", "over its limit"),
		SAYS("\3\0\0\6\xa2\1\5\2\x41x", "x"),
		SAYS("\3\0\0\1x", "malformed"),
		SAYS("\2\0\0\0\x30\0\x20\1", "over its limit"),
		SAYS("\2\0\0\0\x31\0\x20\1", "over its limit"),
		SAYS("\2\0\0\0\x11\4\0\1", "over its limit"),
		SAYS("\2\0\0\0\x11\0\0\1x", "does not allow"),
		SAYS("\2\0\0\0\2\0\0\0", "does not allow"),
		SAYS("\2\0\0\0\x30\0\0\0", "malformed SERVICE"),
		SAYS("\2\0\0\0\x31\0\0\0", "malformed RECORD"),
		SAYS("\2\0\0\0\x17\0\0\x08\0\0\0\0\0\0\0\0", NULL),
		SAYS("\2\0\0\0\x17\0\0\x08\0\0\0\0\0\0\0\1", "makes no sense"),
		SAYS("\2\0\0\0\x17\0\0\x08\0\0\0\0\0\0\1\0", "makes no sense"),
		SAYS("\2\0\0\0\x17\0\0\1\0", "makes no sense"),
		SAYS("\2\0\0\0\3\0\0\6\xa2\1\4\2\x41y", "y"),
		SAYS("\2\0\0\0\xff\0\0\0", "does not allow"),
		SAYS("\2\0\0\0\x11\0\0\0", "empty frame"),
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put_bytes(cases[i].b, cases[i].len);
		if (!CHECK(ends(&everything, cases[i].why)))
			printf("  case %zu\n", i);
	}
}

/* A good session cut at every byte is a failure, but for the whole of it. */
static void test_cut(void)
{
	size_t all;

	begin();
	service(1, "web");
	record(1, 0, 1, RECORD_STDOUT, "text\n");
	end();
	all = script.len;
	for (size_t n = 0; n <= all; n++) {
		script.len = n;
		CHECK(ends(&everything, n == all ? NULL
		                        : n < 4  ? "without an answer"
		                                 : "ended before"));
	}
}

static void test_names(void)
{
	struct look_ask a = { 0 };
	char *good[] = { "web", "db", "web", "a-b_9" };
	char *bad[] = { "", "Web", "a b", "a/b", "0123456789012345678901234567890123" };
	char many[20][4], *all[20];

	CHECK(look_names(&a, good, 4) && a.names == 3 && strcmp(a.name[2], "a-b_9") == 0);
	for (size_t i = 0; i < 5; i++)
		CHECK(!look_names(&a, bad + i, 1));
	for (size_t i = 0; i < 20; i++) {
		snprintf(many[i], 4, "s%zu", i);
		all[i] = many[i];
	}
	a.names = 0;
	CHECK(look_names(&a, all, SERVICES_MAX));
	CHECK(!look_names(&a, all, SERVICES_MAX + 1));
}

int main(void)
{
	/* what say() writes is not wanted */
	if (freopen("/dev/null", "w", stderr) == NULL)
		return 1;
	test_good();
	test_lost();
	test_services();
	test_records();
	test_frames();
	test_cut();
	test_names();
	return test_end();
}
