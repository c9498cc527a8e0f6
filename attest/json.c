#include "attest/json.h"

#include <stdarg.h>
#include <stdio.h>

void json_bytes(struct json *j, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t skip = 0, room = j->w.max - j->w.len;

	if (j->at < j->from)
		skip = j->from - j->at < n ? (size_t)(j->from - j->at) : n;
	j->at += n;
	wbuf_put(&j->w, b + skip, n - skip < room ? n - skip : room);
}

void json_text(struct json *j, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (n > 0)
		json_bytes(j, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void json_hex(struct json *j, struct slice s)
{
	char text[2 * 32 + 1];
	struct slice part;

	json_bytes(j, "\"", 1);
	while (s.len > 0) {
		(void)slice_take(&s, s.len < 32 ? s.len : 32, &part);
		hex_put(text, part);
		json_bytes(j, text, 2 * part.len);
	}
	json_bytes(j, "\"", 1);
}

void json_base64(struct json *j, struct slice s)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	json_bytes(j, "\"", 1);
	for (size_t i = 0; i < s.len; i += 3) {
		size_t left = s.len - i;
		uint32_t v = (uint32_t)s.p[i] << 16 | (uint32_t)(left > 1 ? s.p[i + 1] : 0) << 8 |
		             (left > 2 ? s.p[i + 2] : 0);
		char four[4] = { digit[v >> 18], digit[v >> 12 & 63],
			         left > 1 ? digit[v >> 6 & 63] : '=',
			         left > 2 ? digit[v & 63] : '=' };

		json_bytes(j, four, sizeof four);
	}
	json_bytes(j, "\"", 1);
}

void json_quote(struct json *j, struct slice s)
{
	json_bytes(j, "\"", 1);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			json_text(j, "\\%c", s.p[i]);
		else if (s.p[i] < ' ' || s.p[i] > '~')
			json_text(j, "\\u%04x", s.p[i]);
		else
			json_bytes(j, s.p + i, 1);
	}
	json_bytes(j, "\"", 1);
}
