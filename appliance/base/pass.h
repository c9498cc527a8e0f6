/* A descriptor beside a message, over a SOCK_SEQPACKET pair (SCM_RIGHTS): how
 * the enclave's roles hand connections to each other.
 *
 * The other end may be a role that was taken over: whatever it sends, no
 * descriptor is left open that the receiver does not know.
 */
#ifndef BASE_PASS_H
#define BASE_PASS_H

#include <stddef.h>
#include <sys/types.h>

#include "appliance/base/rc.h"

/* Sends n bytes and fd, which stays the caller's, without waiting. RC_IO. */
RC_CHECK enum rc pass_send(int sock, const void *p, size_t n, int fd);

/* Receives one message of at most n bytes into p, with the given flags of
 * recvmsg(2), and its descriptor into *fd: the caller's to close and
 * close-on-exec, -1 if none came. Bytes, 0 at the end, -1 with errno; EMSGSIZE:
 * there was more than that, which is gone. */
ssize_t pass_recv(int sock, void *p, size_t n, int flags, int *fd);

#endif
