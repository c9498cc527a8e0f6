/* The launcher's connections: control and look (channel/PROTOCOL.md).
 *
 * A connection comes from PID 1 with its request. What is to be said to it is
 * made when there is room for it, from the rings of records.h, so that one that
 * does not read costs a place and nothing else. Nothing here waits.
 */
#ifndef APPLIANCE_LOOKS_H
#define APPLIANCE_LOOKS_H

#include <poll.h>
#include <stddef.h>

#include "channel/admit.h"

enum {
	LOOKS_MAX = 32,
	LOOKS_RECORDS = 2000,   /* looked at in one go for one */
	LOOKS_STALL_MS = 60000, /* nothing was read, and it does not follow */
};

/* Takes the connection; m, of len bytes, is what came with it. */
void looks_add(int conn, const struct admit_request *m, size_t len, int64_t now_ms);

/* What to watch, one for each place; then, after the wait, what came of it. */
void looks_watch(struct pollfd p[LOOKS_MAX]);
void looks_serve(const struct pollfd p[LOOKS_MAX], int64_t now_ms);

/* Sends what is new. */
void looks_flush(int64_t now_ms);

/* The next deadline, INT64_MAX for none; how many there are. */
int64_t looks_deadline(void);
size_t looks_open(void);

/* Nobody follows any more: each gets what there is, and the end. */
void looks_end(int64_t now_ms);

#endif
