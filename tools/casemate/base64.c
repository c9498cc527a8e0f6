#include "tools/casemate/base64.h"

static int sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four letters, n of them not padding, into n-1 bytes. */
static bool quantum(const uint8_t *p, size_t n, struct wbuf *w)
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		int s = i < n ? sextet(p[i]) : 0;

		if (s < 0)
			return false;
		v = v << 6 | (uint32_t)s;
	}
	for (size_t i = 0; i < 3; i++, v <<= 8) {
		if (i < n - 1)
			wbuf_u8(w, (uint8_t)(v >> 16));
		else if ((v >> 16 & 0xff) != 0)
			return false;
	}
	return true;
}

enum rc base64_read(struct slice text, struct wbuf *w)
{
	if (text.len % 4 != 0)
		return RC_BAD;
	for (size_t i = 0; i < text.len; i += 4) {
		const uint8_t *p = text.p + i;
		size_t n = 4;

		if (i + 4 == text.len && p[3] == '=')
			n = p[2] == '=' ? 2 : 3;
		if (!quantum(p, n, w))
			return RC_BAD;
	}
	return w->over ? RC_LIMIT : RC_OK;
}

static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum rc hex_read(struct slice text, struct wbuf *w)
{
	if (text.len % 2 != 0)
		return RC_BAD;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = nibble(text.p[i]), low = nibble(text.p[i + 1]);

		if (high < 0 || low < 0)
			return RC_BAD;
		wbuf_u8(w, (uint8_t)(high << 4 | low));
	}
	return w->over ? RC_LIMIT : RC_OK;
}
