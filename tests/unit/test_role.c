/* appliance/role.h: when a role that ended is started again. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/role.h"
#include "appliance/spawn.h"
#include "tests/unit/test.h"

static const char name[] = "nobody";

/* Nothing can be started. */
pid_t spawn_role(const char *role, const int fds[SPAWN_FDS])
{
	CHECK(role == name && fds[0] > 2 && fds[1] == -1);
	return -1;
}

/* Other children's ends are none of the role's. */
static void strangers(void)
{
	struct role r = ROLE_NONE(name);

	CHECK(!role_reap(&r, 0, 0, 1) && !role_reap(&r, 12345, 0, 1));
	CHECK(r.again_ms == INT64_MAX);
}

/* Early ends in a row wait longer and longer; one that lived is forgiven. */
static void doubling(void)
{
	struct role r = ROLE_NONE(name);

	static const int64_t pauses_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000 };

	for (unsigned i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
		r.pid = 777;
		r.started_ms = 1000;
		CHECK(role_reap(&r, 777, SIGKILL, 1001));
		CHECK(r.pid == 0 && r.again_ms == 1001 + pauses_ms[i]);
	}
	r.pid = 777;
	r.started_ms = 1000;
	CHECK(role_reap(&r, 777, 0, 1000 + ROLE_STABLE_MS));
	CHECK(r.again_ms == 1000 + ROLE_STABLE_MS + ROLE_PAUSE_MS);
}

/* Who was stopped is ended and is this role until then. */
static void stopped(void)
{
	struct role r = ROLE_NONE(name);
	int status = -1;

	r.pid = fork();
	if (r.pid == 0)
		for (;;)
			pause();
	CHECK(kill(r.pid, SIGSTOP) == 0 && waitpid(r.pid, &status, WUNTRACED) == r.pid);
	CHECK(role_reap(&r, r.pid, status, 1) && r.pid > 0 && r.again_ms == INT64_MAX);
	CHECK(waitpid(r.pid, &status, WUNTRACED) == r.pid && WIFSIGNALED(status));
	CHECK(role_reap(&r, r.pid, status, 1) && r.pid == 0 && r.again_ms == 1 + ROLE_PAUSE_MS);
}

/* One that cannot be started is tried again later, too. */
static void absent(void)
{
	struct role r = ROLE_NONE(name);

	role_tick(&r, 1);
	CHECK(r.started_ms == 0);
	r.again_ms = 0;
	role_tick(&r, 1);
	CHECK(r.started_ms > 0 && r.pid == 0 && r.sock == -1);
	CHECK(r.again_ms == 1 + ROLE_PAUSE_MS);
}

/* Once the enclave stops nothing is started again. */
static void ending(void)
{
	struct role r = ROLE_NONE(name);

	r.pid = 777;
	role_end(&r);
	CHECK(role_reap(&r, 777, 0, 5) && r.again_ms == INT64_MAX);
	role_tick(&r, INT64_MAX - 1);
	CHECK(r.pid == 0);
}

int main(void)
{
	strangers();
	doubling();
	stopped();
	absent();
	ending();
	return test_end();
}
