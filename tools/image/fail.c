#include "tools/image/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"

enum { PROGRESS_MS = 100 };

static const char *verb_name = "";
static int64_t shown_ms; /* when the progress line was written; 0: there is none */

void fail_verb(const char *verb)
{
	verb_name = verb;
}

/* Of ASCII, or U+0080 to U+009F in UTF-8, of which the second byte alone is none. */
static bool is_control(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

static void clean(char *line)
{
	for (; *line != '\0'; line++)
		if (is_control(line))
			*line = '?';
}

static void print(const char *kind, const char *fmt, va_list ap, const char *why)
{
	char line[2048];

	fail_progress_end();
	vsnprintf(line, sizeof line, fmt, ap);
	clean(line);
	fprintf(stderr, "casemate-image: %s%s%s%s%s%s\n", verb_name, *verb_name ? ": " : "", kind,
	        line, why ? ": " : "", why ? why : "");
}

enum rc fail(enum rc rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print("", fmt, ap, NULL);
	va_end(ap);
	return rc;
}

enum rc fail_errno(const char *fmt, ...)
{
	const char *why = strerror(errno);
	va_list ap;

	va_start(ap, fmt);
	print("", fmt, ap, why);
	va_end(ap);
	return RC_IO;
}

void fail_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print("warning: ", fmt, ap, NULL);
	va_end(ap);
}

void fail_progress(const char *what, uint64_t bytes)
{
	int64_t now = clock_mono_ms();
	char line[60];

	if ((shown_ms != 0 && now - shown_ms < PROGRESS_MS) || !isatty(STDERR_FILENO))
		return;
	shown_ms = now;
	snprintf(line, sizeof line, "%s", what);
	clean(line);
	fprintf(stderr, "\r%s: %llu MiB\033[K", line, (unsigned long long)(bytes >> 20));
	fflush(stderr);
}

void fail_progress_end(void)
{
	if (shown_ms != 0)
		fputs("\r\033[K", stderr);
	shown_ms = 0;
}
