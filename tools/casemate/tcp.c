#include "tools/casemate/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "tools/casemate/text.h"

/* 0, or an errno. */
static int finish_connect(int fd)
{
	int error = 0;
	socklen_t len = sizeof error;
	enum rc rc = io_wait(fd, POLLOUT, clock_mono_ms() + TCP_DIAL_MS);

	if (rc == RC_TIMEOUT)
		return ETIMEDOUT;
	if (rc != RC_OK || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

/* A blocking socket, or -1 with errno. */
static int dial_one(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
		error = errno == EINPROGRESS ? finish_connect(fd) : errno;
	if (error == 0 && fcntl(fd, F_SETFL, 0) != 0)
		error = errno;
	if (error != 0)
		io_close(&fd);
	errno = error;
	return fd;
}

int tcp_dial(const char *host, uint16_t port)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list;
	char digits[8];
	int fd = -1, e;

	snprintf(digits, sizeof digits, "%u", (unsigned)port);
	e = getaddrinfo(host, digits, &hints, &list);
	if (e != 0) {
		say("cannot find %s: %s", host, gai_strerror(e));
		return -1;
	}
	for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
		fd = dial_one(a);
	e = errno;
	freeaddrinfo(list);
	errno = e;
	if (fd < 0)
		say("cannot connect to %s port %u: %m", host, (unsigned)port);
	return fd;
}
