/* channel/user: users and groups of hostile texts. */
#include "channel/user.h"

#include "tests/unit/test.h"

static const char usual_passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				   "bad line\n"
				   "::7:7:x:/x:/x\n"
				   "big:x:2147483648:1:::\n"
				   "neg:x:-1:1:::\n"
				   "app:x:1000:1001:the app,,,:/srv/app:/bin/sh\n"
				   "77:x:1077:1078::/named:\n"
				   "short:x:5:6\n"
				   "last:x:9:10::/last";
static const char usual_group[] = "root:x:0:\n"
				  "app:x:1001:\n"
				  "disk:x:6:root,app\n"
				  "audio:x:29:appx,app\n"
				  "video:x:44:xapp\n"
				  "broken:x:zz:app\n"
				  "wheel:x:10:last";

static struct slice passwd, group;

static void texts(const char *p, const char *g)
{
	passwd = slice_str(p);
	group = slice_str(g);
}

static struct user u;
static bool is_group;

/* Every input lies against a guard page. */
static enum rc find(const char *spec)
{
	static struct slice p, g;
	struct slice s = test_guard(slice_str(spec));
	enum rc rc;

	if (p.p) /* u pointed into them until now */
		test_unguard(p);
	if (g.p)
		test_unguard(g);
	p = test_guard(passwd);
	g = test_guard(group);
	rc = user_find(s, p, g, &u, &is_group);
	test_unguard(s);
	return rc;
}

static bool numbers_only(const char *spec)
{
	struct slice s = test_guard(slice_str(spec));
	bool yes = user_numbers(s, &u);

	test_unguard(s);
	return yes;
}

static bool ids(size_t n, const uint32_t *want)
{
	return u.idc == n && memcmp(u.ids, want, n * sizeof *want) == 0;
}

#define IDS(...)                                                                                   \
	ids(sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4, (const uint32_t[]){ __VA_ARGS__ })

static void names(void)
{
	texts(usual_passwd, usual_group);
	CHECK(find("app") == RC_OK && IDS(1000, 1001, 6, 29));
	CHECK(slice_is(u.home, "/srv/app") && slice_is(u.name, "app"));
	CHECK(find("root") == RC_OK && IDS(0, 0, 6) && slice_is(u.home, "/root"));
	CHECK(find("last") == RC_OK && IDS(9, 10, 10) && slice_is(u.home, "/last"));
	CHECK(find("nobody") == RC_ABSENT && !is_group);
	CHECK(find("big") == RC_ABSENT);
	CHECK(find("neg") == RC_ABSENT);
	CHECK(find("ap") == RC_ABSENT);
	CHECK(find("appx") == RC_ABSENT);
}

static void numbers(void)
{
	texts(usual_passwd, usual_group);
	CHECK(find("1000") == RC_OK && IDS(1000, 1001, 6, 29) && slice_is(u.name, "app"));
	CHECK(find("77") == RC_OK && u.ids[0] == 1077); /* a name goes first */
	CHECK(find("4711") == RC_OK && IDS(4711, 0));
	CHECK(slice_is(u.home, "/") && u.name.len == 0);
	CHECK(find("2147483647") == RC_OK && u.ids[0] == 2147483647);
	CHECK(find("2147483648") == RC_ABSENT);
	CHECK(find("4294967296") == RC_ABSENT);
	CHECK(find("18446744073709551616") == RC_ABSENT);
	CHECK(find("-1") == RC_ABSENT);
	CHECK(find("+1") == RC_ABSENT);
}

static void with_group(void)
{
	texts(usual_passwd, usual_group);
	CHECK(find("app:disk") == RC_OK && IDS(1000, 6));
	CHECK(find("app:77") == RC_OK && IDS(1000, 77));
	CHECK(find("1:2") == RC_OK && IDS(1, 2));
	CHECK(find("app:nosuch") == RC_ABSENT && is_group);
	CHECK(find("app:disk:x") == RC_ABSENT && is_group);
	CHECK(find("nobody:disk") == RC_ABSENT && !is_group);
	CHECK(find(":disk") == RC_BAD);
	CHECK(find("app:") == RC_BAD);
	CHECK(find(":") == RC_BAD);
	CHECK(find("") == RC_BAD);
}

/* What needs no look-up. */
static void as_it_is(void)
{
	CHECK(numbers_only("1000:1001") && IDS(1000, 1001) && slice_is(u.home, "/"));
	CHECK(u.name.len == 0);
	CHECK(numbers_only("0:0") && IDS(0, 0) && slice_is(u.home, "/root"));
	CHECK(numbers_only("2147483647:2147483647"));
	CHECK(!numbers_only("2147483648:1") && !numbers_only("1:2147483648"));
	CHECK(!numbers_only("1") && !numbers_only("1:") && !numbers_only(":1"));
	CHECK(!numbers_only("app:1") && !numbers_only("1:app") && !numbers_only("1:2:3"));
	CHECK(!numbers_only("") && !numbers_only("-1:0") && !numbers_only("0x1:0"));
	user_root(&u);
	CHECK(IDS(0, 0) && slice_is(u.home, "/root"));
}

static void no_texts(void)
{
	texts("", "");
	CHECK(find("app") == RC_ABSENT);
	CHECK(find("12") == RC_OK && IDS(12, 0) && slice_is(u.home, "/"));
	CHECK(find("0") == RC_OK && slice_is(u.home, "/root"));
	CHECK(find("12:wheel") == RC_ABSENT && is_group);
	passwd = group = slice_of(NULL, 0);
	CHECK(user_find(slice_str("12"), passwd, group, &u, &is_group) == RC_OK && IDS(12, 0));
	CHECK(user_find(slice_str("app"), passwd, group, &u, &is_group) == RC_ABSENT);
}

/* As many groups as a request can name, and one more. */
static void many_groups(void)
{
	static char many[REQUEST_IDS_MAX * 16 + 64];
	size_t n = 0;

	for (int i = 0; i < REQUEST_IDS_MAX - 2; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "g%d:x:%d:app\n", i, i);
	texts("app:x:1:2::/:\n", many);
	CHECK(find("app") == RC_OK && u.idc == REQUEST_IDS_MAX && u.ids[REQUEST_IDS_MAX - 1] == 63);
	snprintf(many + n, sizeof many - n, "one:x:99:app\n");
	texts("app:x:1:2::/:\n", many);
	CHECK(find("app") == RC_LIMIT);
}

/* Those that can be no variable's value. */
static void homes_and_names(void)
{
	static char line[USER_WORD_MAX + 64];

	snprintf(line, sizeof line, "a:x:1:1::/%0*d:\n", USER_WORD_MAX - 1, 0);
	texts(line, "");
	CHECK(find("a") == RC_OK && u.home.len == USER_WORD_MAX);
	snprintf(line, sizeof line, "a:x:1:1::/%0*d:\n", USER_WORD_MAX, 0);
	texts(line, "");
	CHECK(find("a") == RC_OK && slice_is(u.home, "/"));
	passwd = slice_of("a:x:1:1::/a\0b:\n", 15);
	CHECK(find("a") == RC_OK && slice_is(u.home, "/"));
	texts("a:x:1:1:::\n", "");
	CHECK(find("a") == RC_OK && slice_is(u.home, "/"));
	passwd = slice_of("a\0b:x:1:1::/a:\n", 15);
	CHECK(find("1") == RC_OK && u.name.len == 0 && IDS(1, 0)); /* the line is not well formed */
	snprintf(line, sizeof line, "%0*d:x:1:1::/:\n", USER_WORD_MAX + 1, 0);
	texts(line, "");
	CHECK(find("1") == RC_OK && u.name.len == 0);
}

/* Every prefix of good texts: no crash, and never another's number. */
static void prefixes(void)
{
	texts(usual_passwd, usual_group);
	for (size_t i = 0; i < sizeof usual_passwd; i++) {
		enum rc rc;

		passwd.len = i;
		rc = find("app");
		CHECK((rc == RC_OK && u.ids[0] == 1000) || rc == RC_ABSENT);
	}
	texts(usual_passwd, usual_group);
	for (size_t i = 0; i < sizeof usual_group; i++) {
		group.len = i;
		CHECK(find("app") == RC_OK && u.idc <= 4);
	}
}

int main(void)
{
	names();
	numbers();
	with_group();
	as_it_is();
	no_texts();
	many_groups();
	homes_and_names();
	prefixes();
	return test_end();
}
