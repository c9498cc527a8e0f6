/* tools/casemate/services and control: what a look means. */
#include <float.h>

#include "tests/unit/test.h"
#include "tools/casemate/control.h"
#include "tools/casemate/services.h"

static void test_texts(void)
{
	struct service_status s = { 0 };
	char text[SERVICES_TEXT_MAX];

	for (uint64_t i = 0; i < LOOK_STATES; i++)
		CHECK(*services_state(i) != '\0' && strcmp(services_state(i), "unknown") != 0);
	CHECK(strcmp(services_state(8), "unknown") == 0);
	CHECK(strcmp(services_state(UINT64_MAX), "unknown") == 0);
	services_end(text, &s);
	CHECK(strcmp(text, "-") == 0);
	s = (struct service_status){ .end = LOOK_EXITED, .end_status = 255 };
	services_end(text, &s);
	CHECK(strcmp(text, "exited 255") == 0);
	s = (struct service_status){ .end = LOOK_KILLED, .end_status = 9 };
	services_end(text, &s);
	CHECK(strcmp(text, "killed by 9 (KILL)") == 0);
	s.end_status = 40;
	services_end(text, &s);
	CHECK(strcmp(text, "killed by 40") == 0);
	s.end = LOOK_OUT_OF_MEMORY;
	services_end(text, &s);
	CHECK(strcmp(text, "out of memory") == 0);
	s.end = LOOK_NOT_READY;
	services_end(text, &s);
	CHECK(strcmp(text, "not ready in time") == 0);
	s.memory = 3 << 20;
	services_memory(text, &s);
	CHECK(strcmp(text, "3.0 MiB") == 0);
	s.memory_max = 64 << 20;
	services_memory(text, &s);
	CHECK(strcmp(text, "3.0 MiB / 64.0 MiB") == 0);
	s.memory = s.memory_max = INT64_MAX;
	services_memory(text, &s);
	CHECK(strlen(text) < SERVICES_TEXT_MAX - 1);
}

static void test_cpu(void)
{
	struct service_status a = { .starts = 1, .cpu_us = 1000 }, b = a;

	CHECK(services_cpu(&a, &b, 1000000) < DBL_MIN && services_cpu(&a, &b, 1000000) >= 0);
	b.cpu_us = 501000;
	CHECK(services_cpu(&a, &b, 1000000) > 49.9 && services_cpu(&a, &b, 1000000) < 50.1);
	b.cpu_us = 4001000;
	CHECK(services_cpu(&a, &b, 2000000) > 199.9 && services_cpu(&a, &b, 2000000) < 200.1);
	CHECK(services_cpu(&a, &b, 0) < 0 && services_cpu(&a, &b, -5) < 0);
	b.starts = 2; /* counted anew */
	CHECK(services_cpu(&a, &b, 1000000) < 0);
	b = a;
	b.cpu_us = 999;
	CHECK(services_cpu(&a, &b, 1000000) < 0);
	b.cpu_us = INT64_MAX;
	CHECK(services_cpu(&a, &b, 1) > 1e20);
}

static void test_signals(void)
{
	CHECK(services_signal("TERM") == 15 && services_signal("SIGTERM") == 15);
	CHECK(services_signal("term") == 15 && services_signal("sigHup") == 1);
	CHECK(services_signal("1") == 1 && services_signal("31") == 31);
	CHECK(services_signal("USR2") == 12 && services_signal("SYS") == 31);
	CHECK(services_signal("WINCH") == 28 && services_signal("CHLD") == 17);
	CHECK(services_signal("0") == 0 && services_signal("32") == 0 && services_signal("") == 0);
	CHECK(services_signal("SIG") == 0 && services_signal("TERM ") == 0);
	CHECK(services_signal("-9") == 0 && services_signal("SIG9") == 0);
	for (uint64_t i = 0; i < 40; i++)
		if (services_signal_name(i) != NULL)
			CHECK(services_signal(services_signal_name(i)) == (int)i);
	CHECK(strcmp(services_signal_name(9), "KILL") == 0 && services_signal_name(0) == NULL);
}

static enum rc reached(const char *word, uint64_t state, uint64_t starts)
{
	struct service_status before = { .state = LOOK_READY, .starts = 5 };
	struct service_status now = { .state = state, .starts = starts };

	return control_reached(word, &before, &now);
}

/* By state: as it was when its start was counted, and once it is started anew. */
static void test_reached(void)
{
	static const struct {
		enum rc stop, start, restart, started;
	} want[LOOK_STATES] = {
		[LOOK_STOPPED] = { RC_OK, RC_DENIED, RC_MORE, RC_DENIED },
		[LOOK_DONE] = { RC_OK, RC_OK, RC_MORE, RC_OK },
		[LOOK_FAILED] = { RC_OK, RC_DENIED, RC_DENIED, RC_DENIED },
		[LOOK_WAITING] = { RC_MORE, RC_MORE, RC_MORE, RC_DENIED },
		[LOOK_STARTING] = { RC_MORE, RC_MORE, RC_MORE, RC_MORE },
		[LOOK_READY] = { RC_MORE, RC_OK, RC_MORE, RC_OK },
		[LOOK_STOPPING] = { RC_MORE, RC_MORE, RC_MORE, RC_MORE },
		[LOOK_KILLING] = { RC_MORE, RC_MORE, RC_MORE, RC_MORE },
	};

	for (uint64_t s = 0; s < LOOK_STATES; s++) {
		bool ok = reached("stop", s, 5) == want[s].stop &&
		          reached("stop", s, 6) == want[s].stop &&
		          reached("start", s, 5) == want[s].start &&
		          reached("start", s, 6) == want[s].started &&
		          reached("restart", s, 5) == want[s].restart &&
		          reached("restart", s, 6) == want[s].started;

		if (!CHECK(ok))
			printf("  state %u\n", (unsigned)s);
	}
}

int main(void)
{
	test_texts();
	test_cpu();
	test_signals();
	test_reached();
	return test_end();
}
