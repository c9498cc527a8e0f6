#include "appliance/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/broker.h"
#include "appliance/front.h"
#include "appliance/sessions.h"
#include "appliance/spawn.h"

enum phase { RUNNING, TERM, KILL };

/* Tags of epoll: the roles' indices, and then */
static struct role *const roles[] = { &front_role, &broker_role };
enum { ROLES = sizeof roles / sizeof roles[0], TAG_SIGNAL = ROLES };

/* A wakeup takes so many signals and children: a program that makes them
 * without end must not keep us from the rest. */
enum { SIGNALS_MAX = 16, REAPS_MAX = 64 };

static struct {
	enum phase phase;
	int64_t deadline_ms; /* of TERM and KILL */
	int64_t now_ms;
	int epoll, signals, nsm;
	bool watched[ROLES]; /* its descriptor is in epoll */
	pid_t command;       /* 0: none */
	bool more;           /* there may be children to reap */
} s = { .epoll = -1, .signals = -1, .nsm = -1 };

_Noreturn void supervisor_reset(void)
{
	sync();
	for (;;) {
		reboot(RB_AUTOBOOT);
		log_line("reboot: %m");
		pause();
	}
}

static void watch(int fd, uint32_t tag)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = tag };

	if (epoll_ctl(s.epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		log_line("epoll_ctl: %m");
}

/* A closed descriptor left epoll by itself: nobody else holds PID 1's end. */
static void watch_roles(void)
{
	for (uint32_t i = 0; i < ROLES; i++) {
		if (roles[i]->sock >= 0 && !s.watched[i])
			watch(roles[i]->sock, i);
		s.watched[i] = roles[i]->sock >= 0;
	}
}

static void stop(const char *why)
{
	if (s.phase != RUNNING)
		return;
	log_line("stopping: %s", why);
	s.phase = TERM;
	s.deadline_ms = s.now_ms + STOP_TERM_MS;
	for (size_t i = 0; i < ROLES; i++)
		role_end(roles[i]);
	sessions_end();
	kill(-1, SIGTERM);
	kill(-1, SIGCONT); /* what is stopped has to run to end */
}

static void command_ended(int status)
{
	s.command = 0;
	if (WIFSIGNALED(status))
		log_line("app: ended by signal %d", WTERMSIG(status));
	else
		log_line("app: exited with status %d", WEXITSTATUS(status));
	stop("the main command has ended");
}

static bool reap_role(pid_t pid, int status)
{
	for (size_t i = 0; i < ROLES; i++)
		if (role_reap(roles[i], pid, status, s.now_ms))
			return true;
	return false;
}

/* A role never stops by itself: somebody stopped it, who may not. */
static void on_stopped(pid_t pid)
{
	for (size_t i = 0; i < ROLES; i++)
		if (pid == roles[i]->pid)
			kill(pid, SIGKILL);
}

/* Reaps whatever ended, ours or orphaned. No child left: a stop is complete. */
static void reap(void)
{
	int status;
	pid_t pid = 0;

	for (int i = 0; i < REAPS_MAX && (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;
	     i++) {
		if (WIFSTOPPED(status))
			on_stopped(pid);
		else if (pid == s.command)
			command_ended(status);
		else if (!reap_role(pid, status))
			(void)sessions_reap(pid, status);
	}
	s.more = pid > 0;
	if (pid < 0 && errno == ECHILD && s.phase != RUNNING) {
		log_line("stopped");
		supervisor_reset();
	}
}

static void on_signals(void)
{
	struct signalfd_siginfo info[SIGNALS_MAX];
	ssize_t n = read(s.signals, info, sizeof info);

	for (ssize_t i = 0; i < n / (ssize_t)sizeof info[0]; i++)
		if (info[i].ssi_signo == SIGTERM || info[i].ssi_signo == SIGINT)
			stop("asked to by a signal");
	s.more = true;
}

static void on_deadlines(void)
{
	for (size_t i = 0; i < ROLES; i++)
		role_tick(roles[i], s.now_ms);
	if (s.phase == RUNNING || s.deadline_ms > s.now_ms)
		return;
	if (s.phase == KILL) {
		log_line("stopped, with processes left");
		supervisor_reset();
	}
	log_line("stopping: not everything has ended; killing it");
	s.phase = KILL;
	s.deadline_ms = s.now_ms + STOP_KILL_MS;
	kill(-1, SIGKILL);
}

static int timeout(void)
{
	int64_t next = INT64_MAX;

	if (s.more)
		return 0;
	for (size_t i = 0; i < ROLES; i++)
		if (role_deadline(roles[i]) < next)
			next = role_deadline(roles[i]);
	if (s.phase != RUNNING && s.deadline_ms < next)
		next = s.deadline_ms;
	if (next == INT64_MAX)
		return -1;
	return next > s.now_ms ? (int)(next - s.now_ms) : 0;
}

static void on_front(void)
{
	enum front_said said = front_answer();

	if (said == FRONT_FAILED) {
		log_line("ending the enclave: a touch must not go unmarked");
		supervisor_reset();
	}
	if (said == FRONT_STOP)
		stop("asked to over the channel");
}

static void wakeup(void)
{
	struct epoll_event events[ROLES + 1];
	int n = epoll_wait(s.epoll, events, ROLES + 1, timeout());

	s.now_ms = clock_mono_ms();
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == TAG_SIGNAL)
			on_signals();
		else if (roles[events[i].data.u32] == &front_role)
			on_front();
		else
			broker_answer(s.nsm);
	}
	if (s.more)
		reap();
	on_deadlines();
	if (s.phase == RUNNING && front_role.sock >= 0)
		sessions_prepare();
	watch_roles();
}

_Noreturn void supervise(int nsm, char *const command[])
{
	static const int no_fds[SPAWN_FDS] = { -1, -1, -1, -1 };
	sigset_t ours;

	/* All are blocked; the others are never looked at. */
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	s.nsm = nsm;
	s.now_ms = clock_mono_ms();
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	s.signals = signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s.epoll < 0 || s.signals < 0) {
		log_line("no epoll or signalfd: %m");
		supervisor_reset();
	}
	watch(s.signals, TAG_SIGNAL);
	watch_roles();
	if (command && (s.command = spawn_role(command, no_fds)) < 0) {
		log_line("app: cannot be started: %m");
		s.command = 0;
		stop("the main command cannot be started");
	}
	/* A child may have ended before its signal could be read. */
	reap();
	for (;;)
		wakeup();
}
