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

/* A service whose events are followed. */
struct followed {
	struct look look;
	const char *service;
	uint64_t after; /* the last event before, which is not told */
	bool tell;      /* say what goes wrong */
	bool ending;    /* it runs, and that it ends is what was asked for */
};

/* Says what the service itself and the supervisor said of it meanwhile. */
static void take_event(struct followed *f, const struct look_record *r)
{
	const char *what = r->head.kind == RECORD_ENDED && !f->ending ? "ended"
	                   : r->head.kind == RECORD_FAILED            ? "failed"
	                                                              : NULL;

	if (r->head.kind == RECORD_ENDED)
		f->ending = false;
	if (what != NULL && f->tell)
		say("%s %s: %.*s", f->service, what, (int)r->text.len, (const char *)r->text.p);
}

static enum look_got take(struct followed *f)
{
	struct look_record r;
	enum look_got got = look_next(&f->look, &r);

	if (got == LOOK_GOT_RECORD && r.head.seq <= f->after)
		return LOOK_GOT_SERVICE; /* no news, as that is none */
	if (got == LOOK_GOT_RECORD)
		take_event(f, &r);
	return got;
}

static bool more(enum look_got got)
{
	return got == LOOK_GOT_SERVICE || got == LOOK_GOT_RECORD;
}

/* Waits for an event, and takes all others that are there already. */
static bool next_events(struct followed *f)
{
	enum look_got got;

	do
		got = take(f);
	while (got == LOOK_GOT_SERVICE || (got == LOOK_GOT_RECORD && look_ready(&f->look)));
	if (got == LOOK_GOT_END)
		say("%s: the enclave stops", f->look.who);
	return more(got);
}

static bool say_failure(const char *word, const char *service, const struct service_status *now)
{
	const char *is = now->state == LOOK_FAILED    ? "has failed"
	                 : now->state == LOOK_STOPPED ? "was stopped"
	                                              : "waits to be started again";
	char end[SERVICES_TEXT_MAX];

	services_end(end, now);
	if (now->end == LOOK_NO_END)
		say("%s did not %s: it %s", service, word, is);
	else if (now->end == LOOK_NOT_READY)
		say("%s did not %s: it was not ready in time, and %s", service, word, is);
	else
		say("%s did not %s: it ended (%s), and %s", service, word, end, is);
	return false;
}

static bool await(const struct target *t, struct followed *f, const struct look_ask *a,
                  const char *word, const struct service_status *before)
{
	struct look_services now;
	enum rc rc;

	for (;;) {
		if (!look_at(t, a, &now))
			return false;
		rc = control_reached(word, before, &now.service[0].status);
		if (rc == RC_OK)
			return true;
		if (rc != RC_MORE) {
			while (look_ready(&f->look) && more(take(f)))
				;
			return say_failure(word, a->name[0], &now.service[0].status);
		}
		if (!next_events(f))
			return false;
	}
}

/* *seq: of the last event that there is, if there is one. */
static bool last_event(const struct target *t, struct look_ask a, uint64_t *seq)
{
	static struct look look;
	struct look_record r;
	enum look_got got;

	a.flags = LOOK_EVENTS;
	if (!look_open(&look, t, &a))
		return false;
	while (more(got = look_next(&look, &r)))
		if (got == LOOK_GOT_RECORD)
			*seq = r.head.seq;
	look_close(&look);
	return got == LOOK_GOT_END;
}

bool control_service(const struct target *t, const char *word, const char *service, bool wait)
{
	static struct followed f;
	struct look_ask now = { .names = 1, .name = { service } }, follow = now;
	struct look_services before;
	bool ok;

	if (!wait)
		return look_control(t, word, service, 0);
	if (!look_at(t, &now, &before))
		return false;
	/* Followed from before it is asked for, so that nothing is missed. Its state is as
	 * old as the event that told of it, or a little older: that is not told again. */
	follow.flags = LOOK_EVENTS | LOOK_FOLLOW;
	follow.since_ns = before.service[0].status.since_ns;
	f.after = 0;
	if (!last_event(t, follow, &f.after) || !look_open(&f.look, t, &follow))
		return false;
	f.service = service;
	f.tell = strcmp(word, "stop") != 0;
	f.ending = before.service[0].status.state >=
	           (strcmp(word, "start") == 0 ? LOOK_STOPPING : LOOK_STARTING);
	ok = look_control(t, word, service, 0) &&
	     await(t, &f, &now, word, &before.service[0].status);
	look_close(&f.look);
	return ok;
}
