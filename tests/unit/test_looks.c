/* appliance/looks.h: control and look, over sockets, with services of the test's
 * own; peers that ask for what there is not, do not read, or go away.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/launch.h"
#include "appliance/looks.h"
#include "appliance/records.h"
#include "channel/host_message.h"
#include "channel/session.h"
#include "tests/unit/test.h"

/* --- the services --- */

static const char *const names[] = { "web", "db", "cron" };
static char controlled[64]; /* what was last asked for */
static enum error_code control_error;

size_t launch_find(struct slice name)
{
	for (size_t i = 0; i < 3; i++)
		if (slice_is(name, names[i]))
			return i + 1;
	return 0;
}

bool launch_status(size_t service, struct service_status *s)
{
	if (service > 3)
		return false;
	*s = (struct service_status){ .number = service,
		                      .name = slice_str(names[service - 1]),
		                      .state = LOOK_READY,
		                      .pid = 100 + service };
	records_count(service, &s->output, &s->dropped);
	return true;
}

enum error_code launch_control(struct slice action, size_t service, unsigned signal)
{
	snprintf(controlled, sizeof controlled, "%.*s %zu %u", (int)action.len, action.p, service,
	         signal);
	return service == 0 ? ERR_NOT_FOUND : control_error;
}

/* --- peers --- */

static int64_t now_ms = 1000;

/* Hands over a request as it is; the peer's end. */
static int add(uint32_t op, struct slice payload)
{
	static struct admit_request m;
	int pair[2], small = 4096;

	m.op = op;
	if (payload.len > 0)
		memcpy(m.request, payload.p, payload.len);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	/* As little in between as the kernel takes. */
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
	looks_add(pair[0], &m, ADMIT_HEAD + payload.len, now_ms);
	return pair[1];
}

static int ask(const struct request *r)
{
	uint8_t mem[8192];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	request_put(&w, r);
	CHECK(!w.over);
	return add(r->op, slice_of(mem + FRAME_HEAD, w.len - FRAME_HEAD));
}

static int look(unsigned flags, const char *name, uint64_t since)
{
	struct request r = { .op = OP_LOOK, .flags = flags, .since = since };

	if (name)
		r.argv[r.argc++] = slice_str(name);
	return ask(&r);
}

/* One turn of the launcher's loop. */
static void turn(void)
{
	struct pollfd p[LOOKS_PLACES];

	(void)looks_flush(now_ms);
	looks_watch(p, now_ms);
	CHECK(poll(p, LOOKS_PLACES, 0) >= 0);
	looks_serve(p, now_ms);
	(void)looks_flush(now_ms);
}

static struct {
	enum frame_type type;
	struct slice payload;
	struct record_head head; /* of a RECORD, */
	struct slice text;
	uint8_t mem[FRAME_HEAD + FRAME_CONTROL_MAX];
} got;

/* The next frame, if there is one; in between the launcher goes on. */
static bool next(int fd)
{
	size_t have = 0, want = FRAME_HEAD;
	struct frame f = { .len = 0 };

	while (have < want) {
		ssize_t n = recv(fd, got.mem + have, want - have, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			turn();
		if (n < 0 && errno == EAGAIN)
			n = recv(fd, got.mem + have, want - have, MSG_DONTWAIT);
		if (n <= 0)
			return CHECK(have == 0) && false;
		have += (size_t)n;
		if (have < FRAME_HEAD || f.len > 0)
			continue;
		if (!CHECK(frame_head(slice_of(got.mem, have), &f) == RC_OK))
			return false;
		want = FRAME_HEAD + f.len;
	}
	got.type = f.type;
	got.payload = slice_of(got.mem + FRAME_HEAD, f.len);
	if (got.type == FRAME_RECORD)
		CHECK(record_parse(got.payload, &got.head, &got.text) == RC_OK);
	return true;
}

static bool ended(int fd)
{
	uint8_t byte;

	turn();
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void expect_error(int fd, enum error_code code)
{
	struct error_msg e = { 0 };

	CHECK(next(fd) && got.type == FRAME_ERROR && error_parse(got.payload, &e) == RC_OK);
	CHECK(e.code == code && e.text.len > 0);
	CHECK(!next(fd));
	close(fd);
	turn();
}

static void expect_exit(int fd)
{
	uint64_t n = 1;

	CHECK(next(fd) && got.type == FRAME_EXIT && number_parse(got.payload, 0, &n));
	CHECK(!next(fd));
	close(fd);
	turn();
	CHECK(looks_flush(now_ms) == 0);
}

static void expect_accept(int fd)
{
	CHECK(next(fd) && got.type == FRAME_ACCEPT && got.payload.len == 0);
}

static void expect_service(int fd, size_t number)
{
	struct service_status s;

	CHECK(next(fd) && got.type == FRAME_SERVICE && status_parse(got.payload, &s) == RC_OK);
	CHECK(s.number == number && slice_is(s.name, names[number - 1]) && s.pid == 100 + number);
}

static bool expect_record(int fd, unsigned service, const char *text)
{
	return CHECK(next(fd) && got.type == FRAME_RECORD && got.head.service == service &&
	             slice_is(got.text, text));
}

/* --- what is asked --- */

static void print(unsigned service, const char *text)
{
	records_put(service, service, RECORD_STDOUT, slice_str(text));
}

static void status(void)
{
	int fd = look(0, NULL, 0);

	expect_accept(fd);
	for (size_t i = 1; i <= 3; i++)
		expect_service(fd, i);
	expect_exit(fd);
	fd = look(0, "db", 0);
	expect_accept(fd);
	expect_service(fd, 2);
	expect_exit(fd);
	expect_error(look(0, "nobody", 0), ERR_NOT_FOUND);
	expect_error(look(LOOK_LOGS | LOOK_FOLLOW, "db2", 0), ERR_NOT_FOUND);
	CHECK(looks_flush(now_ms) == 0 && looks_deadline(now_ms) == INT64_MAX);
}

/* Two that are named, in the services' order, one of them twice. */
static void several_names(void)
{
	struct request r = { .op = OP_LOOK, .argc = 3 };
	int fd;

	r.argv[0] = slice_str("cron");
	r.argv[1] = slice_str("web");
	r.argv[2] = slice_str("cron");
	fd = ask(&r);
	expect_accept(fd);
	expect_service(fd, 1);
	expect_service(fd, 3);
	expect_exit(fd);
	r.argv[1] = slice_str("x");
	expect_error(ask(&r), ERR_NOT_FOUND);
}

static void skip_status(int fd, size_t from, size_t to)
{
	expect_accept(fd);
	for (size_t i = from; i <= to; i++)
		expect_service(fd, i);
}

static void logs(void)
{
	int fd;
	uint64_t at;

	print(1, "one");
	print(2, "two");
	records_event(2, RECORD_READY, "%s", "up");
	print(1, "three");
	fd = look(LOOK_LOGS, NULL, 0);
	print(1, "too late");
	skip_status(fd, 1, 3);
	expect_record(fd, 1, "one");
	expect_record(fd, 2, "two");
	at = got.head.time_ns;
	CHECK(got.head.kind == RECORD_STDOUT && got.head.position == 0);
	expect_record(fd, 1, "three");
	CHECK(got.head.position == 3 && got.head.seq == 4 && got.head.time_ns >= at);
	expect_exit(fd);

	fd = look(LOOK_LOGS | LOOK_EVENTS, "db", 0);
	skip_status(fd, 2, 2);
	expect_record(fd, 2, "two");
	expect_record(fd, 2, "up");
	CHECK(got.head.kind == RECORD_READY);
	expect_exit(fd);

	fd = look(LOOK_EVENTS, NULL, 0);
	skip_status(fd, 1, 3);
	expect_record(fd, 2, "up");
	expect_exit(fd);

	/* Of a service that is named its own events, and the enclave's. */
	records_event(0, RECORD_DIAGNOSTIC, "%s", "all");
	fd = look(LOOK_LOGS | LOOK_EVENTS, "cron", 0);
	skip_status(fd, 3, 3);
	expect_record(fd, 0, "all");
	expect_exit(fd);
}

static void since(void)
{
	uint64_t at;
	int fd;

	print(3, "earlier");
	fd = look(LOOK_LOGS, "cron", 0);
	skip_status(fd, 3, 3);
	expect_record(fd, 3, "earlier");
	at = got.head.time_ns;
	expect_exit(fd);
	fd = look(LOOK_LOGS, "cron", at);
	skip_status(fd, 3, 3);
	expect_record(fd, 3, "earlier");
	expect_exit(fd);
	fd = look(LOOK_LOGS, "cron", at + 1);
	skip_status(fd, 3, 3);
	expect_exit(fd);
	fd = look(LOOK_LOGS, "cron", UINT64_MAX);
	skip_status(fd, 3, 3);
	expect_exit(fd);
}

static void follow(void)
{
	int fd = look(LOOK_LOGS | LOOK_FOLLOW, "cron", 0);

	skip_status(fd, 3, 3);
	expect_record(fd, 3, "earlier");
	CHECK(!next(fd) && looks_flush(now_ms) == 1 && looks_deadline(now_ms) == INT64_MAX);
	print(3, "later");
	print(2, "another's");
	records_event(3, RECORD_READY, "%s", "event");
	expect_record(fd, 3, "later");
	now_ms += 100 * LOOKS_STALL_MS; /* it stays, however long nothing happens */
	CHECK(!next(fd) && looks_flush(now_ms) == 1);
	print(3, "last");
	expect_record(fd, 3, "last");
	close(fd);
	turn();
	CHECK(looks_flush(now_ms) == 0);
}

static void control(void)
{
	static const char *const actions[] = { "start", "stop", "restart", "signal" };
	struct request r = { .op = OP_CONTROL, .argc = 2 };

	for (size_t i = 0; i < 4; i++) {
		char want[64];
		int fd;

		r.argv[0] = slice_str(actions[i]);
		r.argv[1] = slice_str("db");
		r.flags = i == 3 ? 10 : 0;
		fd = ask(&r);
		snprintf(want, sizeof want, "%s 2 %u", actions[i], r.flags);
		CHECK(strcmp(controlled, want) == 0);
		expect_accept(fd);
		expect_exit(fd);
		r.argv[1] = slice_str("nobody");
		expect_error(ask(&r), ERR_NOT_FOUND);
		r.argv[1] = slice_str("web");
		control_error = ERR_CONFLICT;
		expect_error(ask(&r), ERR_CONFLICT);
		control_error = ERR_BUSY;
		expect_error(ask(&r), ERR_BUSY);
		control_error = 0;
	}
}

/* --- what goes wrong --- */

/* What PID 1 was told is not what is there, as only a channel role gone mad can
 * make it: nothing happens but an ERROR. */
static void malformed(void)
{
	uint8_t mem[8192];
	struct request r = { .op = OP_CONTROL, .argc = 2 };
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct slice s;

	r.argv[0] = slice_str("stop");
	r.argv[1] = slice_str("db");
	request_put(&w, &r);
	s = slice_of(mem + FRAME_HEAD, w.len - FRAME_HEAD);
	controlled[0] = '\0';
	for (size_t len = 0; len < s.len; len++)
		expect_error(add(OP_CONTROL, slice_of(s.p, len)), ERR_BUSY);
	expect_error(add(OP_CONTROL, slice_of(s.p, s.len + 1)), ERR_BUSY);
	expect_error(add(OP_LOOK, s), ERR_BUSY);
	CHECK(controlled[0] == '\0' && looks_flush(now_ms) == 0);
}

static void fill_ring(unsigned service, size_t bytes)
{
	static uint8_t text[1000];

	memset(text, 'a' + (int)service, sizeof text);
	for (size_t n = 0; n < bytes; n += sizeof text)
		records_put(service, service, RECORD_STDOUT, slice_of(text, sizeof text));
}

/* One that does not read takes a place for its time, and holds up nobody. */
static void does_not_read(void)
{
	int deaf, fd;

	fill_ring(1, 60000);
	deaf = look(LOOK_LOGS, "web", 0);
	turn();
	CHECK(looks_flush(now_ms) == 1 && looks_deadline(now_ms) == now_ms + LOOKS_STALL_MS);
	fd = look(LOOK_LOGS, "db", 0);
	skip_status(fd, 2, 2);
	expect_record(fd, 2, "two");
	close(fd);
	now_ms += LOOKS_STALL_MS - 1;
	turn();
	CHECK(looks_flush(now_ms) == 1);
	CHECK(next(deaf)); /* what it reads gives it more time */
	for (int i = 0; i < 20; i++)
		(void)next(deaf);
	now_ms += LOOKS_STALL_MS - 1;
	turn();
	CHECK(looks_flush(now_ms) == 1);
	now_ms += LOOKS_STALL_MS + 1;
	turn();
	CHECK(looks_flush(now_ms) == 0);
	close(deaf);
}

/* A follower that reads late misses what is not kept, and sees how much. */
static void reads_late(void)
{
	int fd = look(LOOK_LOGS | LOOK_FOLLOW, "db", 0);
	uint64_t next_position = 0, missed = 0, all, lost;

	turn();
	fill_ring(2, 200000);
	turn();
	CHECK(looks_flush(now_ms) == 1);
	records_count(2, &all, &lost);
	skip_status(fd, 2, 2);
	while (next(fd)) {
		CHECK(got.type == FRAME_RECORD && got.head.position >= next_position);
		missed += got.head.position - next_position;
		next_position = got.head.position + got.text.len;
	}
	CHECK(next_position == all && missed > 0 && missed <= lost);
	close(fd);
	turn();
	CHECK(looks_flush(now_ms) == 0);
}

/* The peer's end, or a word of it, at any time. */
static void goes_away(void)
{
	struct request r = { .op = OP_CONTROL, .argc = 2 };
	int fd = look(LOOK_LOGS | LOOK_FOLLOW, NULL, 0);

	turn();
	CHECK(looks_flush(now_ms) == 1);
	close(fd); /* with all of it unread */
	turn();
	CHECK(looks_flush(now_ms) == 0);
	fd = look(LOOK_FOLLOW, NULL, 0);
	CHECK(write(fd, "x", 1) == 1);
	turn();
	CHECK(looks_flush(now_ms) == 0);
	close(fd);
	fd = look(0, NULL, 0);
	turn();
	CHECK(looks_flush(now_ms) == 1 && looks_deadline(now_ms) == now_ms + SESSION_CLOSE_MS);
	now_ms += SESSION_CLOSE_MS;
	turn();
	CHECK(looks_flush(now_ms) == 0); /* it had all, and did not close */
	close(fd);
	r.argv[0] = slice_str("stop");
	r.argv[1] = slice_str("db");
	fd = ask(&r);
	close(fd);
	turn();
	CHECK(looks_flush(now_ms) == 0);
}

static void full(void)
{
	int fds[LOOKS_MAX], fd;

	for (size_t i = 0; i < LOOKS_MAX; i++)
		fds[i] = look(LOOK_LOGS | LOOK_FOLLOW, "cron", 0);
	turn();
	CHECK(looks_flush(now_ms) == LOOKS_MAX);
	expect_error(look(0, NULL, 0), ERR_BUSY);
	expect_error(look(LOOK_LOGS, "nobody", 0), ERR_BUSY);
	print(3, "to all");
	close(fds[7]);
	turn();
	CHECK(looks_flush(now_ms) == LOOKS_MAX - 1);
	fd = look(0, "web", 0);
	skip_status(fd, 1, 1);
	close(fd);
	for (size_t i = 0; i < LOOKS_MAX; i++) {
		if (i == 7)
			continue;
		expect_accept(fds[i]);
		while (next(fds[i]) && got.type != FRAME_RECORD)
			;
		while (!slice_is(got.text, "to all") && next(fds[i]))
			;
		CHECK(slice_is(got.text, "to all"));
		close(fds[i]);
	}
	turn();
	CHECK(looks_flush(now_ms) == 0);
}

/* The enclave stops: each gets what there is, and the end. */
static void the_end(void)
{
	int one = look(LOOK_EVENTS | LOOK_FOLLOW, "web", 0), deaf;

	skip_status(one, 1, 1);
	while (next(one))
		;
	fill_ring(1, 60000);
	deaf = look(LOOK_LOGS | LOOK_FOLLOW, "web", 0);
	turn();
	records_event(0, RECORD_TERMINATED, "%s", "");
	looks_end();
	print(1, "after the end");
	CHECK(expect_record(one, 0, "") && got.head.kind == RECORD_TERMINATED);
	CHECK(next(one) && got.type == FRAME_EXIT);
	close(one);
	turn();
	CHECK(looks_flush(now_ms) == 1);
	while (next(deaf) && got.type != FRAME_EXIT)
		CHECK(got.type != FRAME_RECORD || !slice_is(got.text, "after the end"));
	CHECK(got.type == FRAME_EXIT && !ended(deaf));
	close(deaf);
	turn();
	CHECK(looks_flush(now_ms) == 0);
}

/* What is there to be read of it. */
static size_t shown(int fd, char *text, size_t max)
{
	ssize_t n = read(fd, text, max);

	return n > 0 ? (size_t)n : 0;
}

/* It gets what rings of its own have, in order and as it is, whenever it takes it and
 * no faster than it is to; at the end what is left. */
static void console(void)
{
	static char text[1 << 17];
	struct records_cursor from = { { 0 } };
	struct record_head h;
	size_t n, total;
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	while (records_next(&from, 6, &h, (uint8_t *)text) >= 0)
		;
	looks_console(fds[1], 1u << 1 | 1u << 2);
	do { /* what came before it */
		now_ms += 10000;
		turn();
	} while (shown(fds[0], text, sizeof text) > 0);
	print(1, "one\n");
	print(3, "another's\n");
	print(2, "two\n");
	turn();
	n = shown(fds[0], text, sizeof text);
	CHECK(slice_is(slice_of(text, n), "one\ntwo\n"));
	/* More than it may get in a second, and more than it takes at once. */
	fill_ring(1, 60000);
	fill_ring(2, 60000);
	total = 0;
	for (int i = 0; looks_deadline(now_ms) == INT64_MAX && i < 1000; i++) {
		turn();
		total += shown(fds[0], text, sizeof text);
	}
	CHECK(total >= LOOKS_CONSOLE_MAX - 8 && total <= LOOKS_CONSOLE_MAX + 8192);
	turn();
	CHECK(shown(fds[0], text, sizeof text) == 0 && looks_flush(now_ms) == 1);
	for (int i = 0; total < 120000 && i < 1000; i++) {
		now_ms = looks_deadline(now_ms) < INT64_MAX ? looks_deadline(now_ms) : now_ms;
		turn();
		total += shown(fds[0], text, sizeof text);
	}
	CHECK(total == 120000);
	/* It takes nothing for a while, and nothing is lost. */
	now_ms += 10000;
	for (n = 4096; write(fds[1], text, n) > 0;)
		;
	print(1, "late\n");
	turn();
	while (shown(fds[0], text, sizeof text) > 0)
		;
	turn();
	n = shown(fds[0], text, sizeof text);
	CHECK(slice_is(slice_of(text, n), "late\n"));
	print(2, "the end\n");
	looks_end();
	print(2, "after the end\n");
	turn();
	n = shown(fds[0], text, sizeof text);
	CHECK(slice_is(slice_of(text, n), "the end\n") && looks_flush(now_ms) == 0);
	close(fds[0]);
}

int main(void)
{
	int before = test_fds();

	for (size_t i = 0; i <= 3; i++)
		if (!CHECK(records_open(i, 65536) == RC_OK))
			return test_end();
	status();
	several_names();
	logs();
	since();
	follow();
	control();
	malformed();
	does_not_read();
	reads_late();
	goes_away();
	full();
	the_end();
	console();
	CHECK(test_fds() == before);
	return test_end();
}
