#include "appliance/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum rc io_write_full(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n > 0) {
		ssize_t r = write(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return RC_IO;
		at += r;
		n -= (size_t)r;
	}
	return RC_OK;
}

static enum rc read_up_to(int fd, uint8_t *p, size_t max, size_t *len)
{
	uint8_t extra;

	*len = 0;
	for (;;) {
		size_t left = max - *len;
		ssize_t r = read(fd, left > 0 ? p + *len : &extra, left > 0 ? left : 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return RC_IO;
		if (r == 0)
			return RC_OK;
		if (left == 0)
			return RC_LIMIT;
		*len += (size_t)r;
	}
}

enum rc io_read_file(const char *path, void *p, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum rc rc;

	if (fd < 0)
		return RC_IO;
	rc = read_up_to(fd, p, max, len);
	io_close(&fd);
	return rc;
}

enum rc io_wait(int fd, short events, int64_t until_ms)
{
	struct pollfd p = { fd, events, 0 };
	int64_t left;

	while ((left = until_ms - clock_mono_ms()) > 0) {
		int n = poll(&p, 1, left < INT_MAX ? (int)left : INT_MAX);

		if (n > 0)
			return RC_OK;
		if (n < 0 && errno != EINTR)
			return RC_IO;
	}
	return RC_TIMEOUT;
}

void io_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int64_t clock_mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}
