#include "appliance/front.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/report.h"
#include "appliance/touchlog.h"
#include "channel/admit.h"
#include "channel/message.h"

static_assert((int)ADMIT_SUMMARY_MAX == (int)TOUCH_SUMMARY_MAX, "a summary fits a record");

static char name[] = "channel", session_name[] = "session";
struct role front_role = ROLE_NONE(name);
uint32_t front_operations;

static pid_t running[SESSIONS_MAX]; /* 0: free */
/* The session process that waits for work; never started again by itself. */
static struct role spare = ROLE_NONE(session_name);

static bool printable(const char text[ADMIT_SUMMARY_MAX], size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

static bool well_formed(const struct admit_request *r)
{
	return r->op >= OP_EXEC && r->op <= OP_LOOK && r->len > 0 && r->len <= FRAME_REQUEST_MAX &&
	       r->summary_len <= ADMIT_SUMMARY_MAX && printable(r->summary, r->summary_len);
}

/* SHA-384 of a memfd of len bytes that nobody can change any more: what is
 * recorded is what the session reads. */
static enum rc sealed_digest(int fd, size_t len, uint8_t out[SHA384_LEN])
{
	static const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	uint8_t mem[4096];
	struct stat st;
	struct sha384 h;
	ssize_t n;

	if ((fcntl(fd, F_GET_SEALS) & seals) != seals || fstat(fd, &st) != 0 ||
	    st.st_size != (off_t)len)
		return RC_BAD;
	sha384_init(&h);
	for (size_t at = 0; at < len; at += (size_t)n) {
		n = pread(fd, mem, sizeof mem, (off_t)at);
		if (n <= 0)
			return RC_IO;
		sha384_update(&h, mem, (size_t)n);
	}
	sha384_final(&h, out);
	return RC_OK;
}

/* The pair holds an answer for each place of the role; a role that lets them
 * pile up beyond that is broken, and PID 1 does not wait for it. */
static void reply(uint32_t place, uint32_t error)
{
	struct admit_reply r = { place, error };

	if (send(front_role.sock, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof r) {
		log_line("channel: takes no answers (%m); ending it");
		role_hang_up(&front_role);
	}
}

static pid_t *find(pid_t pid)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (running[i] == pid)
			return &running[i];
	return NULL;
}

/* The next process, if there is none; else who needs it starts it. */
static void prepare(void)
{
	if (spare.pid == 0 && role_start(&spare) != RC_OK)
		log_line("session: none is ready in advance");
}

/* Gives the connection and its request to the launcher, or to the process that
 * waits, which gets the place; the descriptors stay ours. The error the peer is
 * to get, 0 for none. */
static uint32_t hand_over(const struct admit_request *r, const int *fds, pid_t *place)
{
	const struct session_handover h = { r->op, r->len };

	if (r->op >= OP_CONTROL)
		return pass_send(launch_role.sock, &h, sizeof h, fds) == RC_OK ? 0 : ERR_BUSY;
	if (spare.pid == 0 && role_start(&spare) != RC_OK)
		return ERR_BUSY;
	if (pass_send(spare.sock, &h, sizeof h, fds) != RC_OK) {
		log_line("session: process %d is gone: %m", (int)spare.pid);
		role_hang_up(&spare);
		return ERR_SYSTEM;
	}
	*place = spare.pid;
	spare.pid = 0;
	io_close(&spare.sock);
	return 0;
}

/* The same error. */
static uint32_t admit(const struct admit_request *r, const int *fds, enum front_said *said)
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
		return hand_over(r, fds, NULL); /* no touch: it changes nothing */
	if (sealed_digest(fds[1], r->len, digest) != RC_OK) {
		log_line("channel: a request that is not sealed refused");
		return ERR_PROTOCOL;
	}
	if (touchlog_add(names[r->op], "open", digest, slice_of(r->summary, r->summary_len)) !=
	    RC_OK) {
		*said = FRONT_FAILED;
		return ERR_SYSTEM;
	}
	if (r->op != OP_STOP)
		return hand_over(r, fds, place);
	*said = FRONT_STOP;
	return 0;
}

static enum front_said answer(const struct admit_request *r, const struct passed *m, bool whole)
{
	enum front_said said = FRONT_NOTHING;
	uint32_t error = ERR_PROTOCOL;

	if (m->len == 1 && m->count == 0) {
		front_role.ready = true;
		prepare();
		return said;
	}
	if (!whole || !well_formed(r))
		log_line("channel: a message of %zd bytes, %zu descriptors refused", m->len,
		         m->count);
	else
		error = admit(r, m->fds, &said);
	reply(r->place, error);
	if (error == 0 && r->op < OP_STOP)
		prepare();
	return said;
}

enum front_said front_answer(void)
{
	struct admit_request r = { 0 };
	struct passed m;
	bool whole = pass_recv(front_role.sock, &r, sizeof r, MSG_DONTWAIT, &m);
	enum front_said said = FRONT_NOTHING;

	if (m.len == 0)
		role_hang_up(&front_role); /* its end comes as SIGCHLD */
	/* Who asks while we stop is told by the end of the connection. */
	else if (m.len > 0 && !front_role.ending)
		said = answer(&r, &m, whole);
	for (size_t i = 0; i < m.count; i++)
		io_close(&m.fds[i]);
	return said;
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
