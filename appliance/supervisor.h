/* PID 1 from the start of its roles on: from here on it must not die.
 *
 * One loop over signals, the roles' questions and a few deadlines. It reads only
 * structs of its own roles, allocates nothing, and answers every failure by logging
 * it and going on.
 *
 *   STARTING → RUNNING → SERVICES → TERM → the machine is reset
 *
 * STARTING waits at most ROLES_READY_MS until the gate serves, and then tells the
 * host. RUNNING begins with the channel role, whose callers wait until then, and the
 * launcher, and ends when a peer asks for it, on SIGTERM, or when the main service has
 * ended for good. SERVICES waits for the launcher to end them, as long as the
 * manifest gives them and STOP_SERVICES_MS. TERM has sent SIGTERM to everything and
 * waits at most STOP_TERM_MS for the last process: what is left then ends with the
 * machine.
 */
#ifndef APPLIANCE_SUPERVISOR_H
#define APPLIANCE_SUPERVISOR_H

#include <stdint.h>

enum {
	ROLES_READY_MS = 10000,  /* of an emulated machine with little to give */
	STOP_SERVICES_MS = 5000, /* for the launcher itself, after its services */
	STOP_TERM_MS = 5000,
};

/* All signals are blocked. The gate is started, then the channel role, if it has a
 * listener, and the launcher; what the gate asks is asked of nsm. Services get
 * services_ms to end in. */
_Noreturn void supervise(int nsm, uint32_t services_ms);

/* Resets the machine: on Nitro and in the emulator that ends the enclave. */
_Noreturn void supervisor_reset(void);

#endif
