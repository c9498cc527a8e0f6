/* PID 1 after the boot: from here on it must not die.
 *
 * One loop over signals, the roles' questions and a few deadlines. It
 * reads only fixed-size structs of its own roles, allocates nothing, and
 * answers every failure by logging it and going on.
 *
 *   RUNNING → TERM → KILL → the machine is reset
 *
 * RUNNING ends when a peer asks for it, on SIGTERM, or when the main command
 * ends. TERM has sent SIGTERM to everything and waits at most STOP_TERM_MS
 * for the last process; KILL has sent SIGKILL and waits at most STOP_KILL_MS.
 */
#ifndef APPLIANCE_SUPERVISOR_H
#define APPLIANCE_SUPERVISOR_H

enum { STOP_TERM_MS = 5000, STOP_KILL_MS = 1000 };

/* command: the role "app" and its arguments, or NULL. All signals are
 * blocked. The roles that were started are watched; what the gate asks is
 * asked of nsm. */
_Noreturn void supervise(int nsm, char *const command[]);

/* Resets the machine: on Nitro and in the emulator that ends the enclave. */
_Noreturn void supervisor_reset(void);

#endif
