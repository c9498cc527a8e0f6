/* The enclave's listening vsock ports. PID 1 opens them once and keeps them;
 * the roles that accept on them are given the descriptor, and no program in
 * the enclave can have the port while a role is down.
 */
#ifndef APPLIANCE_PORT_H
#define APPLIANCE_PORT_H

#include <stdint.h>

/* A listening socket, non-blocking and close-on-exec; -1, logged. */
int port_listen(uint32_t port, int backlog);

/* As io_accept. The simulator (tests/sim) has one of its own. */
int port_accept(int listener);

#endif
