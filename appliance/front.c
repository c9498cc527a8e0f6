#include "appliance/front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/sessions.h"
#include "appliance/spawn.h"
#include "channel/admit.h"
#include "channel/message.h"

static struct {
	pid_t pid; /* 0: not running */
	int sock;  /* our end of the pair */
	int empty_root;
	int64_t started_ms;
	int64_t again_ms;  /* when to start it again; 0: not waiting for that */
	unsigned failures; /* early ends in a row */
	bool ending;
} f = { .sock = -1, .empty_root = -1 };

static enum rc launch(void)
{
	static char role[] = "channel";
	static char *const argv[] = { role, NULL };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return RC_IO;
	f.pid = spawn_role(argv, pair[1], f.empty_root);
	io_close(&pair[1]);
	if (f.pid < 0) {
		io_close(&pair[0]);
		f.pid = 0;
		return RC_IO;
	}
	front_adopt(pair[0]);
	return RC_OK;
}

void front_adopt(int sock)
{
	f.sock = sock;
	f.started_ms = clock_mono_ms();
}

enum rc front_start(int empty_root)
{
	enum rc rc;

	f.empty_root = empty_root;
	rc = launch();
	if (rc != RC_OK)
		log_line("channel: cannot be started: %m");
	return rc;
}

enum rc front_wait(void)
{
	enum rc rc = io_wait(f.sock, POLLIN, clock_mono_ms() + FRONT_READY_MS);
	uint8_t byte = 0;
	ssize_t n;

	if (rc != RC_OK)
		return rc;
	n = recv(f.sock, &byte, 1, MSG_DONTWAIT);
	if (n == 1 && byte == ADMIT_READY)
		return RC_OK;
	return n == 0 ? RC_EOF : RC_BAD;
}

int front_fd(void)
{
	return f.sock;
}

static bool well_formed(const struct admit_request *r)
{
	return r->op >= OP_EXEC && r->op <= OP_STOP && r->len > 0 && r->len <= FRAME_REQUEST_MAX;
}

/* Nothing can be said to the role any more. It sees that and ends by itself,
 * if it is sane; one that is not must not stay in the way of the next. Its
 * number is its own until it is reaped. */
static void hang_up(void)
{
	io_close(&f.sock);
	if (f.pid > 0)
		kill(f.pid, SIGKILL);
}

/* The pair holds an answer for each place of the role; a role that lets them
 * pile up beyond that is broken, and PID 1 does not wait for it. */
static void reply(uint32_t place, uint32_t error)
{
	struct admit_reply r = { place, error };

	if (send(f.sock, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof r) {
		log_line("channel: takes no answers (%m); ending it");
		hang_up();
	}
}

/* True when this asks to stop. */
static bool answer(const struct admit_request *r, const struct passed *m, bool whole)
{
	uint32_t error = ERR_PROTOCOL;
	bool stop = false;

	if (m->len == 1 && m->count == 0)
		return false; /* ADMIT_READY of one started again */
	if (f.ending)
		return false; /* who asks now is told by the end of the connection */
	if (!whole || !well_formed(r))
		log_line("channel: a message of %zd bytes, %zu descriptors refused", m->len,
		         m->count);
	else if (r->op == OP_STOP)
		stop = true, error = 0;
	else
		error = sessions_admit(r->op, r->len, m->fds[0], m->fds[1]);
	reply(r->place, error);
	return stop;
}

bool front_answer(void)
{
	struct passed m;
	bool stop = false;

	for (int i = 0; i < FRONT_BUDGET && f.sock >= 0 && !stop; i++) {
		struct admit_request r = { 0 };
		bool whole = pass_recv(f.sock, &r, sizeof r, MSG_DONTWAIT, &m);

		if (m.len < 0 && errno != EINTR)
			break;
		if (m.len == 0)
			hang_up(); /* its end comes as SIGCHLD */
		else if (m.len > 0)
			stop = answer(&r, &m, whole);
		for (size_t k = 0; k < m.count; k++)
			io_close(&m.fds[k]);
	}
	return stop;
}

int64_t front_pause_ms(unsigned n)
{
	int64_t ms = FRONT_PAUSE_MS;

	while (--n > 0 && ms < FRONT_PAUSE_MAX_MS)
		ms *= 2;
	return ms < FRONT_PAUSE_MAX_MS ? ms : FRONT_PAUSE_MAX_MS;
}

static void schedule(int64_t now_ms)
{
	if (now_ms - f.started_ms >= FRONT_STABLE_MS)
		f.failures = 0;
	f.failures++;
	f.again_ms = now_ms + front_pause_ms(f.failures);
}

bool front_reap(pid_t pid, int status, int64_t now_ms)
{
	if (pid != f.pid || pid == 0)
		return false;
	f.pid = 0;
	io_close(&f.sock);
	if (f.ending)
		return true;
	schedule(now_ms);
	log_line("channel: ended by %s %d; starting it again in %d ms",
	         WIFSIGNALED(status) ? "signal" : "exit",
	         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	         (int)(f.again_ms - now_ms));
	return true;
}

int64_t front_deadline(void)
{
	return f.again_ms > 0 && !f.ending ? f.again_ms : INT64_MAX;
}

void front_tick(int64_t now_ms)
{
	if (front_deadline() > now_ms)
		return;
	f.again_ms = 0;
	if (launch() == RC_OK)
		return;
	log_line("channel: cannot be started: %m");
	f.started_ms = now_ms;
	schedule(now_ms);
}

void front_end(void)
{
	f.ending = true;
	/* Not closed: what was answered is still to be read. */
	if (f.sock >= 0)
		shutdown(f.sock, SHUT_WR);
}
