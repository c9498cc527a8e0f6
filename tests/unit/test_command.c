/* appliance/base/command.h: limits, and the search for a command in its PATH,
 * its user and folder. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "appliance/base/command.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/test_command.XXXXXX";
static struct slice words[COMMAND_ENV_MAX + 1];

static void fill(struct slice s)
{
	for (size_t i = 0; i <= COMMAND_ENV_MAX; i++)
		words[i] = s;
}

static enum rc prepare(size_t argc, size_t envc)
{
	static struct slice argv[COMMAND_ENV_MAX + 1];

	for (size_t i = 0; i <= COMMAND_ENV_MAX; i++)
		argv[i] = slice_str("x");
	return command_prepare(argv, argc, words, envc, slice_of("", 0));
}

static void limits(void)
{
	static char big[COMMAND_BYTES_MAX];
	struct slice s[2];

	fill(slice_str("A=1"));
	CHECK(prepare(0, 0) == RC_LIMIT && prepare(1, 0) == RC_OK);
	CHECK(prepare(COMMAND_ARGS_MAX, COMMAND_ENV_MAX) == RC_OK);
	CHECK(prepare(COMMAND_ARGS_MAX + 1, 0) == RC_LIMIT);
	CHECK(prepare(1, COMMAND_ENV_MAX + 1) == RC_LIMIT);
	memset(big, 'b', sizeof big);
	s[0] = slice_of(big, COMMAND_BYTES_MAX - 1); /* and its NUL */
	CHECK(command_prepare(s, 1, NULL, 0, slice_of("", 0)) == RC_OK);
	CHECK(strlen(command_object()) == COMMAND_BYTES_MAX - 1);
	s[1] = slice_of("", 0);
	CHECK(command_prepare(s, 2, NULL, 0, slice_of("", 0)) == RC_LIMIT);
	CHECK(command_prepare(s, 1, NULL, 0, slice_str("/x")) == RC_LIMIT);
	s[0] = slice_of(big, COMMAND_BYTES_MAX - 2);
	CHECK(command_prepare(s, 2, NULL, 0, slice_of("", 0)) == RC_OK);
	s[0] = slice_str("a");
	CHECK(command_prepare(s, 1, NULL, 0, slice_str("/some/where")) == RC_OK);
	CHECK(strcmp(command_object(), "a") == 0);
}

static void variables(void)
{
	static const char *const bad[] = { "", "A", "=", "=x" };

	for (size_t i = 0; i < 4; i++) {
		fill(slice_str("A=1"));
		words[3] = slice_str(bad[i]);
		CHECK(prepare(1, 3) == RC_OK && prepare(1, 4) == RC_BAD && prepare(1, 5) == RC_BAD);
	}
	words[3] = slice_str("A=");
	CHECK(prepare(1, 4) == RC_OK);
}

static void script(const char *name, const char *text, mode_t mode)
{
	char path[256];

	test_put(folder, name, text);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	CHECK(chmod(path, mode) == 0);
}

/* Executes name with a PATH, whose % is the folder; its exit status, or the
 * error as a negative number. */
static int run(const char *name, const char *path)
{
	char value[512] = "PATH=", twice[] = "PATH=/nowhere";
	struct slice argv = slice_str(name), env[2];
	size_t len = strlen(value), envc = 0;
	int status = -1;
	pid_t pid;

	for (; path && *path; path++)
		len += (size_t)snprintf(value + len, sizeof value - len, "%.*s",
		                        *path == '%' ? (int)sizeof folder : 1,
		                        *path == '%' ? folder : path);
	if (path) {
		env[envc++] = slice_str(twice); /* the last one counts */
		env[envc++] = slice_of(value, len);
	}
	CHECK(command_prepare(&argv, 1, env, envc, slice_str(folder)) == RC_OK);
	pid = fork();
	if (pid == 0)
		_exit(command_run(NULL, 0, 0) == NULL ? 100 + errno : 99);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	status = WEXITSTATUS(status);
	return status >= 100 ? 100 - status : status;
}

static void search(void)
{
	char path[256];

	snprintf(path, sizeof path, "%s/b", folder);
	CHECK(mkdir(path, 0755) == 0);
	script("go", "#!/bin/sh\nexit 7\n", 0755);
	script("b/go", "#!/bin/sh\nexit 8\n", 0755);
	script("b/only", "#!/bin/sh\nexit 9\n", 0755);
	script("plain", "#!/bin/sh\nexit 1\n", 0644);
	script("b/plain", "#!/bin/sh\nexit 10\n", 0755);
	script("lost", "#!/no/such/interpreter\n", 0755);
	script("b/lost", "#!/bin/sh\nexit 11\n", 0755);
	CHECK(run("go", "%:%/b") == 7 && run("go", "%/b:%") == 8 && run("only", "%:%/b") == 9);
	CHECK(run("go", "/nowhere:%/plain:%") == 7); /* what is no folder is passed over */
	CHECK(run("go", ":%/b") == 7 && run("go", "%/b:") == 8); /* empty: where it is */
	CHECK(run("go", "") == 7 && run("only", "/nowhere:") == -ENOENT);
	CHECK(run("none", "%:%/b") == -ENOENT && run("go", "/nowhere") == -ENOENT);
	/* What may not be executed is passed over, and counts if nothing else is there. */
	CHECK(run("plain", "%:%/b") == 10 && run("plain", "%:/nowhere") == -EACCES);
	CHECK(run("b", "%") == -EACCES);
	/* What is there without its interpreter is what was meant. */
	CHECK(run("lost", "%:%/b") == -ELIBACC && run("lost", "%/b:%") == 11);
	/* A slash, and no search. */
	CHECK(run("./go", "/nowhere") == 7 && run("b/only", "/nowhere") == 9);
	CHECK(run("./none", "%") == -ENOENT && run("b/go", NULL) == 8);
	CHECK(run("true", NULL) == 0 && run("nosuch", NULL) == -ENOENT); /* the usual folders */
}

/* What could not be done before the execution, and on what. */
static void fails_before(void)
{
	struct slice argv = slice_str("true");
	const char *what;

	CHECK(command_prepare(&argv, 1, NULL, 0, slice_str("/no/such/folder")) == RC_OK);
	what = command_run(NULL, 0, 0);
	CHECK(what && errno == ENOENT && strcmp(what, "enter working directory") == 0);
	CHECK(strcmp(command_object(), "/no/such/folder") == 0);
}

/* In a child: becomes one user, then it may not become another. */
static void becomes(void)
{
	static const char words_of_sh[] =
		"test \"$(id -u) $(id -g) $(id -G)\" = '1000 1001 1001 5 6'";
	const uint32_t ids[] = { 1000, 1001, 5, 6 }, other[] = { 1001, 1001 };
	const struct slice argv[] = { slice_str("sh"), slice_str("-c"), slice_str(words_of_sh) };
	int status = -1;
	pid_t pid;

	if (geteuid() != 0) {
		printf("skipped: to become another user takes root\n");
		return;
	}
	CHECK(command_prepare(argv, 3, NULL, 0, slice_str("/")) == RC_OK);
	pid = fork();
	if (pid == 0) {
		(void)command_run(ids, 4, 0);
		_exit(99);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	pid = fork();
	if (pid == 0) {
		const char *what = setresuid(1000, 1000, 1000) == 0 ? command_run(other, 2, 0)
		                                                    : NULL;

		_exit(!what || errno != EPERM || strcmp(what, "become the user of") != 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	char command[64];

	if (!CHECK(mkdtemp(folder) != NULL))
		return test_end();
	limits();
	variables();
	search();
	fails_before();
	becomes();
	snprintf(command, sizeof command, "rm -rf %s", folder);
	CHECK(system(command) == 0);
	return test_end();
}
