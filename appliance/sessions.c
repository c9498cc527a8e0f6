#include "appliance/sessions.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/spawn.h"
#include "channel/admit.h"
#include "channel/message.h"

static pid_t running[SESSIONS_MAX]; /* 0: free */
static pid_t spare;                 /* 0: none */
static int spare_fd = -1;           /* our end of its pair */
/* The last one could not be started, or ended unused: no other in advance
 * before one has been of use, lest we start and reap without end. */
static bool useless;

static pid_t *find(pid_t pid)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (running[i] == pid)
			return &running[i];
	return NULL;
}

static void start_spare(void)
{
	static char role[] = "session";
	static char *const argv[] = { role, NULL };
	int pair[2];

	useless = true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		log_line("session: no socket pair: %m");
		return;
	}
	spare = spawn_role(argv, (const int[SPAWN_FDS]){ pair[1], -1, -1, -1 });
	if (spare < 0) {
		log_line("session: cannot be started: %m");
		io_close(&pair[0]);
		spare = 0;
	}
	io_close(&pair[1]);
	spare_fd = pair[0];
	useless = spare == 0;
}

bool sessions_room(void)
{
	return find(0) != NULL;
}

void sessions_prepare(void)
{
	if (spare == 0 && !useless)
		start_spare();
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
	int fds[PASS_FDS] = { conn, request };
	pid_t *slot = find(0);

	if (!slot)
		return ERR_BUSY;
	/* The one that waited may have been killed: then once more. */
	for (int tries = 0; tries < 2; tries++) {
		if (spare == 0)
			start_spare();
		if (spare == 0)
			return ERR_BUSY;
		if (pass_send(spare_fd, &h, sizeof h, fds) == RC_OK) {
			*slot = spare;
			forget_spare();
			useless = false;
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
	if (slot) {
		*slot = 0;
	} else {
		forget_spare();
		useless = true;
	}
	return true;
}

void sessions_end(void)
{
	forget_spare();
}
