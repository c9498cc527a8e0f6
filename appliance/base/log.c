#include "appliance/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *name = "casemate";

void log_name(const char *n)
{
	name = n;
}

void log_line(const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	int saved = errno, at, n;
	va_list ap;

	at = snprintf(line, sizeof line, "%s: ", name);
	va_start(ap, fmt);
	n = vsnprintf(line + at, sizeof line - (size_t)at, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	n += at;
	if (n > LOG_LINE_MAX - 1)
		n = LOG_LINE_MAX - 1;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n + 1) < 0) {
		/* nowhere left to complain */
	}
	errno = saved;
}
