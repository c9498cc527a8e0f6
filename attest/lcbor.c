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

static void open_seq(struct dcbor *c, struct lcbor_seq *s, enum dcbor_kind want, size_t max)
{
	struct dcbor_item it;

	*s = (struct lcbor_seq){ 0, false };
	if (!take(c, &it))
		return;
	if (it.kind != want)
		dcbor_fail(c, RC_BAD);
	else if (it.v > max)
		dcbor_fail(c, RC_LIMIT);
	else
		*s = (struct lcbor_seq){ it.indefinite ? max : (size_t)it.v, it.indefinite };
}

void lcbor_array(struct dcbor *c, struct lcbor_seq *s, size_t max)
{
	open_seq(c, s, DCBOR_ARRAY, max);
}

void lcbor_map(struct dcbor *c, struct lcbor_seq *s, size_t max)
{
	open_seq(c, s, DCBOR_MAP, max);
}

bool lcbor_more(struct dcbor *c, struct lcbor_seq *s)
{
	struct slice end;

	if (c->rc != RC_OK)
		return false;
	/* The one byte of a break. */
	if (s->indefinite && c->in.len > 0 && c->in.p[0] == 0xff) {
		(void)slice_take(&c->in, 1, &end);
		*s = (struct lcbor_seq){ 0, false };
		return false;
	}
	if (s->left == 0 && s->indefinite)
		dcbor_fail(c, c->in.len == 0 ? RC_EOF : RC_LIMIT);
	if (s->left == 0)
		return false;
	s->left--;
	return true;
}

static void enter(struct dcbor *c, struct lcbor_walk *w, const struct dcbor_item *it)
{
	bool map = it->kind == DCBOR_MAP;

	/* Every item takes at least a byte: more of them cannot come. */
	if (it->v > c->in.len)
		dcbor_fail(c, RC_EOF);
	else if (w->depth == LCBOR_DEPTH_MAX)
		dcbor_fail(c, RC_LIMIT);
	else
		w->open[w->depth++] = (struct lcbor_level){ map, it->indefinite, it->v << map, 0 };
}

bool lcbor_step(struct dcbor *c, struct lcbor_walk *w, struct dcbor_item *it)
{
	struct lcbor_level none = { 0 }, *top = w->depth > 0 ? &w->open[w->depth - 1] : &none;

	*it = (struct dcbor_item){ .kind = DCBOR_BREAK };
	if (w->depth > 0 && !top->indefinite && top->at == top->count) {
		w->depth--;
		return c->rc == RC_OK;
	}
	if (!take(c, it))
		return false;
	top->at++;
	if (it->kind == DCBOR_ARRAY || it->kind == DCBOR_MAP) {
		enter(c, w, it);
	} else if (it->kind == DCBOR_BREAK) {
		/* Ends what waits for one, and no pair after its key. */
		if (!top->indefinite || (top->map && top->at % 2 == 0))
			dcbor_fail(c, RC_BAD);
		else
			w->depth--;
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
