/* appliance/unit.h: every state with every event, and what services that depend
 * on each other, fail or are asked for something come to. Time is the test's.
 */
#include "appliance/unit.h"
#include "tests/unit/test.h"

enum { NOW = 1000000, NEVER = -1 };

static const struct service_policy plain = {
	.start_ms = 90000,
	.stop_ms = 10000,
	.pause_ms = 100,
	.pause_max_ms = 30000,
	.burst_ms = 60000,
	.stop_signal = 15,
};

static struct unit unit_in(enum look_state state)
{
	struct unit u;

	unit_init(&u, &plain, false);
	u.state = state;
	u.wanted = state >= LOOK_WAITING;
	u.since_ms = 5;
	u.ready_ms = state == LOOK_READY ? 7 : INT64_MAX;
	return u;
}

/* --- the machine --- */

static const struct expected {
	int next; /* 0: nothing happens, and so everywhere that is not named */
	enum unit_action action;
	int64_t lasts; /* in the state; NEVER: no deadline */
} expected[LOOK_STATES][UNIT_EVENTS] = {
	[LOOK_WAITING] = { [EVENT_RUN] = { LOOK_STARTING, DO_START, 90000 } },
	[LOOK_STARTING] = { [EVENT_UP] = { LOOK_READY, DO_NOTHING, NEVER },
	                    [EVENT_END] = { LOOK_STOPPING, DO_SIGNAL, 10000 },
	                    [EVENT_LATE] = { LOOK_STOPPING, DO_SIGNAL, 10000 },
	                    [EVENT_GONE] = { LOOK_KILLING, DO_KILL, UNIT_KILL_MS } },
	[LOOK_READY] = { [EVENT_END] = { LOOK_STOPPING, DO_SIGNAL, 10000 },
	                 [EVENT_GONE] = { LOOK_KILLING, DO_KILL, UNIT_KILL_MS } },
	[LOOK_STOPPING] = { [EVENT_GONE] = { LOOK_KILLING, DO_KILL, UNIT_KILL_MS },
	                    [EVENT_LATE] = { LOOK_KILLING, DO_KILL, UNIT_KILL_MS } },
	[LOOK_KILLING] = { [EVENT_LATE] = { LOOK_KILLING, DO_KILL, UNIT_KILL_MS } },
};

static bool decides(int state, int event)
{
	return (state == LOOK_WAITING && event == EVENT_END) ||
	       (state == LOOK_KILLING && event == EVENT_EMPTY);
}

static void every_state_with_every_event(void)
{
	for (int state = 0; state < LOOK_STATES; state++) {
		for (int event = 0; event < UNIT_EVENTS; event++) {
			const struct expected *e = &expected[state][event];
			struct unit u = unit_in((enum look_state)state), before = u;
			enum unit_action action;

			if (decides(state, event))
				continue;
			action = unit_event(&u, (enum unit_event)event, NOW);
			CHECK(action == e->action);
			if (e->next == 0) {
				CHECK(memcmp(&u, &before, sizeof u) == 0);
				continue;
			}
			CHECK((int)u.state == e->next);
			CHECK(u.deadline_ms == (e->lasts == NEVER ? INT64_MAX : NOW + e->lasts));
			CHECK(u.since_ms == (e->next == state ? 5 : NOW));
			CHECK(u.asked == (event == EVENT_END));
			CHECK(u.starts == (uint64_t)(event == EVENT_RUN));
			CHECK(u.ended == (event == EVENT_LATE && state == LOOK_STARTING
			                          ? LOOK_NOT_READY
			                          : LOOK_NO_END));
			CHECK(u.ready_ms == (event == EVENT_UP || e->next == LOOK_READY ? NOW
			                     : state == LOOK_READY                      ? 7
			                                           : INT64_MAX));
		}
	}
}

/* What somebody else has left is killed, again and again until it is gone, and only
 * then it starts. */
static void something_is_left(void)
{
	struct unit u;

	unit_init(&u, &plain, true);
	unit_start(&u, NOW);
	for (int i = 0; i < 3; i++) {
		CHECK(unit_due(&u, 1, 0, NOW + i * UNIT_KILL_MS) == EVENT_LATE);
		CHECK(unit_event(&u, EVENT_LATE, NOW + i * UNIT_KILL_MS) == DO_KILL);
	}
	CHECK(unit_event(&u, EVENT_EMPTY, NOW) == DO_NOTHING && u.state == LOOK_WAITING);
	CHECK(u.starts == 0 && u.ended == LOOK_NO_END && unit_due(&u, 1, 0, NOW) == EVENT_RUN);
	unit_init(&u, &plain, true);
	unit_start(&u, NOW);
	unit_stop(&u);
	CHECK(unit_event(&u, EVENT_EMPTY, NOW) == DO_NOTHING && u.state == LOOK_STOPPED);
}

/* A service that waits and is not wanted any more. */
static void waiting_ends(void)
{
	struct unit u = unit_in(LOOK_WAITING);

	unit_stop(&u);
	CHECK(unit_due(&u, 1, 0, NOW) == EVENT_END);
	CHECK(unit_event(&u, EVENT_END, NOW) == DO_NOTHING);
	CHECK(u.state == LOOK_STOPPED && u.deadline_ms == INT64_MAX && !u.asked);
	CHECK(*u.why == 0);
}

/* --- what it is when nothing of it is left --- */

static const struct decision {
	enum service_restart restart;
	bool asked, wanted, again;
	enum look_end ended;
	int status;
	uint64_t burst, window;
	int64_t window_age_ms;
	enum look_state next;
	int64_t pause; /* of WAITING */
} decisions[] = {
	/* Ended by itself, with each policy. */
	{ RESTART_NEVER, 0, 1, 0, LOOK_EXITED, 0, 0, 1, 0, LOOK_DONE, 0 },
	{ RESTART_NEVER, 0, 1, 0, LOOK_EXITED, 1, 0, 1, 0, LOOK_FAILED, 0 },
	{ RESTART_NEVER, 0, 1, 0, LOOK_KILLED, 9, 0, 1, 0, LOOK_FAILED, 0 },
	{ RESTART_NEVER, 0, 1, 0, LOOK_OUT_OF_MEMORY, 9, 0, 1, 0, LOOK_FAILED, 0 },
	{ RESTART_NEVER, 0, 1, 0, LOOK_NOT_READY, 0, 0, 1, 0, LOOK_FAILED, 0 },
	{ RESTART_ON_FAILURE, 0, 1, 0, LOOK_EXITED, 0, 0, 1, 0, LOOK_DONE, 0 },
	{ RESTART_ON_FAILURE, 0, 1, 0, LOOK_EXITED, 1, 0, 1, 0, LOOK_WAITING, 100 },
	{ RESTART_ON_FAILURE, 0, 1, 0, LOOK_KILLED, 15, 0, 1, 0, LOOK_WAITING, 100 },
	{ RESTART_ON_FAILURE, 0, 1, 0, LOOK_OUT_OF_MEMORY, 9, 0, 1, 0, LOOK_WAITING, 100 },
	{ RESTART_ON_FAILURE, 0, 1, 0, LOOK_NOT_READY, 0, 0, 1, 0, LOOK_WAITING, 100 },
	{ RESTART_ALWAYS, 0, 1, 0, LOOK_EXITED, 0, 0, 1, 0, LOOK_WAITING, 100 },
	{ RESTART_ALWAYS, 0, 1, 0, LOOK_KILLED, 9, 0, 1, 0, LOOK_WAITING, 100 },
	/* Asked to end: no policy counts, nor does how it went. */
	{ RESTART_ALWAYS, 1, 0, 0, LOOK_KILLED, 15, 0, 1, 0, LOOK_STOPPED, 0 },
	{ RESTART_NEVER, 1, 0, 0, LOOK_EXITED, 0, 0, 1, 0, LOOK_STOPPED, 0 },
	{ RESTART_ALWAYS, 0, 0, 0, LOOK_EXITED, 1, 0, 1, 0, LOOK_STOPPED, 0 },
	{ RESTART_NEVER, 1, 1, 0, LOOK_KILLED, 15, 0, 1, 0, LOOK_WAITING, 0 },
	{ RESTART_NEVER, 1, 1, 0, LOOK_EXITED, 1, 3, 3, 0, LOOK_WAITING, 0 },
	/* Asked to be started again while it was ending by itself. */
	{ RESTART_NEVER, 0, 1, 1, LOOK_EXITED, 0, 0, 1, 0, LOOK_WAITING, 0 },
	{ RESTART_NEVER, 1, 1, 1, LOOK_KILLED, 15, 0, 1, 0, LOOK_WAITING, 0 },
	{ RESTART_ALWAYS, 0, 1, 1, LOOK_KILLED, 9, 1, 1, 0, LOOK_WAITING, 0 },
	/* Started too often, in that time alone. */
	{ RESTART_ALWAYS, 0, 1, 0, LOOK_EXITED, 0, 3, 2, 0, LOOK_WAITING, 100 },
	{ RESTART_ALWAYS, 0, 1, 0, LOOK_EXITED, 0, 3, 3, 60000, LOOK_FAILED, 0 },
	{ RESTART_ALWAYS, 0, 1, 0, LOOK_EXITED, 0, 3, 3, 60001, LOOK_WAITING, 100 },
	{ RESTART_ON_FAILURE, 0, 1, 0, LOOK_EXITED, 1, 3, 4, 0, LOOK_FAILED, 0 },
	{ RESTART_ON_FAILURE, 0, 1, 0, LOOK_EXITED, 0, 3, 3, 0, LOOK_DONE, 0 },
	{ RESTART_NEVER, 0, 1, 0, LOOK_EXITED, 0, 1, 1, 0, LOOK_DONE, 0 },
};

static void every_decision(void)
{
	for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
		const struct decision *d = &decisions[i];
		struct unit u = unit_in(LOOK_KILLING);
		int64_t lasts = d->next == LOOK_WAITING ? NOW + d->pause : INT64_MAX;

		u.policy.restart = d->restart;
		u.policy.burst = d->burst;
		u.asked = d->asked;
		u.wanted = d->wanted;
		u.again = d->again;
		u.ended = d->ended;
		u.status = d->status;
		u.window = d->window;
		u.window_ms = NOW - d->window_age_ms;
		CHECK(unit_event(&u, EVENT_EMPTY, NOW) == DO_NOTHING);
		if (!CHECK(u.state == d->next && u.deadline_ms == lasts))
			printf("decision %zu: state %d, deadline %lld\n", i, (int)u.state,
			       (long long)u.deadline_ms);
		CHECK(!u.asked && !u.again && u.wanted == (d->next == LOOK_WAITING));
		CHECK((u.state == LOOK_FAILED) == (*u.why != 0));
		CHECK(u.ended == d->ended && u.status == d->status);
	}
}

/* --- time between starts --- */

/* Runs it until it waits for its next start; the pause. */
static int64_t fail(struct unit *u, int64_t now, int64_t ready_for)
{
	CHECK(unit_event(u, EVENT_RUN, now) == DO_START);
	if (ready_for >= 0) {
		CHECK(unit_event(u, EVENT_UP, now) == DO_NOTHING);
		now += ready_for;
	}
	u->ended = LOOK_EXITED;
	u->status = 1;
	CHECK(unit_event(u, EVENT_GONE, now) == DO_KILL);
	CHECK(unit_event(u, EVENT_EMPTY, now) == DO_NOTHING && u->state == LOOK_WAITING);
	CHECK(unit_due(u, 1, 0, u->deadline_ms - 1) == EVENT_NONE);
	CHECK(unit_due(u, 1, 0, u->deadline_ms) == EVENT_RUN);
	return u->deadline_ms - now;
}

static void pauses_double(void)
{
	struct unit u = unit_in(LOOK_WAITING);

	u.policy.restart = RESTART_ALWAYS;
	u.policy.pause_max_ms = 1000;
	CHECK(fail(&u, NOW, -1) == 100 && fail(&u, NOW, 0) == 200);
	CHECK(fail(&u, NOW, UNIT_STABLE_MS - 1) == 400 && fail(&u, NOW, -1) == 800);
	CHECK(fail(&u, NOW, -1) == 1000 && fail(&u, NOW, -1) == 1000);
	CHECK(fail(&u, NOW, UNIT_STABLE_MS) == 100 && fail(&u, NOW, -1) == 200);
	unit_start(&u, NOW); /* somebody does not wait */
	CHECK(u.deadline_ms == NOW && fail(&u, NOW, -1) == 100);
	u.policy.pause_ms = 5000; /* more than the most */
	u.pause_ms = 0;
	CHECK(fail(&u, NOW, -1) == 1000);
}

/* Or what cannot be started at all would be tried without end, now. */
static void a_pause_is_never_nothing(void)
{
	struct unit u = unit_in(LOOK_WAITING);

	u.policy.restart = RESTART_ALWAYS;
	u.policy.pause_ms = u.policy.pause_max_ms = 0;
	CHECK(fail(&u, NOW, -1) == 1 && fail(&u, NOW, -1) == 1);
	u.policy.pause_max_ms = 3;
	CHECK(fail(&u, NOW, -1) == 2 && fail(&u, NOW, -1) == 3);
}

static void starts_are_limited(void)
{
	struct unit u = unit_in(LOOK_WAITING);

	u.policy.restart = RESTART_ALWAYS;
	u.policy.burst = 3;
	u.policy.burst_ms = 1000;
	(void)fail(&u, NOW, -1);
	(void)fail(&u, NOW + 999, -1);
	(void)fail(&u, NOW + 1001, -1); /* counted anew from here */
	(void)fail(&u, NOW + 1002, -1);
	CHECK(u.starts == 4 && u.window == 2);
	(void)unit_event(&u, EVENT_RUN, NOW + 1003);
	u.ended = LOOK_EXITED;
	(void)unit_event(&u, EVENT_GONE, NOW + 1003);
	(void)unit_event(&u, EVENT_EMPTY, NOW + 1003);
	CHECK(u.state == LOOK_FAILED && !u.wanted &&
	      strcmp(u.why, "it was started too often") == 0);
	unit_start(&u, NOW + 1004);
	CHECK(u.state == LOOK_WAITING && *u.why == 0);
	(void)fail(&u, NOW + 1004, -1); /* has all its starts again */
	CHECK(u.starts == 6 && u.window == 1);
}

/* --- what somebody wants --- */

/* From each state: what is due at once, and the state after all has happened
 * that is. */
static void everything_wanted_in_every_state(void)
{
	static const enum look_state stops_in[LOOK_STATES] = {
		[LOOK_STOPPED] = LOOK_STOPPED,  [LOOK_DONE] = LOOK_DONE,
		[LOOK_FAILED] = LOOK_FAILED,    [LOOK_WAITING] = LOOK_STOPPED,
		[LOOK_STARTING] = LOOK_STOPPED, [LOOK_READY] = LOOK_STOPPED,
		[LOOK_STOPPING] = LOOK_STOPPED, [LOOK_KILLING] = LOOK_STOPPED,
	};

	for (int wish = 0; wish < 3; wish++) {
		for (int state = 0; state < LOOK_STATES; state++) {
			struct unit u = unit_in((enum look_state)state);
			bool ran = unit_runs(&u);
			int ends = 0, runs = 0;

			u.asked = state == LOOK_STOPPING;
			CHECK(ran == (state >= LOOK_STARTING));
			if (wish == 0)
				unit_start(&u, NOW);
			else if (wish == 1)
				unit_restart(&u, NOW);
			else
				unit_stop(&u);
			for (int n = 0; n < 10; n++) {
				enum unit_event e = unit_due(&u, 1, 0, NOW);

				ends += e == EVENT_END;
				runs += e == EVENT_RUN;
				if (e != EVENT_NONE)
					(void)unit_event(&u, e, NOW);
				u.ended = LOOK_KILLED;
				(void)unit_event(&u,
				                 u.state == LOOK_STARTING   ? EVENT_UP
				                 : u.state == LOOK_STOPPING ? EVENT_GONE
				                                            : EVENT_EMPTY,
				                 NOW);
			}
			if (wish == 2) {
				CHECK(u.state == stops_in[state] && runs == 0);
				CHECK(ends == (state >= LOOK_WAITING && state <= LOOK_READY));
			} else if (state == LOOK_KILLING && wish == 0) {
				CHECK(u.state == LOOK_FAILED); /* it was ending by itself */
			} else {
				CHECK(u.state == LOOK_READY && u.wanted && !u.again);
				CHECK(runs == (!ran || wish == 1 || state == LOOK_STOPPING));
				CHECK(ends == (wish == 1 && ran && state <= LOOK_READY));
			}
		}
	}
}

/* --- several --- */

enum { MANY = 4 };
static struct unit many[MANY];

static void set_many(const uint64_t after[MANY], const uint64_t requires[MANY])
{
	for (size_t i = 0; i < MANY; i++) {
		unit_init(&many[i], &plain, false);
		many[i].policy.after = after[i];
		many[i].policy.requires = requires[i];
		unit_start(&many[i], NOW);
	}
}

/* Does what is due until nothing is; what was done, as text: + a start, - an
 * end, with the unit's number. */
static const char *settle(bool become_ready)
{
	static char said[256];
	size_t len = 0;
	bool more = true;

	said[0] = 0;
	for (int rounds = 0; more && CHECK(rounds < 50); rounds++) {
		more = false;
		for (size_t i = 0; i < MANY; i++) {
			struct unit *u = &many[i];
			enum unit_event e = unit_due(many, MANY, i, NOW);

			if (e == EVENT_NONE)
				continue;
			more = true;
			(void)unit_event(u, e, NOW);
			if (u->state == LOOK_STARTING)
				len += (size_t)snprintf(said + len, sizeof said - len, "+%zu", i);
			if (u->state == LOOK_STARTING && become_ready)
				(void)unit_event(u, EVENT_UP, NOW);
			if (u->state == LOOK_STOPPING) {
				len += (size_t)snprintf(said + len, sizeof said - len, "-%zu", i);
				u->ended = LOOK_KILLED;
				(void)unit_event(u, EVENT_GONE, NOW);
				(void)unit_event(u, EVENT_EMPTY, NOW);
			}
		}
	}
	return said;
}

/* Main process of one ends, and nothing is left of it. */
static void ends(size_t i, int status)
{
	many[i].ended = LOOK_EXITED;
	many[i].status = status;
	(void)unit_event(&many[i], EVENT_GONE, NOW);
	(void)unit_event(&many[i], EVENT_EMPTY, NOW);
}

#define SAYS(text, ready) CHECK(strcmp(settle(ready), (text)) == 0)

static const uint64_t chain[MANY] = { 0, 1, 2, 4 }, none[MANY];

static void starts_in_order(void)
{
	set_many(chain, none);
	SAYS("+0", false); /* the others wait for it */
	(void)unit_event(&many[0], EVENT_UP, NOW);
	SAYS("+1", false);
	ends(1, 0); /* one that is done counts as one that is ready */
	SAYS("+2", false);
	ends(2, 1); /* one that failed is not waited for, unless it is required */
	CHECK(many[1].state == LOOK_DONE && many[2].state == LOOK_FAILED);
	SAYS("+3", true);

	set_many(chain, none);
	unit_stop(&many[0]); /* nor is one that nobody wants */
	SAYS("+1+2+3", true);
	CHECK(many[0].state == LOOK_STOPPED);
}

static void stops_in_order(void)
{
	set_many(chain, none);
	SAYS("+0+1+2+3", true);
	for (size_t i = 0; i < MANY; i++)
		unit_stop(&many[i]);
	SAYS("-3-2-1-0", true);
	for (size_t i = 0; i < MANY; i++)
		CHECK(many[i].state == LOOK_STOPPED);

	/* One that only comes after it does not hold it up, and stays. */
	set_many(chain, none);
	SAYS("+0+1+2+3", true);
	unit_stop(&many[1]);
	SAYS("-1", true);
	CHECK(many[2].state == LOOK_READY);
}

/* An end waits while one that needs it has not ended, however long. */
static void ends_wait_for_who_needs_it(void)
{
	set_many(chain, chain);
	SAYS("+0+1+2+3", true);
	unit_stop(&many[2]);
	CHECK(unit_due(many, MANY, 2, NOW) == EVENT_NONE);
	CHECK(unit_due(many, MANY, 3, NOW) == EVENT_END);
	(void)unit_event(&many[3], EVENT_END, NOW);
	CHECK(unit_due(many, MANY, 2, NOW) == EVENT_NONE);
	(void)unit_event(&many[3], EVENT_LATE, NOW);
	CHECK(many[3].state == LOOK_KILLING && unit_due(many, MANY, 2, NOW) == EVENT_NONE);
	many[3].ended = LOOK_KILLED;
	(void)unit_event(&many[3], EVENT_EMPTY, NOW);
	SAYS("-2", true);
	CHECK(many[3].state == LOOK_WAITING && many[1].state == LOOK_READY);
	unit_start(&many[2], NOW);
	SAYS("+2+3", true);
}

static void a_required_one_restarts(void)
{
	set_many(chain, chain);
	SAYS("+0+1+2+3", true);
	unit_restart(&many[1], NOW);
	SAYS("-3-2-1+1+2+3", true);
	for (size_t i = 0; i < MANY; i++)
		CHECK(many[i].state == LOOK_READY && many[i].starts == (i == 0 ? 1 : 2));
	/* One that ends and is started again by its policy takes nobody along. */
	many[1].policy.restart = RESTART_ALWAYS;
	ends(1, 1);
	SAYS("", true);
	CHECK(many[1].state == LOOK_WAITING && many[2].state == LOOK_READY);
	/* As one that is done. */
	many[1].state = LOOK_READY;
	many[1].policy.restart = RESTART_ON_FAILURE;
	ends(1, 0);
	SAYS("", true);
	CHECK(many[1].state == LOOK_DONE && many[2].state == LOOK_READY);
	unit_restart(&many[1], NOW);
	SAYS("+1", true);
	unit_stop(&many[1]);
	SAYS("-3-2-1", true);
}

/* A restart that is asked for while it ends by itself happens once, and does not
 * linger: what is done stays with those that need it. */
static void a_restart_meets_an_end(void)
{
	set_many(chain, chain);
	SAYS("+0+1+2+3", true);
	many[0].ended = LOOK_EXITED;
	(void)unit_event(&many[0], EVENT_GONE, NOW);
	unit_restart(&many[0], NOW);
	(void)unit_event(&many[0], EVENT_EMPTY, NOW);
	(void)settle(true);
	CHECK(many[0].state == LOOK_READY && many[0].starts == 2 && !many[0].again);
	CHECK(many[1].state == LOOK_READY && many[3].state == LOOK_READY);
}

static void a_required_one_fails(void)
{
	set_many(chain, chain);
	SAYS("+0+1+2+3", true);
	ends(1, 1);
	CHECK(many[1].state == LOOK_FAILED);
	SAYS("-3-2", true);
	CHECK(many[0].state == LOOK_READY);
	/* For good, as it is for those that require it. */
	for (size_t i = 2; i < MANY; i++)
		CHECK(many[i].state == LOOK_FAILED && !many[i].wanted &&
		      strcmp(many[i].why, "one that it requires has failed") == 0);
	unit_start(&many[3], NOW); /* it does not help to want the last alone */
	SAYS("", true);
	CHECK(many[3].state == LOOK_FAILED);
	unit_start(&many[1], NOW);
	unit_start(&many[2], NOW);
	unit_start(&many[3], NOW);
	SAYS("+1+2+3", true);

	/* One that was stopped by somebody comes back, and so do they. */
	unit_stop(&many[0]);
	SAYS("-3-2-1-0", true);
	CHECK(many[1].state == LOOK_WAITING && many[3].state == LOOK_WAITING);
	unit_start(&many[0], NOW);
	SAYS("+0+1+2+3", true);
}

/* Everything stops, whatever state it is in. */
static void all_stop_in_the_middle(void)
{
	set_many(chain, chain);
	SAYS("+0", false);
	(void)unit_event(&many[0], EVENT_UP, NOW);
	SAYS("+1", false);
	for (size_t i = 0; i < MANY; i++)
		unit_stop(&many[i]);
	SAYS("-1-0", true);
	for (size_t i = 0; i < MANY; i++)
		CHECK(many[i].state == LOOK_STOPPED && !unit_runs(&many[i]));
}

static void due_in_time(void)
{
	struct unit u = unit_in(LOOK_WAITING);

	(void)unit_event(&u, EVENT_RUN, NOW);
	CHECK(unit_due(&u, 1, 0, NOW + 89999) == EVENT_NONE);
	CHECK(unit_due(&u, 1, 0, NOW + 90000) == EVENT_LATE);
	(void)unit_event(&u, EVENT_LATE, NOW + 90000);
	CHECK(unit_due(&u, 1, 0, NOW + 99999) == EVENT_NONE);
	CHECK(unit_due(&u, 1, 0, NOW + 100000) == EVENT_LATE);
	(void)unit_event(&u, EVENT_LATE, NOW + 100000);
	CHECK(unit_due(&u, 1, 0, NOW + 100000 + UNIT_KILL_MS) == EVENT_LATE);
	(void)unit_event(&u, EVENT_EMPTY, NOW + 100001);
	CHECK(u.state == LOOK_FAILED && u.ended == LOOK_NOT_READY);
	CHECK(unit_due(&u, 1, 0, INT64_MAX - 1) == EVENT_NONE);
}

int main(void)
{
	every_state_with_every_event();
	something_is_left();
	waiting_ends();
	every_decision();
	pauses_double();
	a_pause_is_never_nothing();
	starts_are_limited();
	everything_wanted_in_every_state();
	starts_in_order();
	stops_in_order();
	ends_wait_for_who_needs_it();
	a_required_one_restarts();
	a_restart_meets_an_end();
	a_required_one_fails();
	all_stop_in_the_middle();
	due_in_time();
	return test_end();
}
