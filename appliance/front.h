/* PID 1's side of the channel role: answers what it asks (channel/admit.h).
 *
 * The role's messages are fixed-size structs; anything else is answered with
 * an error and its descriptors are closed. Nothing here ever waits. Whatever
 * is admitted is in the touch log first.
 */
#ifndef APPLIANCE_FRONT_H
#define APPLIANCE_FRONT_H

#include "appliance/role.h"

/* Messages answered in one wakeup, so that children are reaped too. */
enum { FRONT_BUDGET = 32 };

enum front_said {
	FRONT_NOTHING,
	FRONT_STOP,   /* a peer asked to stop the enclave, and was told yes */
	FRONT_FAILED, /* a touch cannot be recorded: the enclave must end */
};

extern struct role front_role;

/* Answers what is there; up to the role's first message only, while it is not
 * ready. */
enum front_said front_answer(void);

#endif
