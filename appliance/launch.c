/* Theory of operation.
 *
 * One poll over the launcher's signals, PID 1's pair, what services print and
 * say, and the channel's connections, each at a fixed place of one array. After
 * every wakeup each unit is asked what is due (unit.h), as long as something is,
 * and what it says is done, and then what there is to say goes out; nothing in
 * here waits.
 *
 * The launcher is the parent of all main processes and of what they leave
 * behind (PR_SET_CHILD_SUBREAPER), so that the end of a cgroup's last process is
 * always seen as SIGCHLD.
 */
#include "appliance/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/cgroup.h"
#include "appliance/confine.h"
#include "appliance/jobs.h"
#include "appliance/looks.h"
#include "appliance/records.h"
#include "appliance/touchlog.h"

enum {
	REAPS_MAX = 64,  /* children a wakeup, as PID 1's */
	CARRIES_MAX = 8, /* pieces of output a wakeup and stream: a pipe full */
	/* Places of the poll. */
	AT_SIGNALS = 0,
	AT_INIT,
	AT_JOBS,
	A_JOB = START_FDS + 1, /* what job.out has, notify */
	AT_LOOKS = AT_JOBS + A_JOB * SERVICES_MAX,
	PLACES = AT_LOOKS + LOOKS_PLACES,
};

static struct {
	size_t count;
	struct unit unit[SERVICES_MAX];
	struct job job[SERVICES_MAX];
	struct manifest manifest;
	int init, cgroups, signals, console;
	int64_t now_ms;
	bool changed;     /* there is something to report to PID 1 */
	bool more;        /* there may be children to reap */
	bool ending;      /* services are to stop */
	bool ready;       /* all were, once */
	int64_t close_ms; /* they have: when to leave; INT64_MAX: not yet */
} l;

/* --- saying what happens --- */

static void note_state(size_t i)
{
	static const uint8_t kinds[LOOK_STATES] = { [LOOK_FAILED] = RECORD_FAILED,
		                                    [LOOK_STARTING] = RECORD_STARTING,
		                                    [LOOK_READY] = RECORD_READY,
		                                    [LOOK_STOPPING] = RECORD_STOPPING };
	const struct unit *u = &l.unit[i];

	l.changed = true;
	if (kinds[u->state] != 0)
		records_event((unsigned)i + 1, kinds[u->state], "%s", u->why);
	if (u->state == LOOK_FAILED)
		log_line("%s: failed: %s", l.job[i].name, u->why);
}

static void note_end(size_t i)
{
	struct job *j = &l.job[i];
	char how[40];
	const char *text = how, *why = j->told;

	j->ended = l.unit[i].ended;
	j->status = l.unit[i].status;
	job_ended_text(how, j->status);
	if (j->ended == LOOK_OUT_OF_MEMORY)
		text = "ended for want of memory";
	if (j->ended == LOOK_NOT_READY) {
		text = "was not ready in time";
		why = j->checked;
	}
	records_event((unsigned)i + 1, RECORD_ENDED, "%s%s", text, why);
	looks_flush(l.now_ms); /* the console has what it said by then */
	log_line("%s: %s%s", j->name, text, why);
}

/* PID 1 may take nothing now. */
static void report(void)
{
	enum look_state main = l.manifest.main < l.count ? l.unit[l.manifest.main].state
	                                                 : LOOK_READY;
	struct launch_report r = {
		.over = !l.manifest.keep && (main == LOOK_DONE || main == LOOK_FAILED),
	};

	for (size_t i = 0; i < l.count; i++) {
		memcpy(r.service[i].name, l.job[i].name, sizeof r.service[i].name);
		r.service[i].number[LAUNCH_STATE] = l.unit[i].state;
		r.service[i].number[LAUNCH_STARTS] = (uint32_t)l.unit[i].starts;
		r.service[i].number[LAUNCH_OOMS] = (uint32_t)l.job[i].ooms;
	}
	l.changed = send(l.init, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof r;
}

/* --- doing what units say --- */

static void apply(size_t i, enum unit_event event);

static void act(size_t i, enum unit_action action)
{
	struct unit *u = &l.unit[i];
	struct job *j = &l.job[i];

	switch (action) {
	case DO_START:
		if (job_start(j, u, l.cgroups))
			break;
		u->ended = LOOK_EXITED;
		u->status = 126 << 8; /* as that exit status */
		apply(i, EVENT_GONE);
		break;
	case DO_SIGNAL:
		if (j->pid > 0)
			(void)kill(j->pid, (int)u->policy.stop_signal);
		break;
	case DO_KILL: cgroup_kill(j->cgroup); break;
	default: break;
	}
}

static void apply(size_t i, enum unit_event event)
{
	enum look_state before = l.unit[i].state;
	uint64_t starts = l.unit[i].starts;
	enum unit_action action = unit_event(&l.unit[i], event, l.now_ms);

	if (l.unit[i].state != before || l.unit[i].starts != starts)
		note_state(i);
	act(i, action);
}

/* --- processes --- */

static void main_ended(size_t i, int status)
{
	struct unit *u = &l.unit[i];

	l.job[i].pid = 0;
	if (l.job[i].probe != 0) /* what it comes to is nobody's business now */
		job_probed(&l.job[i], -1);
	if (u->ended != LOOK_NOT_READY) {
		u->ended = WIFSIGNALED(status) ? LOOK_KILLED : LOOK_EXITED;
		if (cgroup_number(l.job[i].cgroup, "memory.events", "oom_kill") > 0) {
			u->ended = LOOK_OUT_OF_MEMORY;
			l.job[i].ooms++;
		}
		u->status = status;
	}
	apply(i, EVENT_GONE);
}

static void reap(void)
{
	pid_t pid = 0;
	int status;

	for (int n = 0; n < REAPS_MAX && (pid = waitpid(-1, &status, WNOHANG)) > 0; n++) {
		for (size_t i = 0; i < l.count; i++) {
			if (pid == l.job[i].pid)
				main_ended(i, status);
			if (pid != l.job[i].probe)
				continue;
			job_probed(&l.job[i], status);
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
				apply(i, EVENT_UP);
		}
	}
	l.more = pid > 0;
}

static void probe(size_t i)
{
	struct job *j = &l.job[i];

	if (l.unit[i].state != LOOK_STARTING || j->probe_ms > l.now_ms)
		return;
	j->probe_ms = l.now_ms + LAUNCH_PROBE_MS;
	if (job_probe(j, &l.unit[i]))
		apply(i, EVENT_UP);
}

/* True when something was due. */
static bool advance(size_t i)
{
	struct job *j = &l.job[i];
	enum unit_event event = unit_due(l.unit, l.count, i, l.now_ms);

	if (l.unit[i].state == LOOK_KILLING && j->pid == 0 && !cgroup_populated(j->cgroup)) {
		job_close(j);
		/* The last event before a state that nothing follows; of what an earlier
		 * launcher left there is none. */
		if (l.unit[i].ended != LOOK_NO_END)
			note_end(i);
		event = EVENT_EMPTY;
	}
	if (event != EVENT_NONE)
		apply(i, event);
	return event != EVENT_NONE;
}

/* What one does may make others due. */
static void settle(void)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < l.count; i++) {
			more = advance(i) || more;
			probe(i);
		}
	}
}

/* --- what is asked --- */

size_t launch_find(struct slice name)
{
	for (size_t i = 0; i < l.count; i++)
		if (slice_is(name, l.job[i].name))
			return i + 1;
	return 0;
}

bool launch_status(size_t number, struct service_status *s)
{
	const struct unit *u;
	const struct job *j;
	struct timespec now;

	if (number > l.count)
		return false;
	u = &l.unit[number - 1];
	j = &l.job[number - 1];
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*s = (struct service_status){
		.number = number,
		.name = slice_str(j->name),
		.state = u->state,
		.pid = (uint64_t)j->pid,
		.since_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec -
		            (uint64_t)(clock_mono_ms() - u->since_ms) * 1000000u,
		.starts = u->starts,
		.end = j->ended,
		.end_status = (uint64_t)(WIFSIGNALED(j->status) ? WTERMSIG(j->status)
		                                                : WEXITSTATUS(j->status)),
		.memory = cgroup_number(j->cgroup, "memory.current", ""),
		.memory_max = u->policy.memory,
		.cpu_us = cgroup_number(j->cgroup, "cpu.stat", "usage_usec"),
		.tasks = cgroup_number(j->cgroup, "pids.current", ""),
		.ooms = j->ooms,
	};
	records_count(number, &s->output, &s->dropped);
	return true;
}

/* What it requires and nobody wants, and so on. */
static void start_required(size_t i)
{
	uint64_t set = l.unit[i].policy.requires;

	for (size_t k = i; k-- > 0;) {
		struct unit *u = &l.unit[k];

		if (!(set >> k & 1))
			continue;
		set |= u->policy.requires;
		if (!u->wanted && u->state != LOOK_DONE)
			unit_start(u, l.now_ms);
	}
}

enum error_code launch_control(struct slice action, size_t number, unsigned signal)
{
	struct unit *u = number > 0 ? &l.unit[number - 1] : NULL;
	pid_t pid = number > 0 ? l.job[number - 1].pid : 0;

	if (l.ending || !u)
		return u ? ERR_BUSY : ERR_NOT_FOUND;
	if (slice_is(action, "start") || slice_is(action, "restart")) {
		start_required(number - 1);
		(slice_is(action, "start") ? unit_start : unit_restart)(u, l.now_ms);
	} else if (slice_is(action, "stop")) {
		unit_stop(u);
	} else if (pid == 0 || kill(pid, (int)signal) != 0) {
		return ERR_CONFLICT;
	}
	return 0;
}

/* --- the loop --- */

static void begin_ending(void)
{
	l.ending = true;
	for (size_t i = 0; i < l.count; i++)
		unit_stop(&l.unit[i]);
}

static void on_init(void)
{
	static struct admit_request m;
	int conn;
	ssize_t len = pass_recv(l.init, &m, sizeof m, MSG_DONTWAIT, &conn);

	if (conn >= 0)
		looks_add(conn, &m, (size_t)len, l.now_ms);
	else if (len == 0 || (len < 0 && errno == ECONNRESET))
		begin_ending();
}

/* What is so of all of them together. */
static void note_all(void)
{
	size_t running = 0, ready = 0;

	for (size_t i = 0; i < l.count; i++) {
		running += unit_runs(&l.unit[i]);
		ready += l.unit[i].state == LOOK_READY || l.unit[i].state == LOOK_DONE;
	}
	if (!l.ready && ready == l.count) {
		l.ready = true;
		records_event(0, RECORD_READY, "%s", "");
	}
	if (!l.ending || running > 0 || l.close_ms != INT64_MAX)
		return;
	/* Who looks gets the last records, and then we leave. */
	records_event(0, RECORD_TERMINATED, "%s", "");
	looks_end();
	l.close_ms = l.now_ms + LAUNCH_CLOSE_MS;
}

static int timeout(void)
{
	int64_t next = earlier(looks_deadline(l.now_ms), l.close_ms);

	for (size_t i = 0; i < l.count; i++) {
		const struct unit *u = &l.unit[i];

		/* One that waits for another is looked at when that changes. */
		if (u->state != LOOK_WAITING || u->deadline_ms > l.now_ms)
			next = earlier(next, u->deadline_ms);
		if (u->state == LOOK_STARTING)
			next = earlier(next, l.job[i].probe_ms);
	}
	return l.more ? 0 : io_timeout(next, l.now_ms);
}

static void watch(struct pollfd p[PLACES])
{
	memset(p, 0xff, PLACES * sizeof p[0]);
	p[AT_SIGNALS] = (struct pollfd){ l.signals, POLLIN, 0 };
	p[AT_INIT] = (struct pollfd){ l.init, l.ending ? 0 : POLLIN, 0 };
	if (l.changed)
		p[AT_INIT].events |= POLLOUT;
	for (size_t i = 0; i < l.count; i++) {
		struct pollfd *at = p + AT_JOBS + A_JOB * i;

		for (int stream = 0; stream < START_FDS; stream++)
			at[stream] = (struct pollfd){ l.job[i].out[stream], POLLIN, 0 };
		at[START_FDS] = (struct pollfd){ l.job[i].notify, POLLIN, 0 };
	}
	looks_watch(p + AT_LOOKS, l.now_ms);
}

static void serve_job(size_t i, const struct pollfd p[A_JOB])
{
	struct job *j = &l.job[i];

	for (int stream = 0; stream < START_FDS; stream++)
		for (int n = 0; n < CARRIES_MAX && p[stream].fd >= 0 && p[stream].revents != 0; n++)
			if (!job_carry(j, stream))
				break;
	/* Closed without a word: it executes. */
	if (p[START_TOLD].fd >= 0 && j->out[START_TOLD] < 0 && j->told[0] == '\0' &&
	    l.unit[i].policy.ready == READY_STARTED)
		apply(i, EVENT_UP);
	if (p[START_FDS].fd >= 0 && p[START_FDS].revents != 0 && job_notified(j)) {
		if (l.unit[i].state == LOOK_READY) /* again, having reloaded */
			records_event((unsigned)i + 1, RECORD_READY, "%s", "");
		apply(i, EVENT_UP);
	}
}

static void wakeup(void)
{
	struct signalfd_siginfo info;
	struct pollfd p[PLACES];

	watch(p);
	if (poll(p, PLACES, timeout()) < 0)
		log_line("poll: %m");
	l.now_ms = clock_mono_ms();
	if (p[AT_SIGNALS].revents != 0 && read(l.signals, &info, sizeof info) == sizeof info)
		l.more = true;
	for (size_t i = 0; i < l.count; i++)
		serve_job(i, p + AT_JOBS + A_JOB * i);
	if (l.more)
		reap();
	if (p[AT_INIT].revents & POLLIN)
		on_init();
	looks_serve(p + AT_LOOKS, l.now_ms);
}

static bool open_services(int shared)
{
	const struct touchlog_shared *s = mmap(NULL, sizeof *s, PROT_READ, MAP_SHARED, shared, 0);
	struct service_policy policy = { 0 };
	uint32_t shown = 0;

	io_close(&shared);
	if (s == MAP_FAILED || records_open(0, RECORDS_EVENTS) != RC_OK ||
	    manifest_parse(slice_of(s->manifest, s->manifest_len), &l.manifest) != RC_OK)
		return false;
	records_event(0, RECORD_STARTING, "%s", "");
	for (; l.count < l.manifest.services; l.count++) {
		if (!job_open(&l.job[l.count], l.count + 1, l.manifest.service[l.count], l.cgroups,
		              &policy))
			return false;
		unit_init(&l.unit[l.count], &policy, cgroup_populated(l.job[l.count].cgroup));
		unit_start(&l.unit[l.count], l.now_ms);
		if (policy.flags & SERVICE_TO_CONSOLE)
			shown |= 2u << l.count;
	}
	looks_console(fcntl(l.console, F_DUPFD_CLOEXEC, 0), shown);
	l.changed = true;
	return true;
}

static bool open_process(void)
{
	sigset_t child;

	/* By another open file, which does not wait. */
	l.console = open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	l.signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l.console >= 0)
		log_to(l.console);
	return l.console >= 0 && l.signals >= 0 && sigprocmask(SIG_SETMASK, &child, NULL) == 0 &&
	       prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 && confine_launch() == RC_OK;
}

int launch_main(int init, int cgroups, int shared)
{
	size_t looking;

	l.init = init;
	l.cgroups = cgroups;
	l.close_ms = INT64_MAX;
	l.now_ms = clock_mono_ms();
	if (!open_process() || cgroup_init(cgroups) != RC_OK || !open_services(shared)) {
		log_line("cannot start: %m");
		return 1;
	}
	for (;;) {
		settle();
		note_all();
		if (l.changed)
			report();
		looking = looks_flush(l.now_ms);
		if (l.close_ms <= l.now_ms || (l.close_ms != INT64_MAX && looking == 0))
			return 0;
		wakeup();
	}
}
