/* The driver of the security module: one request, one answer, both as bytes.
 * Tests put a simulated module in the place of this file.
 */
#ifndef ATTEST_NSM_DEVICE_H
#define ATTEST_NSM_DEVICE_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

/* Opens path ("/dev/nsm") close-on-exec into *fd. RC_IO. */
RC_CHECK enum rc nsm_open(const char *path, int *fd);

/* Sends request, at most NSM_REQUEST_MAX bytes, and appends the answer to an
 * empty w of NSM_RESPONSE_MAX bytes. RC_IO with errno; RC_LIMIT. */
RC_CHECK enum rc nsm_exchange(int fd, struct slice request, struct wbuf *answer);

#endif
