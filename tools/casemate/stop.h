/* Shuts an enclave down, for `stop` and `ctl`. */
#ifndef TOOL_STOP_H
#define TOOL_STOP_H

#include "tools/casemate/target.h"

enum { STOP_DEFAULT_S = 30, STOP_MAX_S = 86400 };

/* Asks it, and ends one of `casemate run` from outside when it is not gone after
 * seconds (0: does not ask). False after saying why it goes on. */
bool stop_enclave(const struct target *t, uint32_t seconds);

#endif
