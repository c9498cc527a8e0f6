#include "appliance/base/pass.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(PASS_FDS_SEEN * sizeof(int))];
};

enum rc pass_send(int sock, const void *p, size_t n, const int fds[PASS_FDS])
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };

	msg.msg_controllen = CMSG_SPACE(PASS_FDS * sizeof(int));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(PASS_FDS * sizeof(int));
	memcpy(CMSG_DATA(&control.head), fds, PASS_FDS * sizeof(int));
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n ? RC_OK : RC_IO;
}

bool pass_recv(int sock, void *p, size_t n, int flags, struct passed *m)
{
	union control control;
	struct iovec iov = { p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	const struct cmsghdr *c;

	*m = (struct passed){ 0 };
	msg.msg_controllen = sizeof control;
	m->len = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	if (m->len < 0)
		return false;
	m->cut = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	/* The kernel gives all descriptors of a message in one piece. */
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		m->count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (m->count > PASS_FDS_SEEN)
			m->count = PASS_FDS_SEEN;
		memcpy(m->fds, CMSG_DATA(c), m->count * sizeof(int));
	}
	return m->len == (ssize_t)n && !m->cut && m->count == PASS_FDS;
}
