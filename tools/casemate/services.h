/* What the enclave says of its services, as text for people.
 *
 * The numbers are the enclave's (look.h): within their limits, and otherwise
 * whatever it likes.
 */
#ifndef TOOL_SERVICES_H
#define TOOL_SERVICES_H

#include "channel/message.h"

enum { SERVICES_TEXT_MAX = 128 };

/* "ready", "stopped", …; never NULL. */
const char *services_state(uint64_t state);

/* Is there nothing amiss with it? Ready or done. */
bool services_fine(const struct service_status *s);

/* How it ended last: "exited 1", "killed by 9 (KILL)", "-" when it did not. */
void services_end(char out[SERVICES_TEXT_MAX], const struct service_status *s);

/* "12.0 MiB / 64.0 MiB" */
void services_memory(char out[SERVICES_TEXT_MAX], const struct service_status *s);

/* Percent of one processor that it used between two looks; negative when that
 * cannot be said: no time has passed, or it was started anew. */
double services_cpu(const struct service_status *before, const struct service_status *now,
                    int64_t elapsed_us);

/* "TERM" for 15; NULL when it has no name. */
const char *services_signal_name(uint64_t number);
/* "TERM", "SIGTERM", "15"; 0 when it is none of 1 to 31. */
int services_signal(const char *s);

#endif
