#include "attest/lcbor.h"

static bool take_any(struct dcbor *c, struct dcbor_item *it)
{
	if (c->rc == RC_OK)
		c->rc = dcbor_take(&c->in, it);
	return c->rc == RC_OK;
}

static bool take(struct dcbor *c, enum dcbor_kind want, uint64_t max, struct dcbor_item *it)
{
	if (!take_any(c, it))
		return false;
	if (it->kind != want)
		dcbor_fail(c, RC_BAD);
	else if (it->v > max)
		dcbor_fail(c, RC_LIMIT);
	return c->rc == RC_OK;
}

uint64_t lcbor_uint(struct dcbor *c, uint64_t max)
{
	struct dcbor_item it;

	return take(c, DCBOR_UINT, max, &it) ? it.v : 0;
}

int64_t lcbor_int(struct dcbor *c)
{
	bool negative = c->in.len > 0 && c->in.p[0] >> 5 == 1;
	struct dcbor_item it;

	if (!take(c, negative ? DCBOR_NEGINT : DCBOR_UINT, INT64_MAX, &it))
		return 0;
	return negative ? -1 - (int64_t)it.v : (int64_t)it.v;
}

bool lcbor_bool(struct dcbor *c)
{
	struct dcbor_item it;

	return take(c, DCBOR_BOOL, 1, &it) && it.v != 0;
}

static struct slice take_string(struct dcbor *c, enum dcbor_kind want, size_t max)
{
	struct dcbor_item it;

	if (!take(c, want, max, &it))
		return slice_of(NULL, 0);
	return slice_of(it.data, (size_t)it.v);
}

struct slice lcbor_bytes(struct dcbor *c, size_t max)
{
	return take_string(c, DCBOR_BYTES, max);
}

struct slice lcbor_text(struct dcbor *c, size_t max)
{
	return take_string(c, DCBOR_TEXT, max);
}

static void open_seq(struct dcbor *c, struct lcbor_seq *s, enum dcbor_kind want, size_t max)
{
	struct dcbor_item it;

	*s = (struct lcbor_seq){ 0, false };
	if (!take(c, want, max, &it))
		return;
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

/* The one byte of a break; libcbor reports it as an item of its own. */
static bool at_break(const struct dcbor *c)
{
	return c->in.len > 0 && c->in.p[0] == 0xff;
}

bool lcbor_more(struct dcbor *c, struct lcbor_seq *s)
{
	struct dcbor_item it;

	if (c->rc != RC_OK)
		return false;
	if (s->indefinite && at_break(c)) {
		take_any(c, &it);
		*s = (struct lcbor_seq){ 0, false };
		return false;
	}
	if (s->left == 0) {
		if (s->indefinite)
			dcbor_fail(c, c->in.len == 0 ? RC_EOF : RC_LIMIT);
		return false;
	}
	s->left--;
	return true;
}

bool lcbor_is_text(const struct dcbor *c)
{
	return c->rc == RC_OK && c->in.len > 0 && c->in.p[0] >> 5 == 3;
}

bool lcbor_null(struct dcbor *c)
{
	if (c->rc != RC_OK || c->in.len == 0 || c->in.p[0] != 0xf6)
		return false;
	c->in = slice_of(c->in.p + 1, c->in.len - 1);
	return true;
}

/* Opens what it is the head of, as a sequence of single items: a pair counts
 * as two. Every item takes at least a byte, so that more of them than bytes
 * left cannot come; the bound for an indefinite map stays even. */
static bool skip_into(struct dcbor *c, const struct dcbor_item *it, struct lcbor_seq *s)
{
	size_t most = (c->in.len + 1) & ~(size_t)1;

	if (it->v > c->in.len) {
		dcbor_fail(c, RC_EOF);
		return false;
	}
	s->indefinite = it->indefinite;
	s->left = it->indefinite ? most : (size_t)it->v << (it->kind == DCBOR_MAP);
	return true;
}

void lcbor_skip(struct dcbor *c)
{
	struct lcbor_seq open[LCBOR_DEPTH_MAX];
	bool map[LCBOR_DEPTH_MAX];
	size_t depth = 0;
	struct dcbor_item it;

	do {
		/* A break after a key has no value before it. */
		if (depth > 0 && map[depth - 1] && open[depth - 1].left % 2 == 1 && at_break(c))
			dcbor_fail(c, RC_BAD);
		if (depth > 0 && !lcbor_more(c, &open[depth - 1])) {
			depth--;
			continue;
		}
		if (!take_any(c, &it))
			return;
		if (it.kind == DCBOR_BREAK)
			dcbor_fail(c, RC_BAD);
		if (it.kind != DCBOR_ARRAY && it.kind != DCBOR_MAP)
			continue;
		if (depth == LCBOR_DEPTH_MAX) {
			dcbor_fail(c, RC_LIMIT);
			return;
		}
		map[depth] = it.kind == DCBOR_MAP;
		if (skip_into(c, &it, &open[depth]))
			depth++;
	} while (depth > 0 && c->rc == RC_OK);
}
