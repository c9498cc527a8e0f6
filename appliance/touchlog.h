/* The touch log: what was done to this enclave since boot (PID 1 only).
 *
 * Records and their chain are attest/touch.h's. They lie in memory that is
 * shared with the gate (struct broker_shared) and sealed, so that only the
 * mapping made here can write it, whatever becomes of the gate. The last
 * BROKER_RING records are kept, the chain covers all.
 *
 * The first record marks the hardware: PCR17 is extended with head 1, locked
 * and read back, all before touchlog_add returns and the operation may start.
 */
#ifndef APPLIANCE_TOUCHLOG_H
#define APPLIANCE_TOUCHLOG_H

#include "appliance/broker.h"

/* Makes the memory; nsm (attest/nsm.h) stays open. Once. RC_IO, logged. */
RC_CHECK enum rc touchlog_open(int nsm);

/* The memory, for PID 1 to fill in the rest; its descriptor, for the gate. */
struct broker_shared *touchlog_shared(void);
int touchlog_fd(void);

/* The chain's head now, SHA384_LEN bytes. */
const uint8_t *touchlog_head(void);

/* Records an operation: its name and user at most TOUCH_WORD_MAX bytes,
 * summary at most TOUCH_SUMMARY_MAX of printable ASCII, SHA-384 of the
 * request. Anything but RC_OK, which is logged, means that it may not happen
 * and the enclave must end: the hardware did not take the mark. */
RC_CHECK enum rc touchlog_add(const char *operation, const char *user,
                              const uint8_t digest[SHA384_LEN], struct slice summary);

#endif
