/* Connects to a port of an enclave.
 *
 * vsock:CID is AF_VSOCK; unix:PATH is the hybrid socket of vhost-device-vsock,
 * Firecracker and Cloud Hypervisor ("CONNECT port\n", answered "OK port\n").
 */
#ifndef CHANNEL_DIAL_H
#define CHANNEL_DIAL_H

#include <stdint.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	DIAL_TIMEOUT_MS = 10000,
	DIAL_ANSWER_MAX = 32, /* "OK 4294967295\n" is 14 bytes */
};

/* A blocking, close-on-exec descriptor in *fd. RC_IO with errno, RC_TIMEOUT,
 * RC_EOF when the hybrid socket closed without an answer (nobody listens on
 * that port, or the enclave is not up), RC_BAD when it answered otherwise. */
RC_CHECK enum rc dial_vsock(uint32_t cid, uint32_t port, int *fd);
RC_CHECK enum rc dial_unix(const char *path, uint32_t port, int *fd);

/* Judges all that a hybrid socket has sent since CONNECT; whoever owns the
 * socket controls it. RC_OK: "OK ", digits and the newline, not a byte more.
 * RC_MORE: the beginning of that. RC_BAD: no such line, or none within
 * DIAL_ANSWER_MAX bytes. */
RC_CHECK enum rc dial_answer(struct slice got);

#endif
