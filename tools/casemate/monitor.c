#include "tools/casemate/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/child.h"
#include "tools/casemate/conlog.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	CONSOLE_CHUNK = 65536,
	NOISE_MAX = 1024,       /* of what vhost-device-vsock said last */
	VHOST_START_MS = 10000, /* until it listens */
	LISTEN_GAP_MS = 1,
};

enum {
	P_REPORT,
	P_CONSOLE,
	P_NOISE,
	P_VM,
	P_VHOST,
	P_GATEWAY, /* what it says, which goes to the console */
	P_CONTROL,
	P_BEATS,
	P_BEAT,
	P_CLIENT,
	P_COUNT = P_CLIENT + MONITOR_CLIENTS_MAX,
};

struct monitor {
	const struct monitor_start *s;
	char dir[STATE_PATH_MAX];
	struct conlog log;
	int fd[P_COUNT];          /* -1: not there */
	pid_t vm, vhost, gateway; /* -1: not running */
	char noise[NOISE_MAX];
	size_t noise_len;
	int64_t start_ms;
	bool ready;
	bool wanted; /* its end was asked for */
	bool over;
	char why[256]; /* it is over */
};

__attribute__((format(printf, 2, 3))) static void finish(struct monitor *m, const char *fmt, ...)
{
	va_list ap;

	if (m->over)
		return;
	m->over = true;
	va_start(ap, fmt);
	vsnprintf(m->why, sizeof m->why, fmt, ap);
	va_end(ap);
}

static void print(struct monitor *m, const char *p, size_t n)
{
	conlog_put(&m->log, p, n);
	if (m->s->echo >= 0 && !m->ready && !conlog_show(m->s->echo, p, n)) {
		/* run's standard error is gone; it will be missed there */
	}
}

static void end_child(pid_t *pid)
{
	if (*pid >= 0) {
		kill(*pid, SIGKILL);
		child_wait(*pid);
	}
	*pid = -1;
}

/* --- starting ----------------------------------------------------------------- */

static int listen_at(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", name);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0))
		io_close(&fd);
	return fd;
}

static int connect_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		io_close(&fd);
	return fd;
}

int monitor_connect(const char *name)
{
	char path[STATE_SHORT_MAX];
	int dir = state_short_path(path, name, STATE_CONTROL);
	int fd = dir < 0 ? -1 : connect_at(path);

	io_close(&dir);
	return fd;
}

/* Connects to vhost-device-vsock as soon as it listens. The folder's inotify
 * tells when the socket is bound; listen() comes a few instructions later and
 * nothing tells when, so that gap alone is stepped over. */
static int connect_vhost(struct monitor *m, int created)
{
	int64_t deadline = clock_mono_ms() + VHOST_START_MS;
	char events[4096];

	while (!m->over) {
		int fd = connect_at(EMULATOR_VHOST_SOCKET);
		int wait = errno == ECONNREFUSED ? LISTEN_GAP_MS
		                                 : (int)(deadline - clock_mono_ms());
		struct pollfd p[2] = {
			{ .fd = m->fd[P_VHOST], .events = POLLIN },
			{ .fd = created, .events = POLLIN },
		};

		if (fd >= 0)
			return fd;
		if (clock_mono_ms() >= deadline)
			finish(m, "vhost-device-vsock did not listen within %d s",
			       VHOST_START_MS / 1000);
		else if (poll(p, 2, wait) < 0 && errno != EINTR)
			finish(m, "poll: %m");
		else if (p[0].revents != 0)
			finish(m, "vhost-device-vsock ended at once");
		else if (p[1].revents != 0 && read(created, events, sizeof events) < 0)
			finish(m, "inotify: %m");
	}
	return -1;
}

/* A pipe whose reading end is fd[slot]; the writing end, or -1. */
static int pipe_from(struct monitor *m, int slot)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0) {
		finish(m, "cannot make a pipe: %m");
		return -1;
	}
	m->fd[slot] = p[0];
	if (fcntl(p[0], F_SETFL, O_NONBLOCK) < 0)
		finish(m, "fcntl: %m");
	return p[1];
}

/* Starts vhost-device-vsock; the connection to it for QEMU, or -1. */
static int start_vhost(struct monitor *m)
{
	int created = inotify_init1(IN_CLOEXEC), noise = pipe_from(m, P_NOISE), fd = -1;

	if (created < 0 || inotify_add_watch(created, ".", IN_CREATE) < 0)
		finish(m, "cannot watch %s: %m", m->dir);
	if (!m->over) {
		m->vhost = emulator_start_vhost(m->s->em, NULL, noise);
		m->fd[P_VHOST] = m->vhost < 0 ? -1 : child_fd(m->vhost);
		if (m->fd[P_VHOST] < 0)
			finish(m, "cannot start %s: %m", m->s->em->vhost);
	}
	io_close(&noise);
	if (!m->over)
		fd = connect_vhost(m, created);
	io_close(&created);
	return fd;
}

static void start_vm(struct monitor *m)
{
	int vhost = start_vhost(m), out = pipe_from(m, P_CONSOLE);

	if (!m->over) {
		m->vm = emulator_start_vm(m->s->em, m->s->e, NULL, vhost, out);
		m->fd[P_VM] = m->vm < 0 ? -1 : child_fd(m->vm);
		if (m->fd[P_VM] < 0)
			finish(m, "cannot start %s: %m", m->s->em->qemu);
	}
	io_close(&out);
	io_close(&vhost);
}

static void start(struct monitor *m, const struct monitor_start *s)
{
	*m = (struct monitor){ .s = s, .vm = -1, .vhost = -1, .gateway = -1 };
	m->start_ms = clock_mono_ms();
	for (int i = 0; i < P_COUNT; i++)
		m->fd[i] = -1;
	m->fd[P_REPORT] = s->report;
	state_path(m->dir, s->e->name, "");
	if (chdir(m->dir) < 0)
		finish(m, "cannot enter %s: %m", m->dir);
	conlog_open(&m->log, STATE_CONSOLE, STATE_CONSOLE_OLD, MONITOR_LOG_MAX);
	m->fd[P_CONTROL] = listen_at(STATE_CONTROL);
	m->fd[P_BEATS] = listen_at(STATE_VM_SOCKET "_9000");
	if (m->fd[P_CONTROL] < 0 || m->fd[P_BEATS] < 0)
		finish(m, "cannot listen in %s: %m", m->dir);
	if (!m->over)
		start_vm(m);
}

/* --- while it lives ----------------------------------------------------------- */

static void on_console(struct monitor *m)
{
	static char buf[CONSOLE_CHUNK];
	ssize_t n = read(m->fd[P_CONSOLE], buf, sizeof buf);

	if (n > 0)
		print(m, buf, (size_t)n);
	else if (n == 0)
		io_close(&m->fd[P_CONSOLE]);
}

/* Its end of file is its end: nothing else writes there. */
static void on_gateway(struct monitor *m)
{
	static const char gone[] =
		"casemate: gateway: ended; the enclave has no network: casemate gateway is one\n";
	char buf[NOISE_MAX];
	ssize_t n = read(m->fd[P_GATEWAY], buf, sizeof buf);

	if (n > 0)
		print(m, buf, (size_t)n);
	if (n != 0)
		return;
	io_close(&m->fd[P_GATEWAY]);
	end_child(&m->gateway);
	print(m, gone, sizeof gone - 1);
}

/* Keeps the end of what vhost-device-vsock says, in case it fails. */
static void on_noise(struct monitor *m)
{
	char buf[NOISE_MAX];
	ssize_t r = read(m->fd[P_NOISE], buf, sizeof buf);
	size_t n, keep;

	if (r == 0)
		io_close(&m->fd[P_NOISE]);
	if (r <= 0)
		return;
	n = (size_t)r;
	keep = m->noise_len < NOISE_MAX - n ? m->noise_len : NOISE_MAX - n;
	memmove(m->noise, m->noise + m->noise_len - keep, keep);
	memcpy(m->noise + keep, buf, n);
	m->noise_len = keep + n;
}

static void on_vm_end(struct monitor *m)
{
	int status = child_wait(m->vm);

	m->vm = -1;
	io_close(&m->fd[P_VM]);
	if (m->ready)
		finish(m, "the enclave ended");
	else if (status == 0)
		finish(m, "the enclave ended before its heartbeat");
	else
		finish(m, "qemu-system-x86_64 failed (status %d)", status);
}

static void on_vhost_end(struct monitor *m)
{
	int status = child_wait(m->vhost);

	m->vhost = -1;
	io_close(&m->fd[P_VHOST]);
	finish(m, "vhost-device-vsock ended by itself (status %d)", status);
}

static void on_beats(struct monitor *m)
{
	int fd = accept4(m->fd[P_BEATS], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	io_close(&m->fd[P_BEAT]);
	m->fd[P_BEAT] = fd;
}

/* A copy of this process, without what is the monitor's: above all the lock,
 * which must not outlive it. */
static _Noreturn void become_gateway(struct monitor *m, int out, pid_t parent)
{
	struct gateway *g = m->s->gateway;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(out, STDERR_FILENO) < 0)
		_exit(STATUS_FAILED);
	for (int i = 0; i < P_COUNT; i++)
		io_close(&m->fd[i]);
	close(m->s->lock);
	if (m->s->echo >= 0)
		close(m->s->echo);
	close(out);
	conlog_close(&m->log);
	g->target.kind = TARGET_NAME;
	snprintf(g->target.text, sizeof g->target.text, "%s", m->s->e->name);
	g->patient = true;
	say_verb("gateway");
	_exit(gateway_serve(g));
}

static void start_gateway(struct monitor *m)
{
	struct gateway *g = m->s->gateway;
	pid_t parent = getpid();
	int out;

	if (g == NULL)
		return;
	out = pipe_from(m, P_GATEWAY);
	m->gateway = out < 0 ? -1 : fork();
	if (m->gateway == 0)
		become_gateway(m, out, parent);
	if (m->gateway < 0)
		finish(m, "cannot start its gateway: %m");
	io_close(&out);
	publish_close(g->port, g->ports);
}

static void become_ready(struct monitor *m)
{
	m->ready = true;
	start_gateway(m);
	m->s->e->life = m->wanted ? LIFE_STOPPING : LIFE_RUNNING;
	if (!state_save(m->s->e)) {
		/* said to nobody: ps will show it as booting */
	}
	dprintf(m->fd[P_REPORT], "ready %" PRId64 "\n", clock_mono_ms() - m->start_ms);
	io_close(&m->fd[P_REPORT]);
	if (m->s->echo >= 0)
		close(m->s->echo);
	io_close(&m->fd[P_BEATS]);
	unlink(STATE_VM_SOCKET "_9000");
}

/* The connection is left to the enclave to close: on this transport our end
 * would overtake the echo. */
static void on_beat(struct monitor *m)
{
	uint8_t b = 0;
	ssize_t n = read(m->fd[P_BEAT], &b, 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != 1 || b != HEARTBEAT || send(m->fd[P_BEAT], &b, 1, MSG_NOSIGNAL) != 1)
		io_close(&m->fd[P_BEAT]);
	else if (!m->ready)
		become_ready(m);
}

static void on_control(struct monitor *m)
{
	int fd = accept4(m->fd[P_CONTROL], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (int i = P_CLIENT; i < P_COUNT && fd >= 0; i++) {
		if (m->fd[i] < 0) {
			m->fd[i] = fd;
			fd = -1;
		}
	}
	io_close(&fd);
}

static void on_client(struct monitor *m, int slot)
{
	char c = 0;
	ssize_t n = read(m->fd[slot], &c, 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != 1) {
		io_close(&m->fd[slot]);
		return;
	}
	m->wanted = true;
	if (c == CONTROL_KILL)
		finish(m, "it was stopped");
	else if (m->ready && m->s->e->life != LIFE_STOPPING) {
		m->s->e->life = LIFE_STOPPING;
		if (!state_save(m->s->e)) {
			/* ps will show it as running until it is gone */
		}
	}
}

static void on_report(struct monitor *m)
{
	m->wanted = true;
	finish(m, "casemate run ended before the enclave was ready");
}

static void dispatch(struct monitor *m, int slot)
{
	switch (slot) {
	case P_REPORT: on_report(m); break;
	case P_CONSOLE: on_console(m); break;
	case P_NOISE: on_noise(m); break;
	case P_VM: on_vm_end(m); break;
	case P_VHOST: on_vhost_end(m); break;
	case P_GATEWAY: on_gateway(m); break;
	case P_CONTROL: on_control(m); break;
	case P_BEATS: on_beats(m); break;
	case P_BEAT: on_beat(m); break;
	default: on_client(m, slot); break;
	}
}

static void turn(struct monitor *m)
{
	struct pollfd p[P_COUNT];
	int64_t left = -1;

	for (int i = 0; i < P_COUNT; i++)
		p[i] = (struct pollfd){ .fd = m->fd[i], .events = i == P_REPORT ? 0 : POLLIN };
	if (!m->ready) {
		left = m->start_ms + MONITOR_BOOT_MS - clock_mono_ms();
		if (left <= 0) {
			finish(m, "no heartbeat within %d s", MONITOR_BOOT_MS / 1000);
			return;
		}
	}
	if (poll(p, P_COUNT, (int)left) < 0)
		return; /* EINTR, or memory is short: the deadline stands */
	for (int i = 0; i < P_COUNT; i++) {
		/* An earlier handler may have closed it. */
		if (p[i].revents != 0 && m->fd[i] == p[i].fd)
			dispatch(m, i);
	}
}

/* --- the end -------------------------------------------------------------------- */

/* What a pipe still holds; its writer is dead. */
static void drain(struct monitor *m, int slot, void (*take)(struct monitor *m))
{
	while (m->fd[slot] >= 0) {
		struct pollfd p = { .fd = m->fd[slot], .events = POLLIN };

		if (poll(&p, 1, 0) != 1)
			return;
		take(m);
	}
}

static void cleanup(struct monitor *m)
{
	bool vhost_failed = m->vhost < 0 || (m->vm < 0 && !m->ready);

	end_child(&m->gateway);
	end_child(&m->vm);
	end_child(&m->vhost);
	drain(m, P_CONSOLE, on_console);
	drain(m, P_NOISE, on_noise);
	if (vhost_failed && m->noise_len > 0) {
		print(m, "vhost-device-vsock: ", 20);
		print(m, m->noise, m->noise_len);
	}
	conlog_close(&m->log);
	state_remove(m->s->e->name, !m->wanted);
	if (m->fd[P_REPORT] >= 0)
		dprintf(m->fd[P_REPORT], "failed %s\n", m->why);
}

_Noreturn void monitor_main(const struct monitor_start *s)
{
	static struct monitor m;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	start(&m, s);
	while (!m.over)
		turn(&m);
	cleanup(&m);
	_exit(0);
}
