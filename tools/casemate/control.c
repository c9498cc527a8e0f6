#include "tools/casemate/control.h"

#include "tools/casemate/services.h"
#include "tools/casemate/text.h"

enum rc control_reached(const char *word, const struct service_status *before,
                        const struct service_status *now)
{
	bool as_it_was = strcmp(word, "restart") == 0 && now->starts == before->starts;

	if (strcmp(word, "stop") == 0)
		return now->state <= LOOK_FAILED ? RC_OK : RC_MORE;
	if (now->state == LOOK_FAILED)
		return RC_DENIED;
	/* About to be ended, or between its end and its start. */
	if (as_it_was)
		return RC_MORE;
	if (now->state == LOOK_STOPPED)
		return RC_DENIED; /* by somebody else */
	/* It was started and has ended; that it may start again is no success. */
	if (now->starts > before->starts && now->state == LOOK_WAITING)
		return RC_DENIED;
	return services_fine(now) ? RC_OK : RC_MORE;
}

/* Says what the service itself and the supervisor said of it meanwhile. */
static void say_event(const char *service, const struct look_record *r)
{
	const char *what = r->head.kind == RECORD_ENDED    ? "ended"
	                   : r->head.kind == RECORD_FAILED ? "failed"
	                                                   : NULL;

	if (what != NULL)
		say("%s %s: %.*s", service, what, (int)r->text.len, (const char *)r->text.p);
}

static enum look_got take(struct look *l, const char *service, bool tell)
{
	struct look_record r;
	enum look_got got = look_next(l, &r);

	if (got == LOOK_GOT_RECORD && tell)
		say_event(service, &r);
	return got;
}

static bool more(enum look_got got)
{
	return got == LOOK_GOT_SERVICE || got == LOOK_GOT_RECORD;
}

/* Waits for an event, and takes all others that are there already. */
static bool next_events(struct look *l, const char *service, bool tell)
{
	enum look_got got;

	do
		got = take(l, service, tell);
	while (got == LOOK_GOT_SERVICE || (got == LOOK_GOT_RECORD && look_ready(l)));
	if (got == LOOK_GOT_END)
		say("%s: the enclave stops", l->who);
	return more(got);
}

static bool say_failure(const char *word, const char *service, const struct service_status *now)
{
	char end[SERVICES_TEXT_MAX];

	services_end(end, now);
	say("%s did not %s: it is %s%s%s", service, word, services_state(now->state),
	    now->end == LOOK_NO_END ? "" : ", and ended last: ",
	    now->end == LOOK_NO_END ? "" : end);
	return false;
}

static bool await(const struct target *t, struct look *events, const struct look_ask *a,
                  const char *word, const struct service_status *before)
{
	bool starting = strcmp(word, "stop") != 0;
	struct look_services now;
	enum rc rc;

	for (;;) {
		if (!look_at(t, a, &now))
			return false;
		rc = control_reached(word, before, &now.service[0].status);
		if (rc == RC_OK)
			return true;
		if (rc != RC_MORE) {
			while (look_ready(events) && more(take(events, a->name[0], starting)))
				;
			return say_failure(word, a->name[0], &now.service[0].status);
		}
		if (!next_events(events, a->name[0], starting))
			return false;
	}
}

bool control_service(const struct target *t, const char *word, const char *service, bool wait)
{
	static struct look events;
	struct look_ask now = { .names = 1, .name = { service } }, follow = now;
	struct look_services before;
	bool ok;

	if (!wait)
		return look_control(t, word, service, 0);
	if (!look_at(t, &now, &before))
		return false;
	/* Followed from before it is asked for, so that nothing is missed. */
	follow.flags = LOOK_EVENTS | LOOK_FOLLOW;
	follow.since_ns = before.service[0].status.since_ns + 1;
	if (!look_open(&events, t, &follow))
		return false;
	ok = look_control(t, word, service, 0) &&
	     await(t, &events, &now, word, &before.service[0].status);
	look_close(&events);
	return ok;
}
