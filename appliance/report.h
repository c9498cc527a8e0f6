/* PID 1's side of the launcher (launch.h): what it reports goes into the memory
 * that the gate reads; PID 1 looks at its kind and its service's number alone.
 */
#ifndef APPLIANCE_REPORT_H
#define APPLIANCE_REPORT_H

#include <stdbool.h>

#include "appliance/role.h"

extern struct role launch_role;

/* Receives one message. True: the enclave is to end, since the main service
 * has. */
bool report_answer(void);

#endif
