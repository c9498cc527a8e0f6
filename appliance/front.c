#include "appliance/front.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
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
	struct pollfd p = { f.sock, POLLIN, 0 };
	int64_t until_ms = clock_mono_ms() + FRONT_READY_MS, left;
	uint8_t byte = 0;
	ssize_t n;

	while ((left = until_ms - clock_mono_ms()) > 0) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = recv(f.sock, &byte, 1, MSG_DONTWAIT);
		if (n == 1 && byte == ADMIT_READY)
			return RC_OK;
		return n == 0 ? RC_EOF : RC_BAD;
	}
	return RC_TIMEOUT;
}

int front_fd(void)
{
	return f.sock;
}

/* More than the two that belong in a message, to see that there are more. */
enum { FDS_SEEN = 4 };

struct message {
	struct admit_request req;
	ssize_t len;
	bool cut; /* more bytes or descriptors than there is room for */
	int fds[FDS_SEEN];
	size_t count;
};

/* The kernel gives all descriptors of a message in one piece. */
static void take_fds(const struct msghdr *msg, struct message *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	m->count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (m->count > FDS_SEEN)
		m->count = FDS_SEEN;
	memcpy(m->fds, CMSG_DATA(c), m->count * sizeof(int));
}

static void receive(struct message *m)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(FDS_SEEN * sizeof(int))];
	} control;
	struct iovec iov = { &m->req, sizeof m->req };
	struct msghdr msg = { .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = &control,
		              .msg_controllen = sizeof control };

	memset(m, 0, sizeof *m);
	m->len = recvmsg(f.sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (m->len < 0)
		return;
	m->cut = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	take_fds(&msg, m);
}

static bool well_formed(const struct message *m)
{
	return m->len == sizeof m->req && !m->cut && m->count == 2 && m->req.op >= OP_EXEC &&
	       m->req.op <= OP_STOP && m->req.len > 0 && m->req.len <= FRAME_REQUEST_MAX;
}

/* The pair holds an answer for each place of the role; a role that lets them
 * pile up beyond that is broken, and PID 1 does not wait for it. */
static void reply(uint32_t place, uint32_t error)
{
	struct admit_reply r = { place, error };

	if (send(f.sock, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof r) {
		log_line("channel: takes no answers (%m); ending its connection");
		io_close(&f.sock);
	}
}

/* True when this asks to stop. */
static bool answer(const struct message *m)
{
	uint32_t error = ERR_PROTOCOL;
	bool stop = false;

	if (m->len == 1 && m->count == 0)
		return false; /* ADMIT_READY of one started again */
	if (!well_formed(m))
		log_line("channel: a message of %zd bytes, %zu descriptors refused", m->len,
		         m->count);
	else if (m->req.op == OP_STOP)
		stop = true, error = 0;
	else
		error = sessions_admit(m->req.op, m->req.len, m->fds[0], m->fds[1]);
	reply(m->req.place, error);
	return stop;
}

bool front_answer(void)
{
	struct message m;
	bool stop = false;

	for (int i = 0; i < FRONT_BUDGET && f.sock >= 0 && !stop; i++) {
		receive(&m);
		if (m.len < 0 && errno != EINTR)
			break;
		if (m.len == 0)
			io_close(&f.sock); /* its end comes as SIGCHLD */
		else if (m.len > 0)
			stop = answer(&m);
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
