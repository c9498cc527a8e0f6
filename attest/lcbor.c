#include "attest/lcbor.h"

struct dcbor lcbor_of(struct slice in)
{
	return (struct dcbor){ .in = in, .any_form = true };
}

static bool take(struct dcbor *c, struct dcbor_item *it)
{
	if (c->rc == RC_OK)
		c->rc = dcbor_take(&c->in, it);
	return c->rc == RC_OK;
}

void lcbor_open(struct dcbor *c, enum dcbor_kind kind, size_t max, struct lcbor_seq *s)
{
	struct dcbor_item it;

	*s = (struct lcbor_seq){ 0 };
	if (!take(c, &it))
		return;
	if (it.kind != kind)
		dcbor_fail(c, RC_BAD);
	else if (it.v > max)
		dcbor_fail(c, RC_LIMIT);
	else
		*s = (struct lcbor_seq){ it.indefinite, false, it.indefinite ? max : it.v, 0 };
}

bool lcbor_more(struct dcbor *c, struct lcbor_seq *s)
{
	struct slice end;

	if (c->rc != RC_OK)
		return false;
	/* The one byte of a break. */
	if (s->indefinite && c->in.len > 0 && c->in.p[0] == 0xff) {
		(void)slice_take(&c->in, 1, &end);
		s->indefinite = false;
		s->max = s->at;
	}
	if (s->at < s->max) {
		s->at++;
		return true;
	}
	if (s->indefinite)
		dcbor_fail(c, c->in.len == 0 ? RC_EOF : RC_LIMIT);
	return false;
}

static void enter(struct dcbor *c, struct lcbor_walk *w, const struct dcbor_item *it)
{
	bool map = it->kind == DCBOR_MAP;
	uint64_t items = it->indefinite ? UINT64_MAX : it->v << map;

	/* Every item takes at least a byte: more of them cannot come. */
	if (it->v > c->in.len)
		dcbor_fail(c, RC_EOF);
	else if (w->depth == LCBOR_DEPTH_MAX)
		dcbor_fail(c, RC_LIMIT);
	else
		w->open[w->depth++] = (struct lcbor_seq){ it->indefinite, map, items, 0 };
}

bool lcbor_step(struct dcbor *c, struct lcbor_walk *w, struct dcbor_item *it)
{
	struct lcbor_seq *in = w->depth > 0 ? &w->open[w->depth - 1] : NULL;

	*it = (struct dcbor_item){ .kind = DCBOR_BREAK };
	if (in && !lcbor_more(c, in)) {
		w->depth--;
		if (in->pairs && in->at % 2 == 1) /* a key without a value */
			dcbor_fail(c, RC_BAD);
	} else if (take(c, it)) {
		if (it->kind == DCBOR_BREAK)
			dcbor_fail(c, RC_BAD);
		else if (it->kind == DCBOR_ARRAY || it->kind == DCBOR_MAP)
			enter(c, w, it);
	}
	return c->rc == RC_OK;
}

void lcbor_skip(struct dcbor *c)
{
	struct lcbor_walk w = { 0 };
	struct dcbor_item it;

	while (lcbor_step(c, &w, &it) && w.depth > 0) {
	}
}

struct dcbor *lcbor_at(struct dcbor *c, struct slice map, const char *key)
{
	struct dcbor at = lcbor_of(map);
	struct lcbor_seq pairs;
	size_t found = 0;

	lcbor_open(&at, DCBOR_MAP, map.len, &pairs);
	while (lcbor_more(&at, &pairs)) {
		if (slice_is(dcbor_text(&at, map.len), key)) {
			c->in = at.in;
			found++;
		}
		lcbor_skip(&at);
	}
	if (found != 1)
		dcbor_fail(&at, RC_BAD);
	dcbor_fail(c, dcbor_end(&at));
	return c;
}
