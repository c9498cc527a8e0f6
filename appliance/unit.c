#include "appliance/unit.h"

#include "appliance/base/io.h"

/* What an event makes of a state. A state that is its own successor begins
 * anew; a place that is zero is an event that does not belong there, or is decided
 * upon (nothing leads to STOPPED but the end of waiting, and when nothing is left). */
static const struct step {
	uint8_t next, action;
} steps[LOOK_STATES][UNIT_EVENTS] = {
	[LOOK_WAITING] = { [EVENT_RUN] = { LOOK_STARTING, DO_START } },
	[LOOK_STARTING] = { [EVENT_UP] = { LOOK_READY, DO_NOTHING },
	                    [EVENT_END] = { LOOK_STOPPING, DO_SIGNAL },
	                    [EVENT_LATE] = { LOOK_STOPPING, DO_SIGNAL },
	                    [EVENT_GONE] = { LOOK_KILLING, DO_KILL } },
	[LOOK_READY] = { [EVENT_END] = { LOOK_STOPPING, DO_SIGNAL },
	                 [EVENT_GONE] = { LOOK_KILLING, DO_KILL } },
	[LOOK_STOPPING] = { [EVENT_GONE] = { LOOK_KILLING, DO_KILL },
	                    [EVENT_LATE] = { LOOK_KILLING, DO_KILL } },
	[LOOK_KILLING] = { [EVENT_LATE] = { LOOK_KILLING, DO_KILL } },
};

static void enter(struct unit *u, enum look_state state, int64_t now_ms, int64_t lasts_ms)
{
	if (u->state != state)
		u->since_ms = now_ms;
	u->state = state;
	u->deadline_ms = lasts_ms == INT64_MAX ? INT64_MAX : now_ms + lasts_ms;
}

void unit_init(struct unit *u, const struct service_policy *policy, bool left)
{
	*u = (struct unit){ .policy = *policy,
		            .state = left ? LOOK_KILLING : LOOK_STOPPED,
		            .asked = left,
		            .deadline_ms = left ? 0 : INT64_MAX,
		            .why = "" };
}

bool unit_runs(const struct unit *u)
{
	return u->state >= LOOK_STARTING;
}

void unit_start(struct unit *u, int64_t now_ms)
{
	u->wanted = true;
	u->pause_ms = 0;
	u->window = 0;
	u->why = "";
	if (!unit_runs(u))
		enter(u, LOOK_WAITING, now_ms, 0);
}

void unit_restart(struct unit *u, int64_t now_ms)
{
	u->again = unit_runs(u);
	unit_start(u, now_ms);
}

void unit_stop(struct unit *u)
{
	u->wanted = u->again = false;
}

/* Those that are to end, or not there for those that require them: bits. */
static uint64_t leaving(const struct unit *all, size_t count)
{
	uint64_t set = 0;

	for (size_t i = 0; i < count; i++)
		if (all[i].state != LOOK_DONE &&
		    (!all[i].wanted || all[i].again || (all[i].policy.requires & set) != 0))
			set |= UINT64_C(1) << i;
	return set;
}

/* Nobody that ends as well still needs it. */
static bool may_end(const struct unit *all, size_t count, size_t i, uint64_t ending)
{
	for (size_t k = i + 1; k < count; k++)
		if (all[k].policy.after >> i & 1 && unit_runs(&all[k]) && ending >> k & 1)
			return false;
	return true;
}

static bool cannot_run(const struct unit *all, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (all[i].policy.requires >> k & 1 && all[k].state == LOOK_FAILED)
			return true;
	return !all[i].wanted;
}

static bool may_run(const struct unit *all, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		bool there = all[k].state == LOOK_READY || all[k].state == LOOK_DONE;
		bool required = all[i].policy.requires >> k & 1;

		if (all[i].policy.after >> k & 1 && !there && (required || all[k].wanted))
			return false;
	}
	return true;
}

enum unit_event unit_due(const struct unit *all, size_t count, size_t i, int64_t now_ms)
{
	const struct unit *u = &all[i];
	const uint64_t ending = leaving(all, count);
	bool late = u->deadline_ms <= now_ms, ends = ending >> i & 1;

	if (u->state == LOOK_WAITING && cannot_run(all, i))
		return EVENT_END;
	if (u->state == LOOK_WAITING)
		return late && !ends && may_run(all, i) ? EVENT_RUN : EVENT_NONE;
	if ((u->state == LOOK_STARTING || u->state == LOOK_READY) && ends &&
	    may_end(all, count, i, ending))
		return EVENT_END;
	return late ? EVENT_LATE : EVENT_NONE;
}

/* The time that is left in a state; of STARTING also counts the start. */
static int64_t lasts(struct unit *u, enum look_state state, int64_t now_ms)
{
	switch (state) {
	case LOOK_STARTING:
		if (u->window == 0 || now_ms - u->window_ms > (int64_t)u->policy.burst_ms) {
			u->window_ms = now_ms;
			u->window = 0;
		}
		u->window++;
		u->starts++;
		u->ready_ms = INT64_MAX;
		u->ended = LOOK_NO_END;
		return (int64_t)u->policy.start_ms;
	case LOOK_STOPPING: return (int64_t)u->policy.stop_ms;
	case LOOK_KILLING: return UNIT_KILL_MS;
	default: return INT64_MAX;
	}
}

static void rest(struct unit *u, enum look_state state, int64_t now_ms, const char *why)
{
	u->wanted = false;
	u->why = why;
	enter(u, state, now_ms, INT64_MAX);
}

/* Nothing of it is left. */
static void over(struct unit *u, int64_t now_ms)
{
	bool stable = u->ready_ms != INT64_MAX && now_ms - u->ready_ms >= UNIT_STABLE_MS;
	bool failed = u->ended != LOOK_EXITED || u->status != 0;
	bool often = u->policy.burst > 0 && u->window >= u->policy.burst &&
	             now_ms - u->window_ms <= (int64_t)u->policy.burst_ms;

	if (!u->wanted) {
		rest(u, LOOK_STOPPED, now_ms, "");
	} else if (u->asked || u->again) {
		enter(u, LOOK_WAITING, now_ms, 0);
	} else if (u->policy.restart == RESTART_NEVER ||
	           (u->policy.restart == RESTART_ON_FAILURE && !failed)) {
		rest(u, failed ? LOOK_FAILED : LOOK_DONE, now_ms,
		     failed ? "it is not to be started again" : "");
	} else if (often) {
		rest(u, LOOK_FAILED, now_ms, "it was started too often");
	} else {
		u->pause_ms = backoff(u->pause_ms, (int64_t)u->policy.pause_ms,
		                      (int64_t)u->policy.pause_max_ms, stable);
		enter(u, LOOK_WAITING, now_ms, u->pause_ms);
	}
	u->asked = u->again = false;
}

enum unit_action unit_event(struct unit *u, enum unit_event event, int64_t now_ms)
{
	const struct step *step = &steps[u->state][event];

	if (u->state == LOOK_KILLING && event == EVENT_EMPTY)
		over(u, now_ms);
	if (u->state == LOOK_WAITING && event == EVENT_END)
		rest(u, u->wanted ? LOOK_FAILED : LOOK_STOPPED, now_ms,
		     u->wanted ? "one that it requires has failed" : "");
	if (step->next == 0)
		return DO_NOTHING;
	if (event == EVENT_END) {
		u->asked = true;
		u->again = false;
	}
	if (event == EVENT_LATE && u->state == LOOK_STARTING)
		u->ended = LOOK_NOT_READY;
	if (event == EVENT_UP)
		u->ready_ms = now_ms;
	enter(u, step->next, now_ms, lasts(u, step->next, now_ms));
	return step->action;
}
