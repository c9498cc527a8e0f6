/* tools/casemate/conlog: bounded, and its last lines. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tools/casemate/conlog.h"

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void test_rotation(void)
{
	struct conlog l;
	char block[1000];

	memset(block, 'x', sizeof block);
	block[999] = '\n';
	conlog_open(&l, "log", "old", 10000);
	for (int i = 0; i < 9; i++)
		conlog_put(&l, block, sizeof block);
	CHECK(size_of("log") == 9000 && size_of("old") == -1);
	conlog_put(&l, block, sizeof block);
	CHECK(size_of("log") == 0 && size_of("old") == 10000);
	/* However much comes, at most two files of that size and one piece. */
	for (int i = 0; i < 1000; i++)
		conlog_put(&l, block, sizeof block);
	CHECK(size_of("log") < 10000 && size_of("old") < 10000 + 4096);
	conlog_close(&l);
	conlog_put(&l, block, sizeof block);
	CHECK(l.fd == -1);
}

static void test_carriage_returns(void)
{
	struct conlog l;
	char text[32] = "";
	int fd;

	conlog_open(&l, "log", "old", 10000);
	conlog_put(&l, "a\r\nb\r", 5);
	conlog_put(&l, "\nc", 2);
	conlog_close(&l);
	fd = open("log", O_RDONLY);
	CHECK(read(fd, text, sizeof text) == 5 && strcmp(text, "a\nb\nc") == 0);
	close(fd);
}

/* Standard error is a file meanwhile: a terminal would need a person. */
static bool tail_is(const char *content, size_t len, size_t lines, const char *expect)
{
	char text[70000] = "";
	int fd = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600), saved = dup(2), to;
	bool any;

	if (write(fd, content, len) != (ssize_t)len)
		return false;
	close(fd);
	to = open("shown", O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(to, 2);
	any = conlog_tail("log", lines);
	dup2(saved, 2);
	close(saved);
	if (pread(to, text, sizeof text - 1, 0) < 0)
		return false;
	close(to);
	return any == (*expect != '\0') && strcmp(text, expect) == 0;
}

static void test_tail(void)
{
	static char big[50000];

	CHECK(tail_is("", 0, 3, ""));
	CHECK(tail_is("one\n", 4, 3, "  one\n"));
	CHECK(tail_is("one", 3, 3, "  one\n"));
	CHECK(tail_is("1\n2\n3\n4\n", 8, 2, "  3\n  4\n"));
	CHECK(tail_is("1\n2\n3\n4", 7, 2, "  3\n  4\n"));
	CHECK(tail_is("1\n\033[2Jx\n", 8, 1, "  ?[2Jx\n"));
	memset(big, '\n', sizeof big);
	big[sizeof big - 5] = 'a';
	big[sizeof big - 3] = 'b';
	big[sizeof big - 1] = 'c';
	CHECK(tail_is(big, sizeof big, 2, "  b\n  c\n"));
}

int main(void)
{
	char dir[] = "/tmp/test_conlog.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	test_rotation();
	test_carriage_returns();
	test_tail();
	unlink("log");
	unlink("old");
	unlink("shown");
	rmdir(dir);
	return test_end();
}
