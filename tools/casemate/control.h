/* Starts and ends one service of an enclave and sees what comes of it.
 *
 * The enclave says only that it has begun. What follows is looked at each time
 * one of the service's events comes: the events say when to look, the look says
 * what is so, and nothing is asked at intervals.
 */
#ifndef TOOL_CONTROL_H
#define TOOL_CONTROL_H

#include "tools/casemate/look.h"

/* word is "start", "stop" or "restart". With wait, until the service is ready or
 * done, or has stopped. False after saying why it did not come to that. */
bool control_service(const struct target *t, const char *word, const char *service, bool wait);

/* Has it come to what word wants? before is the service as it was when word was
 * not yet asked for. RC_OK, RC_MORE: not yet; RC_DENIED: it will not. Pure. */
RC_CHECK enum rc control_reached(const char *word, const struct service_status *before,
                                 const struct service_status *now);

#endif
