#include "appliance/base/pass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "appliance/base/io.h"

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

enum rc pass_send(int sock, const void *p, size_t n, int fd)
{
	union control control = { .head = { .cmsg_len = CMSG_LEN(sizeof fd),
		                            .cmsg_level = SOL_SOCKET,
		                            .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };

	msg.msg_controllen = sizeof control;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n ? RC_OK : RC_IO;
}

ssize_t pass_recv(int sock, void *p, size_t n, int flags, int *fd)
{
	union control control;
	struct iovec iov = { p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	ssize_t len;

	*fd = -1;
	/* Not all of control: its padding has room for a second descriptor. */
	msg.msg_controllen = CMSG_LEN(sizeof *fd);
	len = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	if (len < 0)
		return len;
	if (msg.msg_controllen > 0 && control.head.cmsg_level == SOL_SOCKET &&
	    control.head.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&control.head), sizeof *fd);
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return len;
	io_close(fd);
	errno = EMSGSIZE;
	return -1;
}
