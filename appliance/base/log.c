#include "appliance/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static const char *name = "casemate";
static int out = STDERR_FILENO;

void log_name(const char *n)
{
	name = n;
}

void log_to(int fd)
{
	out = fd;
}

static void put(const char *line, size_t len)
{
	static bool stuck;
	struct pollfd p = { out, POLLOUT, 0 };

	/* Standard error may wait, and not every role may poll. */
	if (out != STDERR_FILENO && poll(&p, 1, stuck ? 0 : LOG_WAIT_MS) == 0)
		stuck = true;
	else if (write(out, line, len) >= 0)
		stuck = false;
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
	put(line, (size_t)n + 1);
	errno = saved;
}
