#include "channel/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include "appliance/base/io.h"

enum {
	/* Receive buffer of a vsock connection: the kernel's default of 256 KiB is
	 * one data frame, which would make the sender wait for every credit. */
	VSOCK_BUFFER = 2 << 20,
};

static enum rc set_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return RC_IO;
	return RC_OK;
}

/* After connect() on a non-blocking socket said that it goes on. */
static enum rc finish_connect(int fd, int64_t deadline_ms)
{
	enum rc rc = io_wait(fd, POLLOUT, deadline_ms);
	socklen_t len = sizeof errno;
	int error = 0;

	if (rc != RC_OK)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return RC_IO;
	errno = error;
	if (error == ETIMEDOUT)
		return RC_TIMEOUT;
	return error == 0 ? RC_OK : RC_IO;
}

static void vsock_options(int fd)
{
	struct timeval t = { .tv_sec = DIAL_TIMEOUT_MS / 1000 };
	uint64_t size = VSOCK_BUFFER;

	/* Improvements, without which it works as well. */
	(void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &t, sizeof t);
	(void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof size);
	(void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof size);
}

enum rc dial_vsock(uint32_t cid, uint32_t port, int *fd)
{
	int64_t deadline = clock_mono_ms() + DIAL_TIMEOUT_MS;
	struct sockaddr_vm to = {
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = port,
	};
	enum rc rc = RC_OK;
	int s;

	*fd = -1;
	s = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return RC_IO;
	vsock_options(s);
	if (connect(s, (struct sockaddr *)&to, sizeof to) < 0)
		rc = errno == EINPROGRESS || errno == EINTR ? finish_connect(s, deadline) : RC_IO;
	if (rc == RC_OK)
		rc = set_blocking(s);
	if (rc == RC_OK)
		*fd = s;
	else
		io_close(&s);
	return rc;
}

/* connect() to a Unix socket waits only for a place in the listener's queue,
 * so that a send time-out on a blocking socket bounds it. */
static enum rc connect_unix(int s, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval t = { .tv_sec = DIAL_TIMEOUT_MS / 1000 }, none = { 0 };
	size_t len = strlen(path);

	if (len >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return RC_IO;
	}
	memcpy(to.sun_path, path, len + 1);
	if (setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) < 0)
		return RC_IO;
	while (connect(s, (struct sockaddr *)&to, sizeof to) < 0) {
		if (errno == EAGAIN)
			return RC_TIMEOUT;
		if (errno != EINTR)
			return RC_IO;
	}
	return setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) < 0 ? RC_IO : RC_OK;
}

/* The number is the port at the host's end, which nobody needs. */
enum rc dial_answer(struct slice got)
{
	size_t n = got.len < 3 ? got.len : 3;

	if (got.len > DIAL_ANSWER_MAX || (n > 0 && memcmp(got.p, "OK ", n) != 0))
		return RC_BAD;
	while (n < got.len && got.p[n] >= '0' && got.p[n] <= '9')
		n++;
	if (n == got.len)
		return n < DIAL_ANSWER_MAX ? RC_MORE : RC_BAD;
	return n > 3 && n + 1 == got.len && got.p[n] == '\n' ? RC_OK : RC_BAD;
}

/* Reads up to the newline and not a byte further: what follows belongs to the
 * enclave's port. */
static enum rc read_answer(int s, int64_t deadline_ms)
{
	uint8_t line[DIAL_ANSWER_MAX];
	enum rc answer = RC_MORE;
	size_t n = 0;

	while (answer == RC_MORE) {
		enum rc rc = io_wait(s, POLLIN, deadline_ms);
		ssize_t r;

		if (rc != RC_OK)
			return rc;
		r = recv(s, line + n, 1, MSG_DONTWAIT);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (r < 0)
			return errno == ECONNRESET ? RC_EOF : RC_IO;
		if (r == 0)
			return RC_EOF;
		answer = dial_answer(slice_of(line, ++n));
	}
	return answer;
}

static enum rc ask_hybrid(int s, uint32_t port)
{
	int64_t deadline = clock_mono_ms() + DIAL_TIMEOUT_MS;
	char line[32]; /* "CONNECT 4294967295\n" is 19 bytes */
	ssize_t sent;
	int n;

	n = snprintf(line, sizeof line, "CONNECT %u\n", (unsigned)port);
	do {
		sent = send(s, line, (size_t)n, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EPIPE || errno == ECONNRESET ? RC_EOF : RC_IO;
	return read_answer(s, deadline);
}

enum rc dial_unix(const char *path, uint32_t port, int *fd)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum rc rc;

	*fd = -1;
	if (s < 0)
		return RC_IO;
	rc = connect_unix(s, path);
	if (rc == RC_OK)
		rc = ask_hybrid(s, port);
	if (rc == RC_OK)
		*fd = s;
	else
		io_close(&s);
	return rc;
}
