/* What fuzz targets share whose input is a list of steps for something with a clock:
 * the steps, and stand-ins with which an input does the same every time. One file of
 * a program includes it.
 */
#ifndef TESTS_FUZZ_STEPS_H
#define TESTS_FUZZ_STEPS_H

#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "appliance/base/slice.h"

static struct slice steps;
static int64_t skipped_ms; /* time stands still unless a step lets it pass */

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	(void)flags;
	memset(p, 0x42, n);
	return (ssize_t)n;
}

/* libFuzzer looks at another clock. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, t);
	*t = (struct timespec){ .tv_sec = 1000 + skipped_ms / 1000,
		                .tv_nsec = skipped_ms % 1000 * 1000000 };
	return 0;
}

/* Of an input that is over, zeros. */
static inline uint8_t next(void)
{
	struct slice s;

	return slice_take(&steps, 1, &s) ? s.p[0] : 0;
}

#endif
