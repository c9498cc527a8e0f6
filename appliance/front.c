#include "appliance/front.h"

#include <assert.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/supervisor.h"
#include "appliance/touchlog.h"
#include "channel/admit.h"
#include "channel/failure.h"

static_assert((int)ADMIT_SUMMARY_MAX == (int)TOUCH_SUMMARY_MAX, "a summary fits a record");

struct role front_role = ROLE_NONE("channel"), launch_role = ROLE_NONE("launch");
uint32_t front_operations;

static pid_t running[SESSIONS_MAX]; /* 0: free */
/* The session process that waits for work; never started again by itself. */
static struct role spare = ROLE_NONE("session");

static bool well_formed(const struct admit_request *r)
{
	if (r->op < OP_EXEC || r->op > OP_LOOK || r->summary_len > ADMIT_SUMMARY_MAX)
		return false;
	for (size_t i = 0; i < r->summary_len; i++)
		if (r->summary[i] < 0x20 || r->summary[i] > 0x7e)
			return false;
	return true;
}

static pid_t *find(pid_t pid)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (running[i] == pid)
			return &running[i];
	return NULL;
}

/* Passes the message and its connection on to the launcher, or to the process
 * that waits, which gets the place. 0, or why not. */
static enum error_code hand_over(const struct admit_request *r, size_t len, int conn, pid_t *place)
{
	if (r->op >= OP_CONTROL)
		return pass_send(launch_role.sock, r, len, conn) == RC_OK ? 0 : ERR_BUSY;
	if (spare.pid == 0 && role_start(&spare) != RC_OK)
		return ERR_BUSY;
	if (pass_send(spare.sock, r, len, conn) != RC_OK) {
		log_line("session: process %d is gone: %m", (int)spare.pid);
		role_hang_up(&spare);
		return ERR_SYSTEM;
	}
	*place = spare.pid;
	spare.pid = 0;
	io_close(&spare.sock);
	return 0;
}

/* The same. */
static enum error_code admit(const struct admit_request *r, size_t len, int conn)
{
	static const char *const names[] = {
		[OP_EXEC] = "exec", [OP_PUSH] = "push",       [OP_PULL] = "pull",
		[OP_STOP] = "stop", [OP_CONTROL] = "control",
	};
	uint8_t digest[SHA384_LEN];
	pid_t *place = find(0);

	if (!(front_operations >> r->op & 1))
		return ERR_DENIED;
	if (r->op < OP_STOP && !place)
		return ERR_BUSY;
	if (r->op == OP_LOOK)
		return hand_over(r, len, conn, NULL); /* no touch: it changes nothing */
	sha384_of(r->request, len - ADMIT_HEAD, digest);
	if (touchlog_add(names[r->op], "open", digest, slice_of(r->summary, r->summary_len)) !=
	    RC_OK) {
		log_line("ending the enclave: a touch must not go unmarked");
		supervisor_reset();
	}
	return r->op == OP_STOP ? 0 : hand_over(r, len, conn, place);
}

/* What a peer hears that gets no session; nobody waits for it to be read. */
static void answer(int conn, enum error_code error)
{
	static const uint8_t accept[FRAME_HEAD] = { FRAME_ACCEPT };

	if (error == 0)
		(void)!send(conn, accept, sizeof accept, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		(void)!failure_tell(conn, error,
		                    error == ERR_BUSY     ? "no session is free; try again"
		                    : error == ERR_DENIED ? "the image does not allow it"
		                                          : "the session cannot be started");
}

bool front_answer(void)
{
	static struct admit_request r;
	bool stop = false;
	int conn;
	size_t len = role_receive(&front_role, &r, ADMIT_HEAD + 1, sizeof r, &conn);

	if (len > 0 && (conn < 0 || !well_formed(&r))) {
		role_refuse(&front_role);
	} else if (len > 0 && !front_role.ending) {
		enum error_code error = admit(&r, len, conn);

		stop = r.op == OP_STOP && error == 0;
		if (error != 0 || stop)
			answer(conn, error);
	} /* else: who asks while we stop is told by the end of the connection */
	io_close(&conn);
	/* The next process, if there is none; else who needs it starts it. */
	if (front_role.sock >= 0 && !front_role.ending && !stop && spare.pid == 0)
		(void)!role_start(&spare);
	return stop;
}

bool front_report(void)
{
	struct launch_report r;

	if (role_receive(&launch_role, &r, sizeof r, sizeof r, NULL) == 0)
		return false;
	memcpy(touchlog_shared->service, r.service, sizeof r.service);
	return r.over != 0;
}

void front_forget(void)
{
	for (size_t i = 0; i < SERVICES_MAX; i++)
		touchlog_shared->service[i].number[LAUNCH_STATE] = LOOK_WAITING;
}

void front_reap(pid_t pid, int status)
{
	pid_t *place = pid == spare.pid ? &spare.pid : find(pid);

	if (!place)
		return;
	*place = 0;
	if (place == &spare.pid)
		io_close(&spare.sock);
	if (WIFSIGNALED(status) && !front_role.ending)
		log_line("session: process %d ended by signal %d", (int)pid, WTERMSIG(status));
}
