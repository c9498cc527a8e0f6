#include "appliance/sessions.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/spawn.h"
#include "channel/admit.h"
#include "channel/message.h"

static pid_t running[SESSIONS_MAX]; /* 0: free */
static pid_t spare;                 /* 0: none */
static int spare_fd = -1;           /* our end of its pair */

static pid_t *find(pid_t pid)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (running[i] == pid)
			return &running[i];
	return NULL;
}

void sessions_prepare(void)
{
	static char role[] = "session";
	static char *const argv[] = { role, NULL };
	int pair[2];

	if (spare != 0)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		log_line("session: no socket pair: %m");
		return;
	}
	spare = spawn_role(argv, pair[1], -1);
	if (spare < 0) {
		log_line("session: cannot be started: %m");
		io_close(&pair[0]);
		spare = 0;
	}
	io_close(&pair[1]);
	spare_fd = pair[0];
}

static bool hand_over(const struct session_handover *h, int conn, int request)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)h, sizeof *h };
	struct msghdr msg = { .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = &control,
		              .msg_controllen = sizeof control };
	int fds[2] = { conn, request };

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(&control.head), fds, sizeof fds);
	return sendmsg(spare_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof *h;
}

/* The spare, if it is one, is done with: it runs, or died before its turn. */
static void forget_spare(void)
{
	spare = 0;
	io_close(&spare_fd);
}

uint32_t sessions_admit(uint32_t op, uint32_t len, int conn, int request)
{
	struct session_handover h = { op, len };
	pid_t *slot = find(0);

	if (!slot)
		return ERR_BUSY;
	/* The one that waited may have been killed: then once more. */
	for (int tries = 0; tries < 2; tries++) {
		sessions_prepare();
		if (spare == 0)
			return ERR_BUSY;
		if (hand_over(&h, conn, request)) {
			*slot = spare;
			forget_spare();
			return 0;
		}
		log_line("session: process %d is gone: %m", (int)spare);
		forget_spare();
	}
	return ERR_SYSTEM;
}

bool sessions_reap(pid_t pid, int status)
{
	pid_t *slot = find(pid);

	if (!slot && pid != spare)
		return false;
	if (WIFSIGNALED(status))
		log_line("session: process %d ended by signal %d", (int)pid, WTERMSIG(status));
	if (slot)
		*slot = 0;
	else
		forget_spare();
	return true;
}

void sessions_end(void)
{
	forget_spare();
}
