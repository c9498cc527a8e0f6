/* tools/casemate/when: times as people write them. */
#include <inttypes.h>

#include "tests/unit/test.h"
#include "tools/casemate/when.h"

#define S UINT64_C(1000000000)

static const uint64_t now = UINT64_C(1795758724) * S; /* 2026-11-27T05:52:04Z */

static void test_good(void)
{
	static const struct {
		const char *s;
		uint64_t ns;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.000000001Z", 1 },
		{ "2026-11-27T05:52:04Z", 1795758724 * S },
		{ "2026-11-27t05:52:04z", 1795758724 * S },
		{ "2026-11-27T05:52:04.5Z", 1795758724 * S + S / 2 },
		{ "2026-11-27T05:52:04.123456789Z", 1795758724 * S + 123456789 },
		{ "2026-11-27T06:52:04+01:00", 1795758724 * S },
		{ "2026-11-27T00:22:04-05:30", 1795758724 * S },
		{ "2024-02-29T00:00:00Z", 1709164800 * S },
		{ "2000-02-29T00:00:00Z", 951782400 * S },
		{ "2016-12-31T23:59:60Z", 1483228800 * S },
		{ "1970-01-01T00:00:00+23:59", 0 }, /* before 1970 */
		{ "2261-12-31T23:59:59.999999999-23:59", 9214732739 * S + 999999999 },
		{ "0s", 1795758724 * S },
		{ "90s", 1795758634 * S },
		{ "10m", 1795758124 * S },
		{ "1h30m", 1795753324 * S },
		{ "2d", 1795585924 * S },
		{ "1d1h1m1s", 1795668663 * S },
		{ "30000d", 0 },
		{ "999999999s", 795758725 * S },
		{ "99999d", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t ns = 7;

		if (!CHECK(when_parse(cases[i].s, now, &ns) && ns == cases[i].ns))
			printf("  %s: %" PRIu64 "\n", cases[i].s, ns);
	}
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"10",
		"m",
		"10x",
		"-10m",
		"+10m",
		"1.5h",
		"10m ",
		" 10m",
		"10m5",
		"1000000000s",
		"999999999d",
		"99999d99999d",
		"yesterday",
		"2026-11-27",
		"2026-11-27T05:52:04",
		"2026-11-27T05:52Z",
		"2026-11-27 05:52:04Z",
		"2026-11-27T05:52:04ZZ",
		"2026-11-27T05:52:04.Z",
		"2026-11-27T05:52:04.1234567890Z",
		"2026-11-27T05:52:04+1:00",
		"2026-11-27T05:52:04+0100",
		"2026-11-27T05:52:04+24:00",
		"2026-11-27T05:52:04+00:60",
		"1969-12-31T23:59:59Z",
		"2262-01-01T00:00:00Z",
		"2026-00-27T05:52:04Z",
		"2026-13-27T05:52:04Z",
		"2026-11-00T05:52:04Z",
		"2026-11-31T05:52:04Z",
		"2026-02-29T05:52:04Z",
		"2100-02-29T05:52:04Z",
		"2026-11-27T24:00:00Z",
		"2026-11-27T05:60:04Z",
		"2026-11-27T05:52:61Z",
		"026-11-27T05:52:04Z",
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!CHECK(!when_parse(bad[i], now, &ns)))
			printf("  %s: %" PRIu64 "\n", bad[i], ns);
}

/* Every prefix of a time is none. */
static void test_prefixes(void)
{
	static const char whole[] = "2026-11-27T05:52:04.123+01:30";
	uint64_t ns;

	for (size_t n = 0; n <= strlen(whole); n++) {
		struct slice g = test_guard(slice_of(whole, n + 1));
		char *s = (char *)(uintptr_t)g.p;

		s[n] = '\0';
		CHECK(when_parse(s, now, &ns) == (n == strlen(whole)));
		test_unguard(g);
	}
}

static void test_text(void)
{
	static const uint64_t times[] = { 0, 1, 1795758724 * S + 5, 951782400 * S, INT64_MAX };
	char text[WHEN_TEXT_MAX];
	uint64_t ns;

	when_text(text, 1795758724 * S + 5);
	CHECK(strcmp(text, "2026-11-27T05:52:04.000000005Z") == 0);
	when_text(text, INT64_MAX);
	CHECK(strcmp(text, "2262-04-11T23:47:16.854775807Z") == 0);
	for (size_t i = 0; i < sizeof times / sizeof *times - 1; i++) {
		when_text(text, times[i]);
		CHECK(when_parse(text, now, &ns) && ns == times[i]);
	}
	CHECK(when_now() > 1700000000 * S && when_now() < INT64_MAX);
}

int main(void)
{
	test_good();
	test_bad();
	test_prefixes();
	test_text();
	return test_end();
}
