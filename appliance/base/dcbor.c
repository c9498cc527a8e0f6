#include "appliance/base/dcbor.h"

#include <cbor.h>

enum kind { NONE, UINT, NEGINT, BYTES, TEXT, ARRAY, MAP, BOOL };

struct item {
	enum kind kind;
	uint64_t v; /* the value, or the length */
	const uint8_t *data;
};

/* libcbor calls one of these for each item head; what is not listed (tags,
 * floats, indefinite lengths) leaves kind at NONE and is refused. */
static void on_u8(void *c, uint8_t v) { *(struct item *)c = (struct item){ UINT, v, NULL }; }
static void on_u16(void *c, uint16_t v) { *(struct item *)c = (struct item){ UINT, v, NULL }; }
static void on_u32(void *c, uint32_t v) { *(struct item *)c = (struct item){ UINT, v, NULL }; }
static void on_u64(void *c, uint64_t v) { *(struct item *)c = (struct item){ UINT, v, NULL }; }
static void on_n8(void *c, uint8_t v) { *(struct item *)c = (struct item){ NEGINT, v, NULL }; }
static void on_n16(void *c, uint16_t v) { *(struct item *)c = (struct item){ NEGINT, v, NULL }; }
static void on_n32(void *c, uint32_t v) { *(struct item *)c = (struct item){ NEGINT, v, NULL }; }
static void on_n64(void *c, uint64_t v) { *(struct item *)c = (struct item){ NEGINT, v, NULL }; }
static void on_bytes(void *c, cbor_data p, uint64_t n) { *(struct item *)c = (struct item){ BYTES, n, p }; }
static void on_text(void *c, cbor_data p, uint64_t n) { *(struct item *)c = (struct item){ TEXT, n, p }; }
static void on_array(void *c, uint64_t n) { *(struct item *)c = (struct item){ ARRAY, n, NULL }; }
static void on_map(void *c, uint64_t n) { *(struct item *)c = (struct item){ MAP, n, NULL }; }
static void on_bool(void *c, bool v) { *(struct item *)c = (struct item){ BOOL, v, NULL }; }
static void on_tag(void *c, uint64_t v) { (void)c, (void)v; }
static void on_float(void *c, float v) { (void)c, (void)v; }
static void on_double(void *c, double v) { (void)c, (void)v; }
static void on_other(void *c) { (void)c; }

static const struct cbor_callbacks callbacks = {
	.uint8 = on_u8, .uint16 = on_u16, .uint32 = on_u32, .uint64 = on_u64,
	.negint8 = on_n8, .negint16 = on_n16, .negint32 = on_n32, .negint64 = on_n64,
	.byte_string_start = on_other, .byte_string = on_bytes,
	.string = on_text, .string_start = on_other,
	.indef_array_start = on_other, .array_start = on_array,
	.indef_map_start = on_other, .map_start = on_map,
	.tag = on_tag, .float2 = on_float, .float4 = on_float, .float8 = on_double,
	.undefined = on_other, .null = on_other, .boolean = on_bool,
	.indef_break = on_other,
};

static size_t head_len(uint64_t v)
{
	return v < 24 ? 1 : v <= UINT8_MAX ? 2 : v <= UINT16_MAX ? 3 : v <= UINT32_MAX ? 5 : 9;
}

static void fail(struct dcbor *d, enum rc rc)
{
	if (d->rc == RC_OK)
		d->rc = rc;
}

/* Reads one item of the wanted kind; strings come whole, of arrays and maps
 * only the head. */
static bool take(struct dcbor *d, enum kind want, struct item *it)
{
	struct cbor_decoder_result r;
	size_t expect;

	*it = (struct item){ NONE, 0, NULL };
	if (d->rc != RC_OK)
		return false;
	r = cbor_stream_decode(d->in.p, d->in.len, &callbacks, it);
	if (r.status != CBOR_DECODER_FINISHED) {
		fail(d, r.status == CBOR_DECODER_NEDATA ? RC_EOF : RC_BAD);
		return false;
	}
	expect = it->kind == BOOL ? 1 : head_len(it->v);
	if (it->kind == BYTES || it->kind == TEXT)
		expect += (size_t)it->v;
	if (it->kind == NONE || it->kind != want || r.read != expect) {
		fail(d, RC_BAD);
		return false;
	}
	d->in.p += r.read;
	d->in.len -= r.read;
	return true;
}

struct dcbor dcbor_of(struct slice in)
{
	return (struct dcbor){ in, RC_OK };
}

static uint64_t take_max(struct dcbor *d, enum kind want, uint64_t max, struct item *it)
{
	if (!take(d, want, it))
		return 0;
	if (it->v > max) {
		fail(d, RC_LIMIT);
		return 0;
	}
	return it->v;
}

uint64_t dcbor_uint(struct dcbor *d, uint64_t max)
{
	struct item it;

	return take_max(d, UINT, max, &it);
}

int64_t dcbor_int(struct dcbor *d)
{
	struct item it;
	bool negative = d->in.len > 0 && d->in.p[0] >> 5 == 1;
	uint64_t v = take_max(d, negative ? NEGINT : UINT, INT64_MAX, &it);

	if (d->rc != RC_OK)
		return 0;
	return negative ? -1 - (int64_t)v : (int64_t)v;
}

bool dcbor_bool(struct dcbor *d)
{
	struct item it;

	return take(d, BOOL, &it) && it.v != 0;
}

static struct slice take_string(struct dcbor *d, enum kind want, size_t max)
{
	struct item it;
	uint64_t n = take_max(d, want, max, &it);

	if (d->rc != RC_OK)
		return (struct slice){ NULL, 0 };
	return slice_of(it.data, (size_t)n);
}

struct slice dcbor_bytes(struct dcbor *d, size_t max)
{
	return take_string(d, BYTES, max);
}

struct slice dcbor_text(struct dcbor *d, size_t max)
{
	return take_string(d, TEXT, max);
}

size_t dcbor_array(struct dcbor *d, size_t max)
{
	struct item it;

	return (size_t)take_max(d, ARRAY, max, &it);
}

void dcbor_map(struct dcbor *d, struct dcbor_map *m, size_t max)
{
	struct item it;

	m->left = (size_t)take_max(d, MAP, max, &it);
	m->last = -1;
}

bool dcbor_key(struct dcbor *d, struct dcbor_map *m, uint32_t *key)
{
	if (d->rc != RC_OK || m->left == 0)
		return false;
	*key = (uint32_t)dcbor_uint(d, UINT32_MAX);
	if (d->rc != RC_OK)
		return false;
	if ((int64_t)*key <= m->last) {
		fail(d, RC_BAD);
		return false;
	}
	m->last = *key;
	m->left--;
	return true;
}

enum rc dcbor_end(struct dcbor *d)
{
	if (d->in.len > 0)
		fail(d, RC_BAD);
	return d->rc;
}

static void put_head(struct wbuf *w, size_t (*encode)(uint64_t, unsigned char *, size_t), uint64_t v)
{
	uint8_t head[9];

	wbuf_put(w, head, encode(v, head, sizeof head));
}

static size_t enc_uint(uint64_t v, unsigned char *p, size_t n) { return cbor_encode_uint(v, p, n); }
static size_t enc_negint(uint64_t v, unsigned char *p, size_t n) { return cbor_encode_negint(v, p, n); }
static size_t enc_bytes(uint64_t v, unsigned char *p, size_t n) { return cbor_encode_bytestring_start((size_t)v, p, n); }
static size_t enc_text(uint64_t v, unsigned char *p, size_t n) { return cbor_encode_string_start((size_t)v, p, n); }
static size_t enc_array(uint64_t v, unsigned char *p, size_t n) { return cbor_encode_array_start((size_t)v, p, n); }
static size_t enc_map(uint64_t v, unsigned char *p, size_t n) { return cbor_encode_map_start((size_t)v, p, n); }

void dcbor_put_uint(struct wbuf *w, uint64_t v)
{
	put_head(w, enc_uint, v);
}

void dcbor_put_int(struct wbuf *w, int64_t v)
{
	if (v >= 0)
		put_head(w, enc_uint, (uint64_t)v);
	else
		put_head(w, enc_negint, (uint64_t)(-1 - v));
}

void dcbor_put_bool(struct wbuf *w, bool v)
{
	uint8_t b;

	wbuf_put(w, &b, cbor_encode_bool(v, &b, 1));
}

void dcbor_put_bytes(struct wbuf *w, struct slice s)
{
	put_head(w, enc_bytes, s.len);
	wbuf_put(w, s.p, s.len);
}

void dcbor_put_text(struct wbuf *w, struct slice s)
{
	put_head(w, enc_text, s.len);
	wbuf_put(w, s.p, s.len);
}

void dcbor_put_array(struct wbuf *w, size_t items)
{
	put_head(w, enc_array, items);
}

void dcbor_put_map(struct wbuf *w, size_t pairs)
{
	put_head(w, enc_map, pairs);
}
