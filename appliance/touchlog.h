/* The touch log: what was done to this enclave since boot, written by PID 1.
 *
 * Records and their chain are attest/touch.h's. They lie in memory that is
 * shared with the gate and sealed, so that only the mapping made here can write
 * it, whatever becomes of the gate, which reads it as struct touchlog_shared.
 * The last TOUCHLOG_RING records are kept, the chain covers all.
 *
 * The first record marks the hardware: PCR17 is extended with head 1, locked
 * and read back, all before touchlog_add returns and the operation may start.
 */
#ifndef APPLIANCE_TOUCHLOG_H
#define APPLIANCE_TOUCHLOG_H

#include <assert.h>

#include "appliance/launch.h"
#include "attest/nsm.h"
#include "attest/touch.h"

enum { TOUCHLOG_RING = 2048 }; /* records kept; half a MiB */

static_assert(TOUCHLOG_RING - 2 >= TOUCH_KEPT_MIN, "or verifiers refuse an honest log");

struct touchlog_record {
	uint32_t len;
	uint8_t bytes[TOUCH_RECORD_MAX];
};

struct touchlog_shared {
	/* Fixed from the boot on, but for PCR17: to be believed once touches is
	 * not 0. */
	struct nsm_description module;
	struct nsm_pcr pcr[NSM_PCRS_MAX];
	size_t manifest_len;
	uint8_t manifest[MANIFEST_MAX];
	/* How many the manifest has; then as the launcher last reported them. */
	size_t services;
	struct launch_service service[SERVICES_MAX];
	/* Written last; a reader looks again afterwards. Record n is at n %
	 * TOUCHLOG_RING, and with it the chain's head after it (0: zeros). The
	 * oldest of the ring may be in the middle of becoming the next: those
	 * that may be read are touches - TOUCHLOG_RING + 2 and later. */
	uint64_t touches;
	struct touchlog_record ring[TOUCHLOG_RING];
	uint8_t after[TOUCHLOG_RING][SHA384_LEN];
};

/* Makes the memory; nsm (attest/nsm.h) stays open. Once. RC_IO, logged. */
RC_CHECK enum rc touchlog_open(int nsm);

/* The memory, for PID 1 to fill in the rest; its descriptor, for the gate. */
extern struct touchlog_shared *touchlog_shared;
extern int touchlog_fd;

/* The chain's head now, SHA384_LEN bytes. */
const uint8_t *touchlog_head(void);

/* Records an operation: its name and user at most TOUCH_WORD_MAX bytes,
 * summary at most TOUCH_SUMMARY_MAX of printable ASCII, SHA-384 of the
 * request. Anything but RC_OK, which is logged, means that it may not happen
 * and the enclave must end: the hardware did not take the mark. */
RC_CHECK enum rc touchlog_add(const char *operation, const char *user,
                              const uint8_t digest[SHA384_LEN], struct slice summary);

#endif
