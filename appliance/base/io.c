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

enum rc io_read_file(const char *path, void *p, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t extra;
	ssize_t n;

	*len = 0;
	if (fd < 0)
		return RC_IO;
	do {
		bool full = *len == max;

		n = read(fd, full ? &extra : (uint8_t *)p + *len, full ? 1 : max - *len);
		if (n > 0)
			*len += (size_t)n;
	} while ((n > 0 && *len <= max) || (n < 0 && errno == EINTR));
	io_close(&fd);
	return n < 0 ? RC_IO : n > 0 ? RC_LIMIT : RC_OK;
}

enum rc io_put_file(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	enum rc rc = fd < 0 ? RC_IO : io_write_full(fd, text, strlen(text));

	io_close(&fd);
	return rc;
}

enum rc io_wait(int fd, short events, int64_t until_ms)
{
	struct pollfd p = { fd, events, 0 };
	int left;

	while ((left = io_timeout(until_ms, clock_mono_ms())) != 0) {
		int n = poll(&p, 1, left);

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

int io_timeout(int64_t until_ms, int64_t now_ms)
{
	int64_t left = until_ms - now_ms;

	if (until_ms == INT64_MAX)
		return -1;
	return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

void wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}
