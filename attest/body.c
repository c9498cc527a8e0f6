#include "attest/body.h"

#include <stdarg.h>
#include <stdio.h>

void body_bytes(struct body *b, const void *p, size_t n)
{
	const uint8_t *from = p;
	size_t skip = 0, room = b->w.max - b->w.len;

	if (b->at < b->from)
		skip = b->from - b->at < n ? (size_t)(b->from - b->at) : n;
	b->at += n;
	wbuf_put(&b->w, from + skip, n - skip < room ? n - skip : room);
}

void body_text(struct body *b, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (n > 0)
		body_bytes(b, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void body_hex(struct body *b, struct slice s)
{
	char text[2 * 32 + 1];
	struct slice part;

	body_bytes(b, "\"", 1);
	while (s.len > 0) {
		(void)slice_take(&s, s.len < 32 ? s.len : 32, &part);
		hex_put(text, part);
		body_bytes(b, text, 2 * part.len);
	}
	body_bytes(b, "\"", 1);
}

void body_base64(struct body *b, struct slice s)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	body_bytes(b, "\"", 1);
	for (size_t i = 0; i < s.len; i += 3) {
		size_t left = s.len - i;
		uint32_t v = (uint32_t)s.p[i] << 16 | (uint32_t)(left > 1 ? s.p[i + 1] : 0) << 8 |
		             (left > 2 ? s.p[i + 2] : 0);
		char four[4] = { digit[v >> 18], digit[v >> 12 & 63],
			         left > 1 ? digit[v >> 6 & 63] : '=',
			         left > 2 ? digit[v & 63] : '=' };

		body_bytes(b, four, sizeof four);
	}
	body_bytes(b, "\"", 1);
}

void body_quote(struct body *b, struct slice s)
{
	body_bytes(b, "\"", 1);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			body_text(b, "\\%c", s.p[i]);
		else if (s.p[i] < ' ' || s.p[i] > '~')
			body_text(b, "\\u%04x", s.p[i]);
		else
			body_bytes(b, s.p + i, 1);
	}
	body_bytes(b, "\"", 1);
}
