#include "attest/lcbor.h"

#include <cbor.h>

enum kind { REFUSED, UINT, NEGINT, BYTES, TEXT, ARRAY, MAP, BOOL, NIL, BREAK };

struct item {
	enum kind kind;
	bool indefinite;
	uint64_t v; /* the value, or the length */
	const uint8_t *data;
};

static void set(void *ctx, enum kind kind, uint64_t v, const uint8_t *data)
{
	*(struct item *)ctx = (struct item){ kind, false, v, data };
}

static void set_open(void *ctx, enum kind kind)
{
	*(struct item *)ctx = (struct item){ kind, true, 0, NULL };
}

/* libcbor calls one of these for each item's head; what does not set a kind
 * (tags, floats, strings in chunks) is refused. */
static void on_u8(void *c, uint8_t v) { set(c, UINT, v, NULL); }
static void on_u16(void *c, uint16_t v) { set(c, UINT, v, NULL); }
static void on_u32(void *c, uint32_t v) { set(c, UINT, v, NULL); }
static void on_u64(void *c, uint64_t v) { set(c, UINT, v, NULL); }
static void on_n8(void *c, uint8_t v) { set(c, NEGINT, v, NULL); }
static void on_n16(void *c, uint16_t v) { set(c, NEGINT, v, NULL); }
static void on_n32(void *c, uint32_t v) { set(c, NEGINT, v, NULL); }
static void on_n64(void *c, uint64_t v) { set(c, NEGINT, v, NULL); }
static void on_bytes(void *c, cbor_data p, uint64_t n) { set(c, BYTES, n, p); }
static void on_text(void *c, cbor_data p, uint64_t n) { set(c, TEXT, n, p); }
static void on_array(void *c, uint64_t n) { set(c, ARRAY, n, NULL); }
static void on_map(void *c, uint64_t n) { set(c, MAP, n, NULL); }
static void on_open_array(void *c) { set_open(c, ARRAY); }
static void on_open_map(void *c) { set_open(c, MAP); }
static void on_bool(void *c, bool v) { set(c, BOOL, v, NULL); }
static void on_nil(void *c) { set(c, NIL, 0, NULL); }
static void on_break(void *c) { set(c, BREAK, 0, NULL); }
static void on_tag(void *c, uint64_t v) { (void)c, (void)v; }
static void on_float(void *c, float v) { (void)c, (void)v; }
static void on_double(void *c, double v) { (void)c, (void)v; }
static void on_other(void *c) { (void)c; }

static const struct cbor_callbacks callbacks = {
	.uint8 = on_u8, .uint16 = on_u16, .uint32 = on_u32, .uint64 = on_u64,
	.negint8 = on_n8, .negint16 = on_n16, .negint32 = on_n32, .negint64 = on_n64,
	.byte_string_start = on_other, .byte_string = on_bytes,
	.string = on_text, .string_start = on_other,
	.indef_array_start = on_open_array, .array_start = on_array,
	.indef_map_start = on_open_map, .map_start = on_map,
	.tag = on_tag, .float2 = on_float, .float4 = on_float, .float8 = on_double,
	.undefined = on_nil, .null = on_nil, .boolean = on_bool,
	.indef_break = on_break,
};

static void fail(struct lcbor *c, enum rc rc)
{
	if (c->rc == RC_OK)
		c->rc = rc;
}

/* Reads one item; strings come whole, of arrays and maps only the head. */
static bool take_any(struct lcbor *c, struct item *it)
{
	struct cbor_decoder_result r;

	*it = (struct item){ REFUSED, false, 0, NULL };
	if (c->rc != RC_OK)
		return false;
	r = cbor_stream_decode(c->in.p, c->in.len, &callbacks, it);
	if (r.status == CBOR_DECODER_NEDATA)
		fail(c, RC_EOF);
	else if (r.status != CBOR_DECODER_FINISHED || it->kind == REFUSED)
		fail(c, RC_BAD);
	if (c->rc != RC_OK)
		return false;
	c->in.p += r.read;
	c->in.len -= r.read;
	return true;
}

static bool take(struct lcbor *c, enum kind want, uint64_t max, struct item *it)
{
	if (!take_any(c, it))
		return false;
	if (it->kind != want)
		fail(c, RC_BAD);
	else if (it->v > max)
		fail(c, RC_LIMIT);
	return c->rc == RC_OK;
}

struct lcbor lcbor_of(struct slice in)
{
	return (struct lcbor){ in, RC_OK };
}

uint64_t lcbor_uint(struct lcbor *c, uint64_t max)
{
	struct item it;

	return take(c, UINT, max, &it) ? it.v : 0;
}

bool lcbor_bool(struct lcbor *c)
{
	struct item it;

	return take(c, BOOL, 1, &it) && it.v != 0;
}

static struct slice take_string(struct lcbor *c, enum kind want, size_t max)
{
	struct item it;

	if (!take(c, want, max, &it))
		return slice_of(NULL, 0);
	return slice_of(it.data, (size_t)it.v);
}

struct slice lcbor_bytes(struct lcbor *c, size_t max)
{
	return take_string(c, BYTES, max);
}

struct slice lcbor_text(struct lcbor *c, size_t max)
{
	return take_string(c, TEXT, max);
}

static void open_seq(struct lcbor *c, struct lcbor_seq *s, enum kind want, size_t max)
{
	struct item it;

	*s = (struct lcbor_seq){ 0, false };
	if (!take(c, want, max, &it))
		return;
	*s = (struct lcbor_seq){ it.indefinite ? max : (size_t)it.v, it.indefinite };
}

void lcbor_array(struct lcbor *c, struct lcbor_seq *s, size_t max)
{
	open_seq(c, s, ARRAY, max);
}

void lcbor_map(struct lcbor *c, struct lcbor_seq *s, size_t max)
{
	open_seq(c, s, MAP, max);
}

/* The one byte of a break; libcbor reports it as an item of its own. */
static bool at_break(const struct lcbor *c)
{
	return c->in.len > 0 && c->in.p[0] == 0xff;
}

bool lcbor_more(struct lcbor *c, struct lcbor_seq *s)
{
	struct item it;

	if (c->rc != RC_OK)
		return false;
	if (s->indefinite && at_break(c)) {
		take_any(c, &it);
		*s = (struct lcbor_seq){ 0, false };
		return false;
	}
	if (s->left == 0) {
		if (s->indefinite)
			fail(c, c->in.len == 0 ? RC_EOF : RC_LIMIT);
		return false;
	}
	s->left--;
	return true;
}

bool lcbor_is_text(const struct lcbor *c)
{
	return c->rc == RC_OK && c->in.len > 0 && c->in.p[0] >> 5 == 3;
}

/* Opens what it is the head of, as a sequence of single items: a pair counts
 * as two. Every item takes at least a byte, so that more of them than bytes
 * left cannot come; the bound for an indefinite map stays even. */
static bool skip_into(struct lcbor *c, const struct item *it, struct lcbor_seq *s)
{
	size_t most = (c->in.len + 1) & ~(size_t)1;

	if (it->v > c->in.len) {
		fail(c, RC_EOF);
		return false;
	}
	s->indefinite = it->indefinite;
	s->left = it->indefinite ? most : (size_t)it->v << (it->kind == MAP);
	return true;
}

void lcbor_skip(struct lcbor *c)
{
	struct lcbor_seq open[LCBOR_DEPTH_MAX];
	bool map[LCBOR_DEPTH_MAX];
	size_t depth = 0;
	struct item it;

	do {
		/* A break after a key has no value before it. */
		if (depth > 0 && map[depth - 1] && open[depth - 1].left % 2 == 1 && at_break(c))
			fail(c, RC_BAD);
		if (depth > 0 && !lcbor_more(c, &open[depth - 1])) {
			depth--;
			continue;
		}
		if (!take_any(c, &it))
			return;
		if (it.kind == BREAK)
			fail(c, RC_BAD);
		if (it.kind != ARRAY && it.kind != MAP)
			continue;
		if (depth == LCBOR_DEPTH_MAX) {
			fail(c, RC_LIMIT);
			return;
		}
		map[depth] = it.kind == MAP;
		if (skip_into(c, &it, &open[depth]))
			depth++;
	} while (depth > 0 && c->rc == RC_OK);
}

enum rc lcbor_end(struct lcbor *c)
{
	if (c->in.len > 0)
		fail(c, RC_BAD);
	return c->rc;
}
