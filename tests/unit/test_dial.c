/* channel/dial: the hybrid socket's handshake against a fake one. */
#include "tests/unit/test.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "channel/dial.h"

static char path[108];

static int listener(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, sizeof a.sun_path);
	unlink(path);
	if (bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 8) < 0) {
		perror(path);
		exit(1);
	}
	return s;
}

/* Accepts once, checks that the line is `expect` and answers; with in, waits
 * for the line first, otherwise closes at once. */
static pid_t serve(int l, const char *expect, const char *answer)
{
	pid_t pid = fork();
	char line[64] = "";
	size_t n = 0;
	int c;

	if (pid != 0)
		return pid;
	c = accept(l, NULL, NULL);
	if (expect == NULL)
		_exit(0);
	while (n < sizeof line - 1 && read(c, line + n, 1) == 1 && line[n++] != '\n')
		;
	if (write(c, answer, strlen(answer)) < 0)
		_exit(2);
	_exit(strcmp(line, expect) == 0 ? 0 : 1);
}

static bool served(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static enum rc dial_answered(const char *answer, int *fd)
{
	int l = listener();
	pid_t pid = serve(l, "CONNECT 7000\n", answer);
	enum rc rc = dial_unix(path, 7000, fd);

	CHECK(served(pid));
	close(l);
	return rc;
}

static void test_ok(void)
{
	char rest[8] = "";
	int fd;

	CHECK(dial_answered("OK 1073741824\nhello", &fd) == RC_OK);
	CHECK(fd >= 0);
	/* Not one byte behind the line was taken. */
	CHECK(read(fd, rest, sizeof rest) == 5 && strcmp(rest, "hello") == 0);
	close(fd);
}

static enum rc answer(const char *text, size_t len)
{
	struct slice g = test_guard(slice_of(text, len));
	enum rc rc = dial_answer(g);

	test_unguard(g);
	return rc;
}

static void test_answer(void)
{
	static const char longest[] = "OK 0000000000000000000000000004\n";
	static const char over[] = "OK 00000000000000000000000000004\n";
	static const char *const bad[] = { "o", "OKA", "OK  ", "OK \n", "OK -1", "OK 1\n\n", "\n" };

	CHECK(sizeof longest - 1 == DIAL_ANSWER_MAX);
	for (size_t n = 0; n < DIAL_ANSWER_MAX; n++)
		CHECK(answer(longest, n) == RC_MORE);
	CHECK(answer(longest, DIAL_ANSWER_MAX) == RC_OK);
	CHECK(answer(over, DIAL_ANSWER_MAX) == RC_BAD && answer(over, sizeof over - 1) == RC_BAD);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(answer(bad[i], strlen(bad[i])) == RC_BAD);
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"ok 5\n", "OK\n",  "OK \n", "OK 5 \n",
		"OK x\n", "ERR\n", "\n",    "OK 00000000000000000000000000000000000000\n",
	};
	int fd;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK(dial_answered(bad[i], &fd) == RC_BAD);
		CHECK(fd == -1);
	}
	CHECK(dial_answered("", &fd) == RC_EOF);
	CHECK(dial_answered("OK 5", &fd) == RC_EOF);
}

static void test_closed(void)
{
	int l = listener(), fd;
	pid_t pid = serve(l, NULL, NULL);

	CHECK(dial_unix(path, 7000, &fd) == RC_EOF);
	CHECK(served(pid));
	close(l);
	CHECK(dial_unix(path, 7000, &fd) == RC_IO && errno == ECONNREFUSED);
	unlink(path);
	CHECK(dial_unix(path, 7000, &fd) == RC_IO && errno == ENOENT);
}

static void test_long_path(void)
{
	char longer[200];
	int fd;

	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	CHECK(dial_unix(longer, 7000, &fd) == RC_IO && errno == ENAMETOOLONG);
	CHECK(fd == -1);
}

int main(void)
{
	char dir[] = "/tmp/test_dial.XXXXXX";

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/s", dir);
	test_answer();
	test_ok();
	test_refused();
	test_closed();
	test_long_path();
	unlink(path);
	rmdir(dir);
	return test_end();
}
