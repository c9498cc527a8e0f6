/* PID 1 from its first instruction: the boot steps in their order, each of
 * which says what it guarantees; a failure ends the enclave.
 */
#ifndef APPLIANCE_INIT_H
#define APPLIANCE_INIT_H

/* Never returns. */
_Noreturn void init_main(void);

#endif
