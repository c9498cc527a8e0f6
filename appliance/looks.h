/* The launcher's connections: control and look (channel/PROTOCOL.md); and the console,
 * which is told what services print.
 *
 * A connection comes from PID 1 with its request. What is to be said to it is
 * made when there is room for it, from the rings of records.h, so that one that
 * does not read costs a place and nothing else: the console, which is slow and may be
 * read by nobody, gets what its ring still has by then. Nothing here waits.
 */
#ifndef APPLIANCE_LOOKS_H
#define APPLIANCE_LOOKS_H

#include <poll.h>
#include <stddef.h>

#include "channel/admit.h"

enum {
	LOOKS_MAX = 32,
	LOOKS_PLACES = LOOKS_MAX + 1, /* the console is the last */
	LOOKS_CONSOLE_MAX = 65536,    /* bytes a second that the console is given */
	LOOKS_RECORDS = 2000,         /* looked at in one go for one */
	LOOKS_STALL_MS = 60000,       /* nothing was read, and it does not follow */
};

/* Takes the connection; m, of len bytes, is what came with it. */
void looks_add(int conn, const struct admit_request *m, size_t len, int64_t now_ms);

/* The console: what it prints of the rings whose bit is set goes there, as it is: who
 * shows it cleans it. Once. */
void looks_console(int fd, uint32_t rings);

/* What to watch, one for each place; then, after the wait, what came of it. */
void looks_watch(struct pollfd p[LOOKS_PLACES], int64_t now_ms);
void looks_serve(const struct pollfd p[LOOKS_PLACES], int64_t now_ms);

/* Sends what is new; how many there are then, with the console. */
size_t looks_flush(int64_t now_ms);

/* The next deadline, INT64_MAX for none. */
int64_t looks_deadline(int64_t now_ms);

/* Nobody follows any more: each gets what there is, and the end. */
void looks_end(void);

#endif
