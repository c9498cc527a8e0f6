/* A connection to a TCP port of an enclave, without a gateway that runs: a
 * child process brings up a link of its own (net/stack.h) and carries the bytes
 * of one connection between it and a socket.
 *
 * What comes out of the socket is the enclave's and hostile. The child ends
 * when both directions have ended, when the socket is closed, or with the
 * enclave; it is nobody's to wait for.
 */
#ifndef TOOL_LINK_DIAL_H
#define TOOL_LINK_DIAL_H

#include <stdint.h>

#include "tools/casemate/target.h"

enum { LINK_DIAL_MS = 10000 }; /* for the enclave to take the connection */

/* A connected, blocking, close-on-exec stream socket; half-close works both
 * ways, and a connection that is cut reads as its end or fails. -1 after saying why:
 * nobody answers, nobody listens on that port, or time is over. */
int link_dial(const struct target *t, uint16_t port);

#endif
