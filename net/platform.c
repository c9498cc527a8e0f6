/* What lwIP asks of a platform, as net/port/arch/cc.h says. */
#include <arch/cc.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "appliance/base/log.h"

void platform_broken(const char *file, int line)
{
	log_line("lwIP: broken invariant at %s:%d", file, line);
	abort();
}

uint32_t platform_random(void)
{
	uint32_t v;

	if (getrandom(&v, sizeof v, 0) != sizeof v)
		platform_broken("getrandom", errno);
	return v;
}
