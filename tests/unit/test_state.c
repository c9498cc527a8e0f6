/* tools/casemate/state: one folder per enclave, claimed once, lost to nobody. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tools/casemate/state.h"

static bool exists(const char *name, const char *file)
{
	char path[STATE_PATH_MAX];

	state_path(path, name, file);
	return access(path, F_OK) == 0;
}

static void write_file(const char *name, const char *file, const char *text)
{
	char path[STATE_PATH_MAX];
	FILE *f;

	state_path(path, name, file);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

static struct enclave named(const char *name)
{
	struct enclave e = { .cpus = 2, .memory_mib = 256, .started_ms = 12345, .pid = 99 };

	snprintf(e.name, sizeof e.name, "%s", name);
	snprintf(e.image, sizeof e.image, "/images/a b.eif");
	return e;
}

static void test_names(void)
{
	char longest[STATE_NAME_MAX + 1];

	CHECK(state_name_ok("a") && state_name_ok("web-2") && state_name_ok("A.b_c-9"));
	CHECK(!state_name_ok("") && !state_name_ok(".") && !state_name_ok("..") &&
	      !state_name_ok(".last"));
	CHECK(!state_name_ok("-a") && !state_name_ok("_a") && !state_name_ok("a/b"));
	CHECK(!state_name_ok("a b") && !state_name_ok("a:b") && !state_name_ok("a,b"));
	CHECK(!state_name_ok("a\n") && !state_name_ok("\xc3\xbc"));
	memset(longest, 'a', sizeof longest);
	longest[STATE_NAME_MAX] = '\0';
	CHECK(!state_name_ok(longest));
	longest[STATE_NAME_MAX - 1] = '\0';
	CHECK(state_name_ok(longest));
}

static void test_save_load(void)
{
	struct enclave e = named("one"), r;
	int lock = state_claim(&e, false);

	CHECK(lock >= 0);
	e.life = LIFE_STOPPING;
	e.backend = BACKEND_NITRO;
	e.debug = true;
	e.cid = 4294967295u;
	snprintf(e.id, sizeof e.id, "i-0-enc1");
	CHECK(state_save(&e));
	CHECK(state_load("one", &r));
	CHECK(strcmp(r.name, "one") == 0 && strcmp(r.image, e.image) == 0);
	CHECK(strcmp(r.id, e.id) == 0 && r.cid == e.cid && r.pid == 99 && r.debug);
	CHECK(r.backend == BACKEND_NITRO && r.life == LIFE_STOPPING);
	CHECK(r.cpus == 2 && r.memory_mib == 256 && r.started_ms == 12345);
	CHECK(!exists("one", "info.part"));
	close(lock);
	state_remove("one", false);
	CHECK(!exists("one", ""));
	CHECK(!state_load("one", &r));
}

static void test_damaged_info(void)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"image",
		"cpus -1\nmemory 1e9\n",
		"life nonsense\n",
		"backend nitro\nid \ncid 99999999999\n",
		"unknown key\n",
	};
	struct enclave e = named("bad"), r;
	int lock = state_claim(&e, false);

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		write_file("bad", "info", texts[i]);
		CHECK(state_load("bad", &r) && r.cpus == 0 && r.cid == 0 && r.image[0] == '\0');
	}
	close(lock);
	state_remove("bad", false);
}

static void test_claim(void)
{
	struct enclave a = named("web"), b = named("web"), c = named("web"), r;
	int first = state_claim(&a, false), second;

	CHECK(first >= 0 && strcmp(a.name, "web") == 0);
	CHECK(state_save(&a));
	CHECK(state_claim(&b, false) == -1);
	second = state_claim(&b, true);
	CHECK(second >= 0 && strcmp(b.name, "web-2") == 0);
	CHECK(state_load("web", &r) && r.life == LIFE_BOOTING);
	/* Its process dies: dead, and the name can be used again. */
	close(first);
	CHECK(state_load("web", &r) && r.life == LIFE_DEAD);
	write_file("web", STATE_CONSOLE, "last words\n");
	first = state_claim(&c, false);
	CHECK(first >= 0 && strcmp(c.name, "web") == 0 && !exists("web", STATE_CONSOLE));
	CHECK(exists(".last", "web.log"));
	close(first);
	close(second);
	state_remove("web", false);
	state_remove("web-2", false);
	CHECK(!exists(".last", "web.log"));
}

/* Another process's copy of the descriptor keeps the lock, as the monitor's
 * does after `run` has closed its own. */
static void test_lock_is_inherited(void)
{
	struct enclave e = named("heir"), r;
	int lock = state_claim(&e, false), p[2] = { -1, -1 }, status;
	char c;
	pid_t pid;

	CHECK(lock >= 0 && pipe(p) == 0);
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		_exit(read(p[0], &c, 1) == 0 ? 0 : 1);
	}
	close(p[0]);
	close(lock);
	CHECK(state_load("heir", &r) && r.life == LIFE_BOOTING);
	close(p[1]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(state_load("heir", &r) && r.life == LIFE_DEAD);
	state_remove("heir", false);
}

/* Forty processes want the same name: each gets one of its own, and holds it
 * until the last has one. */
static void test_claim_at_once(void)
{
	enum { MANY = 40 };
	static char names[STATE_ENCLAVES_MAX][STATE_NAME_MAX];
	int done[2] = { -1, -1 }, go[2] = { -1, -1 }, status;
	size_t n = 0;
	char c = 0;

	CHECK(pipe(done) == 0 && pipe(go) == 0);
	for (int i = 0; i < MANY; i++) {
		struct enclave e = named("many");

		if (fork() == 0) {
			close(done[0]);
			close(go[1]);
			_exit(state_claim(&e, true) >= 0 && write(done[1], "", 1) == 1 &&
			                      read(go[0], &c, 1) == 0
			              ? 0
			              : 1);
		}
	}
	close(done[1]);
	close(go[0]);
	while (n < MANY && read(done[0], &c, 1) == 1)
		n++;
	CHECK(n == MANY);
	CHECK(state_names(names, STATE_ENCLAVES_MAX) == MANY);
	CHECK(strcmp(names[0], "many") == 0 && strcmp(names[1], "many-10") == 0);
	close(go[1]);
	close(done[0]);
	for (int i = 0; i < MANY; i++) {
		CHECK(wait(&status) > 0 && status == 0);
		state_remove(names[i], false);
	}
	CHECK(state_names(names, STATE_ENCLAVES_MAX) == 0);
}

static void test_long_unique(void)
{
	char name[STATE_NAME_MAX];
	struct enclave a, b;
	int one, two;

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	a = named(name);
	b = named(name);
	one = state_claim(&a, true);
	two = state_claim(&b, true);
	CHECK(one >= 0 && two >= 0 && state_name_ok(b.name));
	CHECK(strlen(b.name) == STATE_NAME_MAX - 1 &&
	      strcmp(b.name + STATE_NAME_MAX - 3, "-2") == 0);
	close(one);
	close(two);
	state_remove(a.name, false);
	state_remove(b.name, false);
}

/* In a process of its own, since the root is chosen once: its exit status. */
static int root_status(const char *xdg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setenv("XDG_RUNTIME_DIR", xdg, 1);
		fclose(stderr);
		_exit(strncmp(state_root(), xdg, strlen(xdg)) == 0 ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_root(const char *dir)
{
	char mine[256], inner[300];

	snprintf(mine, sizeof mine, "%s/mine", dir);
	snprintf(inner, sizeof inner, "%s/casemate", mine);
	CHECK(mkdir(mine, 0700) == 0 && root_status(mine) == 0);
	/* Somebody else may write to it. */
	CHECK(chmod(inner, 0770) == 0 && root_status(mine) == 1);
	CHECK(chmod(inner, 0700) == 0 && root_status(mine) == 0);
	CHECK(rmdir(inner) == 0 && symlink("/tmp", inner) == 0 && root_status(mine) == 1);
	CHECK(unlink(inner) == 0);
	/* Not a folder of ours: another is used. */
	CHECK(chmod(mine, 0777) == 0 && root_status(mine) == 3);
	CHECK(chmod(mine, 0700) == 0);
	rmdir(mine);
}

/* Longer than a socket's address is fine, longer than our buffers is not. */
static void test_long_root(const char *dir)
{
	char part[201], longer[300], deeper[600], inner[320];

	memset(part, 'l', sizeof part - 1);
	part[sizeof part - 1] = '\0';
	snprintf(longer, sizeof longer, "%s/%s", dir, part);
	snprintf(deeper, sizeof deeper, "%s/%s", longer, part);
	snprintf(inner, sizeof inner, "%s/casemate", longer);
	CHECK(mkdir(longer, 0700) == 0 && root_status(longer) == 0 && rmdir(inner) == 0);
	CHECK(mkdir(deeper, 0700) == 0 && root_status(deeper) == 1);
	CHECK(rmdir(deeper) == 0 && rmdir(longer) == 0);
}

int main(void)
{
	char dir[] = "/tmp/test_state.XXXXXX", path[64];

	if (mkdtemp(dir) == NULL)
		return 1;
	test_root(dir);
	test_long_root(dir);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	test_names();
	test_save_load();
	test_damaged_info();
	test_claim();
	test_lock_is_inherited();
	test_claim_at_once();
	test_long_unique();
	snprintf(path, sizeof path, "%s/casemate/.last", dir);
	rmdir(path);
	snprintf(path, sizeof path, "%s/casemate/.lock", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/casemate", dir);
	CHECK(rmdir(path) == 0 && rmdir(dir) == 0);
	return test_end();
}
