#include "appliance/base/dcbor.h"

#include <assert.h>
#include <cbor.h>

static void set(void *ctx, enum dcbor_kind kind, bool indefinite, uint64_t v, const uint8_t *data)
{
	*(struct dcbor_item *)ctx = (struct dcbor_item){ kind, indefinite, v, data, 0 };
}

/* clang-format off */
/* libcbor calls one of these for each item; what sets no kind is refused. */
static void on_u8(void *c, uint8_t v) { set(c, DCBOR_UINT, false, v, NULL); }
static void on_u16(void *c, uint16_t v) { set(c, DCBOR_UINT, false, v, NULL); }
static void on_u32(void *c, uint32_t v) { set(c, DCBOR_UINT, false, v, NULL); }
static void on_u64(void *c, uint64_t v) { set(c, DCBOR_UINT, false, v, NULL); }
static void on_n8(void *c, uint8_t v) { set(c, DCBOR_NEGINT, false, v, NULL); }
static void on_n16(void *c, uint16_t v) { set(c, DCBOR_NEGINT, false, v, NULL); }
static void on_n32(void *c, uint32_t v) { set(c, DCBOR_NEGINT, false, v, NULL); }
static void on_n64(void *c, uint64_t v) { set(c, DCBOR_NEGINT, false, v, NULL); }
static void on_bytes(void *c, cbor_data p, uint64_t n) { set(c, DCBOR_BYTES, false, n, p); }
static void on_text(void *c, cbor_data p, uint64_t n) { set(c, DCBOR_TEXT, false, n, p); }
static void on_array(void *c, uint64_t n) { set(c, DCBOR_ARRAY, false, n, NULL); }
static void on_map(void *c, uint64_t n) { set(c, DCBOR_MAP, false, n, NULL); }
static void on_open_array(void *c) { set(c, DCBOR_ARRAY, true, 0, NULL); }
static void on_open_map(void *c) { set(c, DCBOR_MAP, true, 0, NULL); }
static void on_bool(void *c, bool v) { set(c, DCBOR_BOOL, false, v, NULL); }
static void on_nil(void *c) { set(c, DCBOR_NIL, false, 0, NULL); }
static void on_break(void *c) { set(c, DCBOR_BREAK, false, 0, NULL); }

static const struct cbor_callbacks callbacks = {
	.uint8 = on_u8, .uint16 = on_u16, .uint32 = on_u32, .uint64 = on_u64,
	.negint8 = on_n8, .negint16 = on_n16, .negint32 = on_n32, .negint64 = on_n64,
	.byte_string_start = cbor_null_byte_string_start_callback, .byte_string = on_bytes,
	.string = on_text, .string_start = cbor_null_string_start_callback,
	.indef_array_start = on_open_array, .array_start = on_array,
	.indef_map_start = on_open_map, .map_start = on_map,
	.tag = cbor_null_tag_callback, .float2 = cbor_null_float2_callback,
	.float4 = cbor_null_float4_callback, .float8 = cbor_null_float8_callback,
	.undefined = on_nil, .null = on_nil, .boolean = on_bool,
	.indef_break = on_break,
};
/* clang-format on */

enum rc dcbor_take(struct slice *in, struct dcbor_item *it)
{
	struct cbor_decoder_result r;

	*it = (struct dcbor_item){ .kind = DCBOR_REFUSED };
	r = cbor_stream_decode(in->p, in->len, &callbacks, it);
	if (r.status == CBOR_DECODER_NEDATA)
		return RC_EOF;
	if (r.status != CBOR_DECODER_FINISHED || it->kind == DCBOR_REFUSED)
		return RC_BAD;
	it->size = r.read;
	in->p += r.read;
	in->len -= r.read;
	return RC_OK;
}

static size_t head_len(uint64_t v)
{
	return v < 24 ? 1 : v <= UINT8_MAX ? 2 : v <= UINT16_MAX ? 3 : v <= UINT32_MAX ? 5 : 9;
}

void dcbor_fail(struct dcbor *d, enum rc rc)
{
	if (d->rc == RC_OK)
		d->rc = rc;
}

/* Reads one item of the wanted kind, in an encoding that is accepted, whose value
 * or length is at most max; else zeros. */
static struct dcbor_item take(struct dcbor *d, enum dcbor_kind want, uint64_t max)
{
	struct dcbor_item it = { .kind = DCBOR_REFUSED };
	struct slice rest = d->in;
	size_t shortest;

	if (d->rc == RC_OK)
		d->rc = dcbor_take(&rest, &it);
	if (d->rc != RC_OK)
		return (struct dcbor_item){ .kind = DCBOR_REFUSED };
	shortest = head_len(it.v) + (it.data ? (size_t)it.v : 0);
	if (it.kind != want || it.indefinite || (it.size != shortest && !d->any_form))
		d->rc = RC_BAD;
	else if (it.v > max)
		d->rc = RC_LIMIT;
	else
		d->in = rest;
	return d->rc == RC_OK ? it : (struct dcbor_item){ .kind = DCBOR_REFUSED };
}

struct dcbor dcbor_of(struct slice in)
{
	return (struct dcbor){ .in = in };
}

uint64_t dcbor_uint(struct dcbor *d, uint64_t max)
{
	return take(d, DCBOR_UINT, max).v;
}

int64_t dcbor_int(struct dcbor *d)
{
	bool negative = d->in.len > 0 && d->in.p[0] >> 5 == 1;
	int64_t v = (int64_t)take(d, negative ? DCBOR_NEGINT : DCBOR_UINT, INT64_MAX).v;

	return negative && d->rc == RC_OK ? -1 - v : v;
}

bool dcbor_bool(struct dcbor *d)
{
	return take(d, DCBOR_BOOL, 1).v != 0;
}

static struct slice take_string(struct dcbor *d, enum dcbor_kind want, size_t max)
{
	struct dcbor_item it = take(d, want, max);

	return slice_of(it.data, (size_t)it.v);
}

struct slice dcbor_bytes(struct dcbor *d, size_t max)
{
	return take_string(d, DCBOR_BYTES, max);
}

struct slice dcbor_text(struct dcbor *d, size_t max)
{
	return take_string(d, DCBOR_TEXT, max);
}

size_t dcbor_array(struct dcbor *d, size_t max)
{
	return (size_t)take(d, DCBOR_ARRAY, max).v;
}

size_t dcbor_map(struct dcbor *d, size_t max)
{
	return (size_t)take(d, DCBOR_MAP, max).v;
}

struct slice dcbor_string(struct dcbor *d, enum dcbor_kind kind, size_t min, size_t max)
{
	struct slice s = take_string(d, kind, max);

	if (s.len < min || (s.len > 0 && memchr(s.p, 0, s.len)))
		dcbor_fail(d, RC_BAD);
	return s;
}

size_t dcbor_strings(struct dcbor *d, enum dcbor_kind kind, struct slice *out, size_t items,
                     size_t max)
{
	size_t n = dcbor_array(d, items);

	for (size_t i = 0; i < n; i++)
		out[i] = dcbor_string(d, kind, 0, max);
	return n;
}

void dcbor_copy(struct dcbor *d, void *out, size_t n)
{
	struct slice s = dcbor_bytes(d, n);

	if (s.len == n)
		memcpy(out, s.p, n);
	else
		dcbor_fail(d, RC_BAD);
}

size_t dcbor_ids(struct dcbor *d, uint32_t *out, size_t items)
{
	size_t n = dcbor_array(d, items);

	if (n < 2)
		dcbor_fail(d, RC_BAD);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint32_t)dcbor_uint(d, INT32_MAX);
	return n;
}

void dcbor_record(struct dcbor *d)
{
	d->pairs = dcbor_map(d, SIZE_MAX);
}

bool dcbor_has(struct dcbor *d, uint64_t key)
{
	struct dcbor after = *d;

	if (d->pairs == 0 || dcbor_uint(&after, UINT64_MAX) != key || after.rc != RC_OK) {
		dcbor_fail(d, after.rc);
		return false;
	}
	after.pairs--;
	*d = after;
	return true;
}

struct dcbor *dcbor_need(struct dcbor *d, uint64_t key)
{
	if (!dcbor_has(d, key))
		dcbor_fail(d, RC_BAD);
	return d;
}

enum rc dcbor_end(struct dcbor *d)
{
	if (d->in.len > 0 || d->pairs > 0)
		dcbor_fail(d, RC_BAD);
	return d->rc;
}

static_assert(sizeof(size_t) == sizeof(uint64_t), "libcbor's encoders take either");

static void put_head(struct wbuf *w, size_t (*encode)(uint64_t, unsigned char *, size_t),
                     uint64_t v)
{
	uint8_t head[9];

	wbuf_put(w, head, encode(v, head, sizeof head));
}

void dcbor_put_uint(struct wbuf *w, uint64_t v)
{
	put_head(w, cbor_encode_uint, v);
}

void dcbor_put_int(struct wbuf *w, int64_t v)
{
	if (v >= 0)
		put_head(w, cbor_encode_uint, (uint64_t)v);
	else
		put_head(w, cbor_encode_negint, (uint64_t)(-1 - v));
}

void dcbor_put_bytes(struct wbuf *w, struct slice s)
{
	put_head(w, cbor_encode_bytestring_start, s.len);
	wbuf_put(w, s.p, s.len);
}

void dcbor_put_text(struct wbuf *w, struct slice s)
{
	put_head(w, cbor_encode_string_start, s.len);
	wbuf_put(w, s.p, s.len);
}

void dcbor_put_map(struct wbuf *w, size_t pairs)
{
	put_head(w, cbor_encode_map_start, pairs);
}

void dcbor_pair_uint(struct wbuf *w, uint64_t key, uint64_t v)
{
	dcbor_put_uint(w, key);
	dcbor_put_uint(w, v);
}

void dcbor_pair_bytes(struct wbuf *w, uint64_t key, struct slice s)
{
	dcbor_put_uint(w, key);
	dcbor_put_bytes(w, s);
}

void dcbor_pair_text(struct wbuf *w, uint64_t key, struct slice s)
{
	dcbor_put_uint(w, key);
	dcbor_put_text(w, s);
}
