/* What of io.h only programs outside the enclave call. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "appliance/base/io.h"

enum rc io_read_full(int fd, void *p, size_t n)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t r = read(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return RC_IO;
		if (r == 0)
			return RC_EOF;
		at += r;
		n -= (size_t)r;
	}
	return RC_OK;
}

int64_t clock_boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
