#include "tools/casemate/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"

enum { SAY_MAX = 10240 }; /* two paths and a sentence */

static const char *verb;

/* Length of the UTF-8 sequence that starts with c, 0 when none does. */
static size_t sequence_len(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

uint32_t text_code_point(const unsigned char *p, size_t n, size_t *len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t v;

	*len = sequence_len(p[0]);
	if (*len == 0 || *len > n) {
		*len = 0;
		return 0;
	}
	v = *len == 1 ? p[0] : p[0] & (0x7fu >> *len);
	for (size_t i = 1; i < *len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*len = 0;
			return 0;
		}
		v = v << 6 | (p[i] & 0x3fu);
	}
	if (v < least[*len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		*len = 0;
	return v;
}

bool text_harmless(uint32_t v, bool lines)
{
	if (v == '\n' || v == '\t')
		return lines;
	if (v < 0x20 || (v >= 0x7f && v < 0xa0))
		return false;
	return !((v >= 0x200e && v <= 0x200f) || (v >= 0x2028 && v <= 0x202e) ||
	         (v >= 0x2066 && v <= 0x2069));
}

size_t text_clean(char *out, size_t max, const char *in, size_t n, bool lines)
{
	size_t at = 0;

	while (n > 0) {
		size_t len;
		uint32_t v = text_code_point((const unsigned char *)in, n, &len);
		bool keep = len > 0 && text_harmless(v, lines);

		if (len == 0)
			len = 1;
		if ((keep ? len : 1) > max - 1 - at)
			break;
		if (keep)
			memcpy(out + at, in, len);
		else
			out[at] = '?';
		at += keep ? len : 1;
		in += len;
		n -= len;
	}
	out[at] = '\0';
	return at;
}

void text_bytes(char out[TEXT_NUMBER_MAX], uint64_t bytes)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	uint64_t whole = bytes, tenth = 0;
	size_t u = 0;

	while (whole >= 1024 && u < sizeof unit / sizeof unit[0] - 1) {
		tenth = whole % 1024 * 10 / 1024;
		whole /= 1024;
		u++;
	}
	if (u == 0)
		snprintf(out, TEXT_NUMBER_MAX, "%" PRIu64 " B", whole);
	else
		snprintf(out, TEXT_NUMBER_MAX, "%" PRIu64 ".%" PRIu64 " %s", whole, tenth, unit[u]);
}

void text_duration(char out[TEXT_NUMBER_MAX], int64_t seconds)
{
	int64_t min = seconds / 60, h = min / 60, d = h / 24;

	if (min == 0)
		snprintf(out, TEXT_NUMBER_MAX, "%" PRId64 " s", seconds);
	else if (h == 0)
		snprintf(out, TEXT_NUMBER_MAX, "%" PRId64 " min", min);
	else if (d == 0)
		snprintf(out, TEXT_NUMBER_MAX, "%" PRId64 " h %" PRId64 " min", h, min % 60);
	else
		snprintf(out, TEXT_NUMBER_MAX, "%" PRId64 " d %" PRId64 " h", d, h % 24);
}

bool text_number(const char *s, uint32_t min, uint32_t max, uint32_t *v)
{
	uint64_t n = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > max)
			return false;
	}
	*v = (uint32_t)n;
	return n >= min;
}

void say_verb(const char *v)
{
	verb = v;
}

void say(const char *fmt, ...)
{
	char raw[SAY_MAX], line[SAY_MAX + 1];
	int saved = errno, at, n;
	va_list ap;
	size_t len;

	at = verb == NULL ? snprintf(raw, sizeof raw, "casemate: ")
	                  : snprintf(raw, sizeof raw, "casemate: %s: ", verb);
	errno = saved;
	va_start(ap, fmt);
	n = vsnprintf(raw + at, sizeof raw - (size_t)at, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = text_clean(line, sizeof line - 1, raw, strlen(raw), false);
	line[len++] = '\n';
	if (io_write_full(STDERR_FILENO, line, len) != RC_OK) {
		/* nowhere left to complain */
	}
	errno = saved;
}
