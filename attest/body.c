#include "attest/body.h"

#include <stdarg.h>
#include <stdio.h>

void body_bytes(struct body *b, const void *p, size_t n)
{
	size_t skip = 0, room = b->w.max - b->w.len;

	if (b->at < b->from)
		skip = b->from - b->at < n ? (size_t)(b->from - b->at) : n;
	b->at += n;
	wbuf_put(&b->w, (const uint8_t *)p + skip, n - skip < room ? n - skip : room);
}

static void put_string(struct body *b, struct slice s)
{
	char escape[8];

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			body_bytes(b, "\\", 1);
		if (s.p[i] >= ' ' && s.p[i] <= '~')
			body_bytes(b, s.p + i, 1);
		else
			body_bytes(b, escape,
			           (size_t)snprintf(escape, sizeof escape, "\\u%04x", s.p[i]));
	}
}

static void put_hex(struct body *b, struct slice s)
{
	char two[3];

	for (size_t i = 0; i < s.len; i++) {
		hex_put(two, slice_of(s.p + i, 1));
		body_bytes(b, two, 2);
	}
}

static void put_base64(struct body *b, struct slice s)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.len; i += 3) {
		uint8_t in[3] = { 0 };
		size_t n = s.len - i < 3 ? s.len - i : 3;

		memcpy(in, s.p + i, n);
		body_bytes(b, &digit[in[0] >> 2], 1);
		body_bytes(b, &digit[(in[0] << 4 | in[1] >> 4) & 63], 1);
		body_bytes(b, n > 1 ? &digit[(in[1] << 2 | in[2] >> 6) & 63] : "=", 1);
		body_bytes(b, n > 2 ? &digit[in[2] & 63] : "=", 1);
	}
}

static void put_slice(struct body *b, char verb, struct slice s)
{
	if (verb == 'x' && s.len == 0) {
		body_bytes(b, "null", 4);
		return;
	}
	body_bytes(b, "\"", 1);
	if (verb == 'x')
		put_hex(b, s);
	else if (verb == 'b')
		put_base64(b, s);
	else
		put_string(b, s);
	body_bytes(b, "\"", 1);
}

void body_put(struct body *b, const char *fmt, ...)
{
	char number[24];
	const char *s;
	va_list args;
	size_t n;

	va_start(args, fmt);
	for (; *fmt; fmt += n + 1) {
		n = strcspn(fmt, "'%");
		body_bytes(b, fmt, n);
		if (fmt[n] == '\'') {
			body_bytes(b, "\"", 1);
		} else if (fmt[n] == '%' && fmt[++n] == 's') {
			s = va_arg(args, const char *);
			body_bytes(b, s, strlen(s));
		} else if (fmt[n] == 'u') {
			(void)snprintf(number, sizeof number, "%llu",
			               (unsigned long long)va_arg(args, uint64_t));
			body_bytes(b, number, strlen(number));
		} else if (fmt[n] != '\0') {
			put_slice(b, fmt[n], va_arg(args, struct slice));
		} else {
			break;
		}
	}
	va_end(args);
}

void body_help(struct body *b, const char *name, const char *help)
{
	const char *type = strstr(name, "_total") ? "counter" : "gauge";

	body_put(b, "# HELP casemate_%s %s\n# TYPE casemate_%s %s\n", name, help, name, type);
}

void body_metric(struct body *b, const char *name, const char *help, uint64_t value)
{
	body_help(b, name, help);
	body_put(b, "casemate_%s %u\n", name, value);
}
