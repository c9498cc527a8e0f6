/* tools/casemate/lines: pieces become lines, however they are cut. */
#include "tests/unit/test.h"
#include "tools/casemate/lines.h"

static struct lines l;
static char got[1 << 20];
static size_t got_len, lines;

static void take(const void *p, size_t n, uint64_t time_ns)
{
	struct slice piece = slice_of(p, n), line;

	while (lines_next(&l, &piece, time_ns, &line)) {
		CHECK(line.len > 0 && line.len <= LINES_MAX);
		CHECK(line.len == LINES_MAX || line.p[line.len - 1] == '\n');
		CHECK(memchr(line.p, '\n', line.len - 1) == NULL);
		memcpy(got + got_len, line.p, line.len);
		got_len += line.len;
		lines++;
	}
	CHECK(piece.len == 0);
}

static void fresh(void)
{
	memset(&l, 0, sizeof l);
	got_len = lines = 0;
}

static void test_cuts(void)
{
	static const char text[] = "one\ntwo\n\n\nthree and more\nrest";
	size_t all = strlen(text);
	struct slice rest;

	for (size_t a = 0; a <= all; a++) {
		for (size_t b = a; b <= all; b++) {
			fresh();
			take(text, a, 1);
			take(text + a, b - a, 1);
			take(text + b, all - b, 1);
			CHECK(lines == 5 && got_len == all - 4 && memcmp(got, text, got_len) == 0);
			CHECK(lines_rest(&l, &rest) && slice_is(rest, "rest"));
			CHECK(!lines_rest(&l, &rest));
		}
	}
	fresh();
	for (size_t i = 0; i < all; i++)
		take(text + i, 1, 1);
	CHECK(lines == 5 && memcmp(got, text, all - 4) == 0);
}

static void test_time(void)
{
	struct slice piece = slice_str("c\nd"), line;

	fresh();
	take("a", 1, 10);
	CHECK(lines_next(&l, &piece, 20, &line) && slice_is(line, "ac\n") && l.time_ns == 10);
	CHECK(!lines_next(&l, &piece, 20, &line));
	CHECK(lines_rest(&l, &line) && slice_is(line, "d") && l.time_ns == 20);
	take("e\n", 2, 30);
	CHECK(l.time_ns == 30 && memcmp(got, "e\n", 2) == 0 && lines == 1);
}

/* A line without end goes out in parts; nothing of it is lost. */
static void test_long(void)
{
	static char text[3 * LINES_MAX + 5];
	struct slice rest;

	memset(text, 'x', sizeof text);
	for (size_t step = 1; step < sizeof text; step = step * 3 + 1) {
		fresh();
		for (size_t i = 0; i < sizeof text; i += step)
			take(text + i, step < sizeof text - i ? step : sizeof text - i, 1);
		CHECK(lines == 3 && got_len == 3 * LINES_MAX);
		CHECK(lines_rest(&l, &rest) && rest.len == 5);
	}
	text[LINES_MAX - 1] = '\n';
	fresh();
	take(text, LINES_MAX, 1);
	CHECK(lines == 1 && got_len == LINES_MAX && !lines_rest(&l, &rest));
}

int main(void)
{
	test_cuts();
	test_time();
	test_long();
	return test_end();
}
