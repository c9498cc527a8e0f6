#include "boot/heartbeat.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"

static const unsigned cids[2] = { 3, 2 };

static int call(unsigned cid)
{
	struct sockaddr_vm to = { .svm_family = AF_VSOCK,
		                  .svm_port = HEARTBEAT_PORT,
		                  .svm_cid = cid };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
		io_close(&fd);
	return fd;
}

/* One wakeup of one call: connected, so say the byte; said, so hear it. True
 * when it was heard; a failed call is closed. */
static bool advance(struct pollfd *p)
{
	uint8_t byte = HEARTBEAT_BYTE;

	if (p->events == POLLOUT && send(p->fd, &byte, 1, MSG_NOSIGNAL) == 1)
		p->events = POLLIN;
	else if (p->events == POLLIN && recv(p->fd, &byte, 1, 0) == 1 && byte == HEARTBEAT_BYTE)
		return true;
	else
		io_close(&p->fd);
	return false;
}

enum rc heartbeat_over(struct pollfd p[2], int64_t until_ms, int *who)
{
	while (p[0].fd >= 0 || p[1].fd >= 0) {
		int n = poll(p, 2, io_timeout(until_ms, clock_mono_ms()));

		if (n <= 0)
			return n < 0 ? RC_IO : RC_TIMEOUT;
		for (*who = 0; *who < 2; ++*who)
			if (p[*who].fd >= 0 && p[*who].revents != 0 && advance(&p[*who]))
				return RC_OK;
	}
	return RC_EOF;
}

void heartbeat_send(void)
{
	struct pollfd p[2] = { { call(cids[0]), POLLOUT, 0 }, { call(cids[1]), POLLOUT, 0 } };
	int who = 0;
	enum rc rc = heartbeat_over(p, clock_mono_ms() + HEARTBEAT_MS, &who);

	io_close(&p[0].fd);
	io_close(&p[1].fd);
	if (rc == RC_OK)
		log_line("heartbeat: answered by CID %u", cids[who]);
	else
		log_line("heartbeat: no answer from the host (%s); going on", rc_str(rc));
}
