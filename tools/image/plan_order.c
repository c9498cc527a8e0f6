#include "tools/image/plan.h"

#include <stdio.h>

#include "tools/image/manifest_text.h"

static uint64_t bit(size_t n)
{
	return UINT64_C(1) << n;
}

/* --- cycles --- */

/* Where s says that it waits for the service of that name. */
static const struct yaml *mention(const struct plan_service *s, struct slice name)
{
	const struct yaml *lists[] = { s->after, s->requires };

	for (size_t i = 0; i < 2; i++)
		for (const struct yaml *m = lists[i] ? lists[i]->first : NULL; m; m = m->next)
			if (slice_eq(m->text, name))
				return m;
	return s->at;
}

/* The first service that s waits for of those in `left`, of which it has one. */
static size_t next_of(const struct plan *p, size_t s, uint64_t left)
{
	uint64_t mask = p->service[s].service.policy.after & left;
	size_t n = 0;

	while ((mask >> n & 1) == 0)
		n++;
	return n;
}

/* None of those in `left` can be first: each waits for another of them, so whoever
 * follows that comes to where it was before. */
static void note_cycle(struct plan *p, uint64_t left)
{
	char text[SERVICES_MAX * (SERVICE_NAME_MAX + 8)];
	size_t at = 0, first, used;
	uint64_t seen = 0;

	while ((left >> at & 1) == 0)
		at++;
	for (; (seen >> at & 1) == 0; at = next_of(p, at, left))
		seen |= bit(at);
	/* It begins with the one that the file has first. */
	first = at;
	for (size_t i = next_of(p, at, left); i != at; i = next_of(p, i, left))
		first = i < first ? i : first;
	used = (size_t)snprintf(text, sizeof text, "%.*s", SHOW(p->service[first].service.name));
	at = first;
	do {
		at = next_of(p, at, left);
		used += (size_t)snprintf(text + used, sizeof text - used, " → %.*s",
		                         SHOW(p->service[at].service.name));
	} while (at != first && used < sizeof text);
	at = next_of(p, first, left);
	plan_note(p, mention(&p->service[first], p->service[at].service.name),
	          "services wait for each other, so that none can start: %s", text);
}

/* --- order --- */

/* order[N] is the service that comes as Nth; false, with a note, if there is no order. */
static bool find_order(struct plan *p, size_t order[SERVICES_MAX])
{
	uint64_t left = bit(p->n) - 1;

	for (size_t n = 0; n < p->n; n++) {
		size_t i = 0;

		while (i < p->n &&
		       ((left >> i & 1) == 0 || (p->service[i].service.policy.after & left) != 0))
			i++;
		if (i == p->n) {
			note_cycle(p, left);
			return false;
		}
		order[n] = i;
		left &= ~bit(i);
	}
	return true;
}

static uint64_t renumber(uint64_t mask, const size_t order[SERVICES_MAX], size_t n)
{
	uint64_t out = 0;

	for (size_t i = 0; i < n; i++)
		if (mask >> order[i] & 1)
			out |= bit(i);
	return out;
}

static void reorder(struct plan *p, size_t order[SERVICES_MAX])
{
	for (size_t i = 0; i < p->n; i++) {
		struct service_policy *policy = &p->service[i].service.policy;

		policy->after = renumber(policy->after, order, p->n);
		policy->requires = renumber(policy->requires, order, p->n);
	}
	/* What is taken out from behind moves those before it one up. */
	for (size_t i = 0; i < p->n; i++) {
		struct plan_service taken = p->service[order[i]];

		memmove(&p->service[i + 1], &p->service[i], (order[i] - i) * sizeof *p->service);
		p->service[i] = taken;
		for (size_t j = i + 1; j < p->n; j++)
			if (order[j] < order[i])
				order[j]++;
	}
}

/* --- how long stopping takes --- */

/* A service is stopped once all that wait for it have ended: the longest chain. */
static void add_stop_times(struct plan *p)
{
	uint64_t ends_ms[SERVICES_MAX] = { 0 }; /* of service N, at the latest */
	size_t last = 0;

	for (size_t i = p->n; i-- > 0;) {
		for (size_t j = i + 1; j < p->n; j++)
			if (p->service[j].service.policy.after >> i & 1 && ends_ms[j] > ends_ms[i])
				ends_ms[i] = ends_ms[j];
		ends_ms[i] += p->service[i].service.policy.stop_ms;
		if (ends_ms[i] >= ends_ms[last])
			last = i;
	}
	if (ends_ms[last] > MANIFEST_STOP_MS_MAX)
		plan_note(
			p, p->service[last].at,
			"service '%.*s' is stopped after those that wait for it, which would take "
			"up to %llu s: the sum of their stop-timeouts is at most %d s",
			SHOW(p->service[last].service.name),
			(unsigned long long)(ends_ms[last] / 1000), MANIFEST_STOP_MS_MAX / 1000);
	p->manifest.stop_ms = (uint32_t)ends_ms[last];
}

void plan_order(struct plan *p)
{
	size_t order[SERVICES_MAX] = { 0 };

	if (!find_order(p, order))
		return;
	reorder(p, order);
	add_stop_times(p);
}
