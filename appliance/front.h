/* PID 1's side of the channel and of the launcher: hands what the channel role asks
 * for (channel/admit.h) to session processes and the launcher, or tells the peer why
 * not.
 *
 * A message is one struct, of which the request at its end is only digested; for
 * any other the role is ended. Nothing here ever waits. Whatever is admitted, but
 * for looks, is in the touch log first. A session process is started in advance, so
 * that nobody waits for it; the next one when that has got its work, not when it
 * ends without, lest we start and reap without end.
 */
#ifndef APPLIANCE_FRONT_H
#define APPLIANCE_FRONT_H

#include "appliance/role.h"

extern struct role front_role, launch_role;

/* What the manifest admits: bit N for operation N. */
extern uint32_t front_operations;

/* Receives one message of the channel role's, and serves or refuses it. True: a peer
 * asked to stop the enclave, and was told yes. A touch that cannot be recorded ends it at once. */
bool front_answer(void);

/* Receives one message of the launcher (launch.h): what it says of services goes into
 * the memory that the gate reads, as it is. True: the enclave is to end, since the
 * main service has. */
bool front_report(void);

/* There is no launcher: no service is known to be ready until the next one says so. */
void front_forget(void);

/* A child has ended: if it was a session, its place is free. */
void front_reap(pid_t pid, int status);

#endif
