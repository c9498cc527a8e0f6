#include "appliance/base/slice.h"

bool slice_take(struct slice *s, size_t n, struct slice *out)
{
	if (n > s->len)
		return false;
	*out = slice_of(s->p, n);
	s->p += n;
	s->len -= n;
	return true;
}

bool slice_cut(struct slice *s, uint8_t c, struct slice *head)
{
	const uint8_t *at = s->len > 0 ? memchr(s->p, c, s->len) : NULL;
	struct slice sep;

	(void)slice_take(s, at ? (size_t)(at - s->p) : s->len, head);
	return at && slice_take(s, 1, &sep);
}

static bool take_be(struct slice *s, size_t n, uint64_t *v)
{
	struct slice b;

	if (!slice_take(s, n, &b))
		return false;
	*v = 0;
	for (size_t i = 0; i < n; i++)
		*v = *v << 8 | b.p[i];
	return true;
}

bool slice_u32_be(struct slice *s, uint32_t *v)
{
	uint64_t x;

	if (!take_be(s, 4, &x))
		return false;
	*v = (uint32_t)x;
	return true;
}

bool slice_u64_be(struct slice *s, uint64_t *v)
{
	return take_be(s, 8, v);
}

void wbuf_put(struct wbuf *w, const void *p, size_t n)
{
	if (w->over || n > w->max - w->len) {
		w->over = true;
		return;
	}
	if (n > 0)
		memcpy(w->p + w->len, p, n);
	w->len += n;
}

static void put_be(struct wbuf *w, size_t n, uint64_t v)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	wbuf_put(w, b, n);
}

void wbuf_u8(struct wbuf *w, uint8_t v)
{
	put_be(w, 1, v);
}

void wbuf_u32_be(struct wbuf *w, uint32_t v)
{
	put_be(w, 4, v);
}

void wbuf_u64_be(struct wbuf *w, uint64_t v)
{
	put_be(w, 8, v);
}

bool slice_decimal(struct slice s, uint64_t max, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*v = *v * 10 + (uint64_t)(s.p[i] - '0');
		if (*v > max)
			*v = max;
	}
	return s.len > 0;
}

int hex_value(uint8_t c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
	                                            : -1;
}

void hex_put(char *out, struct slice s)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < s.len; i++) {
		out[2 * i] = digit[s.p[i] >> 4];
		out[2 * i + 1] = digit[s.p[i] & 15];
	}
	out[2 * s.len] = '\0';
}
