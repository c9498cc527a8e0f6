/* What push and pull tell of their work: one line on a terminal that is
 * written again at most ten times a second, nothing elsewhere; and what came
 * of it.
 */
#ifndef TOOL_METER_H
#define TOOL_METER_H

#include "channel/transfer.h"

struct meter {
	bool on;    /* standard error is a terminal */
	bool shown; /* there is a line to take away */
	int64_t start_ms, last_ms;
};

/* Prepares t to report to p, which lives as long as the transfer. */
void meter_start(struct meter *p, struct transfer *t);

/* Ends the line and says the result: "3 files, 64.0 MiB, sha384:…" or why it
 * failed, on the enclave called target. The status to exit with. */
int meter_end(struct meter *p, const struct transfer *t, enum rc rc, const char *target);

#endif
