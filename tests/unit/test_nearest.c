/* tools/image/nearest: what may have been meant. */
#include "tests/unit/test.h"
#include "tools/image/nearest.h"

static const char *nearest(const char *word, const char *const *words)
{
	static char best[NEAREST_MAX + 1];
	struct nearest n = nearest_of(slice_str(word));

	for (; *words; words++)
		nearest_try(&n, slice_str(*words));
	snprintf(best, sizeof best, "%.*s", (int)n.best.len,
	         n.best.len ? (const char *)n.best.p : "");
	return best;
}

static void distances(void)
{
	static const char *const words[] = {
		"restart", "restart-pause", "ready", "on-failure", "a", "", NULL
	};
	static char word[NEAREST_MAX + 2];

	CHECK(strcmp(nearest("restrat", words), "restart") == 0);
	CHECK(strcmp(nearest("RESTART", words), "restart") == 0);
	CHECK(strcmp(nearest("restart_pause", words), "restart-pause") == 0);
	CHECK(strcmp(nearest("raedy", words), "ready") == 0);
	CHECK(strcmp(nearest("on-fail", words), "on-failure") == 0);
	CHECK(strcmp(nearest("after", words), "") == 0);
	CHECK(strcmp(nearest("b", words), "") == 0);
	CHECK(strcmp(nearest("", words), "") == 0);
	memset(word, 'x', sizeof word - 1);
	CHECK(strcmp(nearest(word, (const char *const[]){ word, NULL }), "") == 0);
}

int main(void)
{
	distances();
	return test_end();
}
