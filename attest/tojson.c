#include "attest/tojson.h"

#include "attest/lcbor.h"

static bool put_key(struct body *b, const struct dcbor_item *it, const char *const *keys)
{
	if (it->kind == DCBOR_TEXT)
		body_put(b, "%q:", slice_of(it->data, (size_t)it->v));
	else if (it->kind == DCBOR_UINT && keys && it->v < TOJSON_KEYS && keys[it->v])
		body_put(b, "'%s':", keys[it->v]);
	else if (it->kind == DCBOR_UINT)
		body_put(b, "'%u':", it->v);
	return it->kind == DCBOR_TEXT || it->kind == DCBOR_UINT;
}

static bool put_value(struct body *b, const struct dcbor_item *it, bool bare)
{
	struct slice s = slice_of(it->data, (size_t)it->v);

	switch (it->kind) {
	case DCBOR_UINT: body_put(b, "%u", it->v); break;
	case DCBOR_BYTES: body_put(b, "%x", s); break;
	case DCBOR_TEXT: body_put(b, "%q", s); break;
	case DCBOR_BOOL: body_put(b, it->v ? "true" : "false"); break;
	case DCBOR_NIL: body_put(b, "null"); break;
	case DCBOR_ARRAY: body_put(b, bare ? "" : "["); break;
	case DCBOR_MAP: body_put(b, bare ? "" : "{"); break;
	default: return false;
	}
	return true;
}

/* One of them is the end of `in`; another is in it, or is all when in is NULL. */
static bool put_item(struct body *b, const struct dcbor_item *it, const struct lcbor_seq *in,
                     const char *const *keys, bool bare)
{
	bool key = in && in->pairs && in->at % 2 == 1;

	if (it->kind == DCBOR_BREAK) {
		body_put(b, bare ? "" : in && in->pairs ? "}" : "]");
		return true;
	}
	if (in && in->at > 1 && (key || !in->pairs))
		body_put(b, ",");
	return key ? put_key(b, it, keys) : put_value(b, it, bare);
}

static bool transcode(struct body *b, struct slice cbor, const char *const *keys, bool bare)
{
	struct dcbor c = lcbor_of(cbor);
	struct lcbor_walk w = { 0 };
	struct dcbor_item it;
	size_t depth;

	do {
		depth = w.depth;
		if (!lcbor_step(&c, &w, &it) ||
		    !put_item(b, &it, depth > 0 ? &w.open[depth - 1] : NULL, keys,
		              bare && depth + w.depth == 1))
			return false;
	} while (w.depth > 0);
	return dcbor_end(&c) == RC_OK;
}

void tojson_put(struct body *b, struct slice cbor, const char *const keys[TOJSON_KEYS], bool bare)
{
	struct body trial = { 0 };

	if (transcode(&trial, cbor, keys, bare))
		(void)transcode(b, cbor, keys, bare);
	else if (!bare)
		body_put(b, "null");
}
