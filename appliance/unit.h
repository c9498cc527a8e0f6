/* A service as the launcher keeps it: the machine of its states, without any
 * I/O (appliance/launch.c does what it says).
 *
 *   STOPPED ─┬→ WAITING → STARTING → READY → STOPPING → KILLING → over
 *   DONE    ─┤     ↑          ╰────────┴─────────╯ main process's end
 *   FAILED  ─╯     ╰── to be started again ─────────────────────────╯
 *
 * WAITING lasts until what it comes after is ready and its pause is over, or one
 * that it requires has FAILED, so that it has as well; STARTING until it is ready or
 * was not in time. STOPPING has sent the stop signal. KILLING has ended what is left
 * and waits for the last process of the cgroup; then it is decided whether it starts
 * again, and if not, whether it is DONE, FAILED, or STOPPED because somebody wanted
 * that.
 *
 * A unit refers to others by bits, and only to earlier ones: unit N of an
 * array waits for bits below N.
 */
#ifndef APPLIANCE_UNIT_H
#define APPLIANCE_UNIT_H

#include "channel/message.h"

enum {
	UNIT_KILL_MS = 1000,    /* SIGKILL is sent again: a fork may have escaped */
	UNIT_STABLE_MS = 60000, /* ready for so long, its pause is short again */
};

enum unit_event {
	EVENT_RUN,   /* its turn has come */
	EVENT_END,   /* it is to stop, or cannot run */
	EVENT_UP,    /* it is ready */
	EVENT_GONE,  /* its main process has ended; ended and status are set */
	EVENT_EMPTY, /* and no other process is left */
	EVENT_LATE,  /* deadline_ms has come */
	UNIT_EVENTS,
	EVENT_NONE = UNIT_EVENTS,
};

/* What is to be done after an event. */
enum unit_action { DO_NOTHING, DO_START, DO_SIGNAL, DO_KILL };

struct unit {
	struct service_policy policy;
	enum look_state state;
	bool wanted;         /* somebody wants it to run */
	bool again;          /* to be ended, and started */
	bool asked;          /* it ends because it was to */
	int64_t deadline_ms; /* of the state; INT64_MAX: none */
	int64_t since_ms;    /* in this state */
	int64_t ready_ms;    /* when it was ready; INT64_MAX: it was not */
	int64_t pause_ms;    /* the last before a start; 0: none yet */
	int64_t window_ms;   /* where its starts began to be counted */
	uint64_t window, starts;
	enum look_end ended;
	int status;      /* as wait(2) has it */
	const char *why; /* FAILED: the reason; else "" */
};

/* Not wanted, and stopped; or left by somebody else: what it has is to be killed. */
void unit_init(struct unit *u, const struct service_policy *policy, bool left);

/* Somebody wants it: to run; to run, ended first if it does; not to run. */
void unit_start(struct unit *u, int64_t now_ms);
void unit_restart(struct unit *u, int64_t now_ms);
void unit_stop(struct unit *u);

bool unit_runs(const struct unit *u); /* has a process, or may have */

/* What is due for unit i of all: EVENT_RUN, EVENT_END, EVENT_LATE or
 * EVENT_NONE. */
enum unit_event unit_due(const struct unit *all, size_t count, size_t i, int64_t now_ms);

/* An event that does not belong to the state does nothing. */
enum unit_action unit_event(struct unit *u, enum unit_event event, int64_t now_ms);

#endif
