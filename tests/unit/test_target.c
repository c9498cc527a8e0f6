/* tools/casemate/target: what is a TARGET, and where its path begins. */
#include "tests/unit/test.h"

#include "tools/casemate/target.h"

static bool splits(const char *s, enum target_kind kind, const char *text, const char *path)
{
	struct target t;
	const char *p;

	return target_parse_path(s, &t, &p) && t.kind == kind && strcmp(t.text, text) == 0 &&
	       strcmp(p, path) == 0;
}

static bool refuses_path(const char *s)
{
	struct target t;
	const char *p;

	return !target_parse_path(s, &t, &p);
}

static void test_parse(void)
{
	struct target t;

	CHECK(target_parse("web-1", &t) && t.kind == TARGET_NAME && strcmp(t.text, "web-1") == 0);
	CHECK(target_parse("vsock:16", &t) && t.kind == TARGET_VSOCK && t.cid == 16);
	CHECK(target_parse("vsock:4294967295", &t) && t.cid == UINT32_MAX);
	CHECK(target_parse("unix:/run/a:b/v.sock", &t) && t.kind == TARGET_UNIX);
	CHECK(strcmp(t.text, "unix:/run/a:b/v.sock") == 0);
	CHECK(!target_parse("", &t) && !target_parse("a b", &t) && !target_parse("..", &t));
	CHECK(!target_parse("vsock:", &t) && !target_parse("vsock:x", &t));
	CHECK(!target_parse("vsock:4294967296", &t) && !target_parse("vsock:-1", &t));
	CHECK(!target_parse("unix:", &t) && !target_parse("a:b", &t));
	CHECK(target_parse("vsock", &t) && t.kind == TARGET_NAME);
}

static void test_length(void)
{
	char s[300];
	struct target t;

	snprintf(s, sizeof s, "unix:/");
	memset(s + 6, 'x', sizeof s - 7);
	s[sizeof s - 1] = '\0';
	CHECK(!target_parse(s, &t));
	s[5 + 108] = '\0'; /* 108 bytes of path leave no room for its NUL */
	CHECK(!target_parse(s, &t));
	s[5 + 107] = '\0';
	CHECK(target_parse(s, &t));
}

static void test_split(void)
{
	CHECK(splits("web:/data", TARGET_NAME, "web", "/data"));
	CHECK(splits("web:a:b", TARGET_NAME, "web", "a:b"));
	CHECK(splits("vsock:16:/x", TARGET_VSOCK, "vsock:16", "/x"));
	CHECK(splits("unix:/run/v.sock:/x:y", TARGET_UNIX, "unix:/run/v.sock", "/x:y"));
	CHECK(refuses_path("web") && refuses_path("web:") && refuses_path(":/x"));
	CHECK(refuses_path("vsock:16") && refuses_path("vsock:16:") && refuses_path("vsock::/x"));
	CHECK(refuses_path("unix:/run/v.sock") && refuses_path("unix::/x"));
	CHECK(refuses_path("../x:/y") && refuses_path("./web:/y"));
}

static void test_equal(void)
{
	struct target a, b, c;

	CHECK(target_parse("vsock:16", &a) && target_parse("vsock:16", &b) &&
	      target_parse("vsock:17", &c));
	CHECK(target_equal(&a, &b) && !target_equal(&a, &c));
}

int main(void)
{
	test_parse();
	test_length();
	test_split();
	test_equal();
	return test_end();
}
