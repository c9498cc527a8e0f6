#include "tools/image/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *verb_name = "";

void fail_verb(const char *verb)
{
	verb_name = verb;
}

static void print(const char *fmt, va_list ap, const char *why)
{
	char line[2048];
	size_t n = 0;

	vsnprintf(line, sizeof line, fmt, ap);
	for (; line[n] != '\0'; n++)
		if ((unsigned char)line[n] < 0x20 || line[n] == 0x7f)
			line[n] = '?';
	fprintf(stderr, "casemate-image: %s%s%s%s%s\n", verb_name, *verb_name ? ": " : "", line,
	        why ? ": " : "", why ? why : "");
}

enum rc fail(enum rc rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap, NULL);
	va_end(ap);
	return rc;
}

enum rc fail_errno(const char *fmt, ...)
{
	const char *why = strerror(errno);
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap, why);
	va_end(ap);
	return RC_IO;
}
