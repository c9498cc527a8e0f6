/* Tells the host that the enclave is ready: one byte to port 9000, answered
 * by the same byte (as AWS's init and nitro-cli do).
 *
 * The parent is CID 3 on Nitro and CID 2 on other hypervisors, where a call
 * to 3 may never be answered: both are called at once and the first right
 * answer wins. The host controls all of it; nothing depends on it.
 */
#ifndef BOOT_HEARTBEAT_H
#define BOOT_HEARTBEAT_H

#include <poll.h>
#include <stdint.h>

#include "appliance/base/rc.h"

enum {
	HEARTBEAT_PORT = 9000,
	HEARTBEAT_BYTE = 0xb7,
	HEARTBEAT_MS = 10000,
};

/* Waits at most HEARTBEAT_MS, and says what came of it. */
void heartbeat_send(void);

/* The same over sockets that already connect (non-blocking, events POLLOUT; those
 * that fail are closed, fd -1): for the above and its test. *who is the index of
 * the one that answered. RC_OK, RC_TIMEOUT, RC_IO, or RC_EOF when neither answers
 * right. */
RC_CHECK enum rc heartbeat_over(struct pollfd p[2], int64_t until_ms, int *who);

#endif
