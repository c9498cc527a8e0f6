#include "appliance/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

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

int io_accept(int listener)
{
	struct sockaddr_vm peer = { 0 };
	socklen_t len = sizeof peer;
	int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && peer.svm_family == AF_VSOCK && peer.svm_cid == VMADDR_CID_LOCAL) {
		io_close(&fd);
		errno = ECONNABORTED;
	}
	return fd;
}

void io_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static int64_t now_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
	return now_ms(CLOCK_BOOTTIME);
}

void wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}
