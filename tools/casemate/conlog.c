#include "tools/casemate/conlog.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/text.h"

enum {
	PIECE = 4096,
	TAIL_MAX = 16384, /* bytes that are looked at for the last lines */
};

void conlog_open(struct conlog *l, const char *path, const char *old, size_t max)
{
	*l = (struct conlog){ .path = path, .old = old, .max = max };
	l->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static void start_again(struct conlog *l)
{
	io_close(&l->fd);
	if (rename(l->path, l->old) == 0)
		conlog_open(l, l->path, l->old, l->max);
}

void conlog_put(struct conlog *l, const char *p, size_t n)
{
	char out[PIECE];

	while (n > 0 && l->fd >= 0) {
		size_t len = 0;

		for (; n > 0 && len < sizeof out; p++, n--) {
			if (*p != '\r')
				out[len++] = *p;
		}
		/* A full disk loses the console, not the enclave. */
		if (io_write_full(l->fd, out, len) == RC_OK)
			l->size += len;
		if (l->size >= l->max)
			start_again(l);
	}
}

void conlog_close(struct conlog *l)
{
	io_close(&l->fd);
}

bool conlog_show(int fd, const char *p, size_t n)
{
	char raw[PIECE], out[PIECE + 1];

	if (!isatty(fd))
		return io_write_full(fd, p, n) == RC_OK;
	while (n > 0) {
		size_t len = 0, clean;

		for (; n > 0 && len < sizeof raw; p++, n--) {
			if (*p != '\r')
				raw[len++] = *p;
		}
		clean = text_clean(out, sizeof out, raw, len, true);
		if (io_write_full(fd, out, clean) != RC_OK)
			return false;
	}
	return true;
}

/* Where the last `lines` lines of n bytes begin. */
static size_t tail_start(const char *text, size_t n, size_t lines)
{
	size_t at = n;

	if (at > 0 && text[at - 1] == '\n')
		at--;
	while (at > 0) {
		if (text[at - 1] == '\n' && --lines == 0)
			break;
		at--;
	}
	return at;
}

static size_t read_end(const char *path, char text[TAIL_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	off_t end;

	if (fd >= 0) {
		end = lseek(fd, 0, SEEK_END);
		n = pread(fd, text, TAIL_MAX, end > TAIL_MAX ? end - TAIL_MAX : 0);
	}
	io_close(&fd);
	return n > 0 ? (size_t)n : 0;
}

bool conlog_tail(const char *path, size_t lines)
{
	char text[TAIL_MAX], out[TAIL_MAX + 1], *line, *rest = out;
	size_t n = read_end(path, text), at = tail_start(text, n, lines);

	n = text_clean(out, sizeof out, text + at, n - at, true);
	if (n > 0 && out[n - 1] == '\n')
		out[n - 1] = '\0';
	if (n == 0)
		return false;
	while ((line = strsep(&rest, "\n")) != NULL)
		dprintf(STDERR_FILENO, "  %s\n", line);
	return true;
}
