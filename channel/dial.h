/* Connects to a port of an enclave.
 *
 * vsock:CID is AF_VSOCK; unix:PATH is the hybrid socket of vhost-device-vsock,
 * Firecracker and Cloud Hypervisor ("CONNECT port\n", answered "OK port\n").
 */
#ifndef CHANNEL_DIAL_H
#define CHANNEL_DIAL_H

#include <stdint.h>

#include "appliance/base/rc.h"

enum { DIAL_TIMEOUT_MS = 10000 };

/* A blocking, close-on-exec descriptor in *fd. RC_IO with errno, RC_TIMEOUT,
 * RC_EOF when the hybrid socket closed without an answer (nobody listens on
 * that port, or the enclave is not up), RC_BAD when it answered otherwise. */
RC_CHECK enum rc dial_vsock(uint32_t cid, uint32_t port, int *fd);
RC_CHECK enum rc dial_unix(const char *path, uint32_t port, int *fd);

#endif
