/* console.log: what an enclave prints, bounded, written by the monitor and
 * read by `console` and `run`.
 *
 * When the file has MONITOR_LOG_MAX bytes it becomes console.old, so that a
 * chatty or hostile enclave cannot fill the host's memory (the folder is
 * usually a tmpfs). Carriage returns are left out.
 */
#ifndef TOOL_CONLOG_H
#define TOOL_CONLOG_H

#include <stdbool.h>
#include <stddef.h>

struct conlog {
	const char *path, *old; /* kept by pointer */
	int fd;                 /* -1: could not be opened; nothing is kept */
	size_t size;
	size_t max; /* bytes of one file */
};

void conlog_open(struct conlog *l, const char *path, const char *old, size_t max);
void conlog_put(struct conlog *l, const char *p, size_t n);
void conlog_close(struct conlog *l);

/* Writes what an enclave printed to fd: as it is, but cleaned (text.h) when
 * that is a terminal. False when fd takes no more. */
bool conlog_show(int fd, const char *p, size_t n);

/* Shows the last lines of a file on standard error, each after two spaces;
 * false when it has none. */
bool conlog_tail(const char *path, size_t lines);

#endif
