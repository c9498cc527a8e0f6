/* Starts an enclave again, for `ctl reboot`. */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

#include "tools/casemate/state.h"

/* From the same image and under the same name, with the processors, memory, ports
 * and backend that it had; it is gone. Says what came of it: the exit status. */
int run_again(const struct enclave *was);

#endif
