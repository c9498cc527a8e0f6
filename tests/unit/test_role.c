/* appliance/role.h: when a role that ended is started again. */
#include <signal.h>

#include "appliance/role.h"
#include "tests/unit/test.h"

static char name[] = "nobody";

static void pauses(void)
{
	CHECK(role_pause_ms(1) == 100 && role_pause_ms(2) == 200 && role_pause_ms(6) == 3200);
	CHECK(role_pause_ms(7) == 5000 && role_pause_ms(1000000) == 5000);
}

/* Other children's ends are none of the role's. */
static void strangers(void)
{
	struct role r = ROLE_NONE(name);

	CHECK(!role_reap(&r, 0, 0, 1) && !role_reap(&r, 12345, 0, 1));
	CHECK(role_deadline(&r) == INT64_MAX);
}

/* Early ends in a row wait longer and longer; one that lived is forgiven. */
static void doubling(void)
{
	struct role r = ROLE_NONE(name);

	for (unsigned i = 1; i <= 3; i++) {
		r.pid = 777;
		r.started_ms = 1000;
		CHECK(role_reap(&r, 777, SIGKILL, 1001));
		CHECK(r.pid == 0 && role_deadline(&r) == 1001 + role_pause_ms(i));
	}
	r.pid = 777;
	r.started_ms = 1000;
	CHECK(role_reap(&r, 777, 0, 1000 + ROLE_STABLE_MS));
	CHECK(role_deadline(&r) == 1000 + ROLE_STABLE_MS + ROLE_PAUSE_MS);
}

/* Once the enclave stops nothing is started again. */
static void ending(void)
{
	struct role r = ROLE_NONE(name);

	r.pid = 777;
	role_end(&r);
	CHECK(role_reap(&r, 777, 0, 5) && role_deadline(&r) == INT64_MAX);
	role_tick(&r, INT64_MAX - 1);
	CHECK(r.pid == 0);
}

int main(void)
{
	pauses();
	strangers();
	doubling();
	ending();
	return test_end();
}
