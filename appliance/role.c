#include "appliance/role.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/spawn.h"

enum rc role_start(struct role *r)
{
	static const int queue = ROLE_QUEUE_MAX / 2; /* the kernel doubles it */
	int pair[2];

	r->started_ms = clock_mono_ms();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		const int fds[SPAWN_FDS] = { pair[1], r->root, r->listener, r->shared, r->tun };

		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &queue, sizeof queue);
		r->pid = spawn_role(r->name, fds);
		io_close(&pair[1]);
		if (r->pid > 0) {
			r->sock = pair[0];
			return RC_OK;
		}
		io_close(&pair[0]);
		r->pid = 0;
	}
	log_line("%s: cannot be started: %m", r->name);
	return RC_IO;
}

/* It sees the end and ends by itself, if it is sane; one that is not must not
 * stay in the way of the next. Its number is its own until it is reaped. */
void role_hang_up(struct role *r)
{
	io_close(&r->sock);
	if (r->pid > 0)
		kill(r->pid, SIGKILL);
}

size_t role_receive(struct role *r, void *p, size_t least, size_t most, int *fd)
{
	int none = -1, *passed = fd ? fd : &none;
	ssize_t n = pass_recv(r->sock, p, most, MSG_DONTWAIT, passed);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n >= (ssize_t)least && (fd || none < 0))
		return (size_t)n;
	if (n == 1 && *passed < 0)
		r->ready = true;
	else if (n == 0)
		role_hang_up(r); /* its end comes as SIGCHLD */
	else
		role_refuse(r);
	io_close(passed);
	return 0;
}

void role_refuse(struct role *r)
{
	log_line("%s: a message refused; ending it", r->name);
	role_hang_up(r);
}

void role_send(struct role *r, const void *p, size_t n, struct slice more)
{
	struct iovec iov[] = { { (void *)(uintptr_t)p, n },
		               { (void *)(uintptr_t)more.p, more.len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (sendmsg(r->sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		log_line("%s: takes no answers (%m); ending it", r->name);
		role_hang_up(r);
	}
}

static void start_later(struct role *r, int64_t now_ms)
{
	r->pause_ms = backoff(r->pause_ms, ROLE_PAUSE_MS, ROLE_PAUSE_MAX_MS,
	                      now_ms - r->started_ms >= ROLE_STABLE_MS);
	r->again_ms = now_ms + r->pause_ms;
}

bool role_reap(struct role *r, pid_t pid, int status, int64_t now_ms)
{
	if (pid != r->pid || pid == 0)
		return false;
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		return true;
	}
	r->pid = 0;
	io_close(&r->sock);
	if (r->ending)
		return true;
	start_later(r, now_ms);
	log_line("%s: ended by %s %d; starting it again in %d ms", r->name,
	         WIFSIGNALED(status) ? "signal" : "exit",
	         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (int)r->pause_ms);
	return true;
}

void role_tick(struct role *r, int64_t now_ms)
{
	if (r->again_ms > now_ms)
		return;
	r->again_ms = INT64_MAX;
	if (role_start(r) != RC_OK)
		start_later(r, now_ms);
}

void role_end(struct role *r)
{
	r->ending = true;
	r->again_ms = INT64_MAX;
	io_close(&r->listener);
	/* Not closed: what was answered is still to be read. */
	if (r->sock >= 0)
		shutdown(r->sock, SHUT_WR);
}
