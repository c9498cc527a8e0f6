/* channel/exec_user: users and groups of hostile files. */
#include "channel/exec_user.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/test.h"

static char passwd[64], group[64];

static void put_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text, 1, len, f) != len || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

static void files(const char *p, const char *g)
{
	put_file(passwd, p, strlen(p));
	put_file(group, g, strlen(g));
}

static struct user u;
static bool is_group;

static enum rc find(const char *spec)
{
	struct slice s = test_guard(slice_str(spec));
	enum rc rc = user_find(s, passwd, group, &u, &is_group);

	test_unguard(s);
	return rc;
}

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

static void names(void)
{
	files(usual_passwd, usual_group);
	CHECK(find("app") == RC_OK && u.uid == 1000 && u.gid == 1001);
	CHECK(strcmp(u.home, "/srv/app") == 0);
	CHECK(u.groups_len == 2 && u.groups[0] == 6 && u.groups[1] == 29);
	CHECK(find("root") == RC_OK && u.uid == 0 && u.groups_len == 1);
	CHECK(find("last") == RC_OK && u.uid == 9 && u.groups_len == 1 && u.groups[0] == 10);
	CHECK(strcmp(u.home, "/last") == 0);
	CHECK(find("nobody") == RC_ABSENT && !is_group);
	CHECK(find("big") == RC_ABSENT);
	CHECK(find("neg") == RC_ABSENT);
	CHECK(find("ap") == RC_ABSENT);
	CHECK(find("appx") == RC_ABSENT);
}

static void numbers(void)
{
	files(usual_passwd, usual_group);
	CHECK(find("1000") == RC_OK && u.uid == 1000 && u.gid == 1001 && u.groups_len == 2);
	CHECK(find("77") == RC_OK && u.uid == 1077); /* a name goes first */
	CHECK(find("4711") == RC_OK && u.uid == 4711 && u.gid == 0 && u.groups_len == 0);
	CHECK(strcmp(u.home, "/") == 0);
	CHECK(find("2147483647") == RC_OK && u.uid == 2147483647);
	CHECK(find("2147483648") == RC_ABSENT);
	CHECK(find("4294967296") == RC_ABSENT);
	CHECK(find("18446744073709551616") == RC_ABSENT);
	CHECK(find("-1") == RC_ABSENT);
	CHECK(find("+1") == RC_ABSENT);
}

static void with_group(void)
{
	files(usual_passwd, usual_group);
	CHECK(find("app:disk") == RC_OK && u.uid == 1000 && u.gid == 6 && u.groups_len == 0);
	CHECK(find("app:77") == RC_OK && u.gid == 77);
	CHECK(find("1:2") == RC_OK && u.uid == 1 && u.gid == 2);
	CHECK(find("app:nosuch") == RC_ABSENT && is_group);
	CHECK(find("app:disk:x") == RC_ABSENT && is_group);
	CHECK(find("nobody:disk") == RC_ABSENT && !is_group);
	CHECK(find(":disk") == RC_BAD);
	CHECK(find("app:") == RC_BAD);
	CHECK(find(":") == RC_BAD);
}

static void no_files(void)
{
	unlink(passwd);
	unlink(group);
	CHECK(find("app") == RC_ABSENT);
	CHECK(find("12") == RC_OK && u.uid == 12);
	CHECK(find("12:wheel") == RC_ABSENT && is_group);
	CHECK(mkfifo(passwd, 0600) == 0); /* opening it would wait for ever */
	CHECK(find("app") == RC_ABSENT);
	unlink(passwd);
	CHECK(symlink(passwd, passwd) == 0);
	CHECK(find("app") == RC_IO);
	unlink(passwd);
}

static void bounds(void)
{
	static char text[USER_FILE_MAX + 16];
	char many[USER_GROUPS_MAX * 16 + 64];
	size_t n = 0;

	/* a line of the largest size, and one byte more */
	memset(text, 'a', sizeof text);
	text[USER_LINE_MAX - 1] = '\n';
	memcpy(text + USER_LINE_MAX, "app:x:1:2::/:\n", 14);
	put_file(passwd, text, USER_LINE_MAX + 14);
	put_file(group, "", 0);
	CHECK(find("app") == RC_OK && u.uid == 1);
	text[USER_LINE_MAX - 1] = 'a';
	put_file(passwd, text, USER_LINE_MAX + 14);
	CHECK(find("app") == RC_LIMIT);
	/* a file without end */
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 64 ? 'x' : '\n';
	put_file(passwd, text, sizeof text);
	CHECK(find("app") == RC_LIMIT);
	/* groups */
	files("app:x:1:2::/:\n", "");
	for (int i = 0; i < USER_GROUPS_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "g%d:x:%d:app\n", i, i);
	put_file(group, many, n);
	CHECK(find("app") == RC_OK && u.groups_len == USER_GROUPS_MAX);
	n += (size_t)snprintf(many + n, sizeof many - n, "one:x:99:app\n");
	put_file(group, many, n);
	CHECK(find("app") == RC_LIMIT);
}

static void homes(void)
{
	char home[USER_HOME_MAX];
	char line[USER_HOME_MAX + 64];

	files(usual_passwd, usual_group);
	user_home(1000, passwd, home);
	CHECK(strcmp(home, "/srv/app") == 0);
	user_home(4711, passwd, home);
	CHECK(strcmp(home, "/") == 0);
	snprintf(line, sizeof line, "a:x:1:1::/%0*d:\n", USER_HOME_MAX, 0);
	files(line, "");
	user_home(1, passwd, home);
	CHECK(strcmp(home, "/") == 0);
	put_file(passwd, "a:x:1:1::/a\0b:\n", 15);
	user_home(1, passwd, home);
	CHECK(strcmp(home, "/") == 0);
	unlink(passwd);
	user_home(1, passwd, home);
	CHECK(strcmp(home, "/") == 0);
}

/* Every prefix of good files: no crash, and never another's number. */
static void prefixes(void)
{
	put_file(group, usual_group, strlen(usual_group));
	for (size_t i = 0; i < sizeof usual_passwd; i++) {
		enum rc rc;

		put_file(passwd, usual_passwd, i);
		rc = find("app");
		CHECK((rc == RC_OK && u.uid == 1000) || rc == RC_ABSENT);
	}
	put_file(passwd, usual_passwd, strlen(usual_passwd));
	for (size_t i = 0; i < sizeof usual_group; i++) {
		put_file(group, usual_group, i);
		CHECK(find("app") == RC_OK && u.groups_len <= 2);
	}
}

int main(void)
{
	char dir[] = "/tmp/test_exec_user.XXXXXX";

	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		return 1;
	}
	snprintf(passwd, sizeof passwd, "%s/passwd", dir);
	snprintf(group, sizeof group, "%s/group", dir);
	names();
	numbers();
	with_group();
	no_files();
	bounds();
	homes();
	prefixes();
	unlink(passwd);
	unlink(group);
	rmdir(dir);
	return test_end();
}
