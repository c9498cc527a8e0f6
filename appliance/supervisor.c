#include "appliance/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/broker.h"
#include "appliance/front.h"
#include "boot/heartbeat.h"

enum phase { STARTING, RUNNING, SERVICES, TERM };

/* A wakeup takes so many children: a program that makes them without end must
 * not keep us from the rest. */
enum { REAPS_MAX = 64 };

static struct {
	enum phase phase;
	int64_t deadline_ms; /* of the phase; INT64_MAX: RUNNING has none */
	int64_t now_ms;
	int signals, nsm;
	uint32_t services_ms;
	bool more; /* there may be children to reap */
} s;

static struct role *const roles[] = { &front_role, &broker_role, &launch_role };

enum { ROLES = sizeof roles / sizeof roles[0] };

_Noreturn void supervisor_reset(void)
{
	for (;;) {
		reboot(RB_AUTOBOOT);
		log_line("reboot: %m");
		pause();
	}
}

/* Services end in their order, then everything else. */
static void stop(const char *why)
{
	if (s.phase >= SERVICES)
		return;
	log_line("stopping: %s", why);
	s.phase = SERVICES;
	s.deadline_ms = s.now_ms + s.services_ms + STOP_SERVICES_MS;
	role_end(&front_role);
	role_end(&launch_role);
}

static void stop_all(void)
{
	s.phase = TERM;
	s.deadline_ms = s.now_ms + STOP_TERM_MS;
	role_end(&broker_role);
	kill(-1, SIGTERM);
	kill(-1, SIGCONT); /* what is stopped has to run to end */
	s.more = true;     /* nobody may be left */
}

/* The gate serves: the boot is over. */
static void run(void)
{
	log_line("gate: attestation over HTTPS on port %d", HTTPS_PORT);
	heartbeat_send();
	s.phase = RUNNING;
	s.deadline_ms = INT64_MAX;
	launch_role.again_ms = 0;
	if (front_role.listener >= 0)
		front_role.again_ms = 0;
}

/* Reaps whatever ended, ours or orphaned. No child left: a stop is complete. */
static void reap(void)
{
	int status;
	pid_t pid = 0;

	for (int i = 0; i < REAPS_MAX && (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;
	     i++) {
		bool ours = false;

		for (size_t k = 0; k < ROLES; k++)
			ours = ours || role_reap(roles[k], pid, status, s.now_ms);
		if (!ours && !WIFSTOPPED(status))
			front_reap(pid, status);
		if (launch_role.pid == 0)
			front_forget();
	}
	s.more = pid > 0;
	if (pid < 0 && errno == ECHILD && s.phase == TERM) {
		log_line("stopped");
		supervisor_reset();
	}
}

static void on_signal(void)
{
	struct signalfd_siginfo info;

	if (read(s.signals, &info, sizeof info) == sizeof info && info.ssi_signo != SIGCHLD)
		stop("asked to by a signal");
	s.more = true;
}

static void on_deadline(void)
{
	if (s.phase == SERVICES) {
		log_line("stopping: services take too long");
		stop_all();
		return;
	}
	log_line(s.phase == TERM ? "stopped, with processes left"
	                         : "boot failed: the gate does not serve; ending the enclave");
	supervisor_reset();
}

static int timeout(void)
{
	int64_t next = s.deadline_ms;

	for (size_t k = 0; k < ROLES; k++)
		next = earlier(next, roles[k]->again_ms);
	if (broker_due_ms() > s.now_ms)
		next = earlier(next, broker_due_ms());
	return s.more ? 0 : io_timeout(next, s.now_ms);
}

static void wakeup(void)
{
	struct pollfd p[] = { { s.signals, POLLIN, 0 },
		              { broker_due_ms() > s.now_ms ? -1 : broker_role.sock, POLLIN, 0 },
		              { front_role.sock, POLLIN, 0 },
		              { launch_role.sock, POLLIN, 0 } };

	if (poll(p, 4, timeout()) < 0)
		log_line("poll: %m");
	s.now_ms = clock_mono_ms();
	if (p[0].revents != 0)
		on_signal();
	if (s.more)
		reap();
	if (p[1].revents != 0 && broker_role.sock >= 0)
		broker_answer(s.nsm);
	if (p[2].revents != 0 && front_role.sock >= 0 && front_answer())
		stop("asked to over the channel");
	if (p[3].revents != 0 && launch_role.sock >= 0 && front_report())
		stop("the main service has ended");
	for (size_t k = 0; k < ROLES; k++)
		role_tick(roles[k], s.now_ms);
	if (s.phase == STARTING && broker_role.ready)
		run();
	if (s.phase == SERVICES && launch_role.pid == 0)
		stop_all();
	if (s.deadline_ms <= s.now_ms)
		on_deadline();
}

_Noreturn void supervise(int nsm, uint32_t services_ms)
{
	sigset_t ours;

	/* All are blocked; the others are never looked at. */
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	broker_role.again_ms = 0;
	s.nsm = nsm;
	s.services_ms = services_ms;
	s.now_ms = clock_mono_ms();
	s.deadline_ms = s.now_ms + ROLES_READY_MS;
	s.signals = signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s.signals < 0) {
		log_line("no signalfd: %m");
		supervisor_reset();
	}
	for (;;)
		wakeup();
}
