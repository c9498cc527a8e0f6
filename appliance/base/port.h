/* The enclave's listening vsock ports. PID 1 opens them once and keeps them;
 * the roles that accept on them are given the descriptor, and no program in
 * the enclave can have the port while a role is down.
 */
#ifndef BASE_PORT_H
#define BASE_PORT_H

#include <stdint.h>

/* A listening socket, non-blocking and close-on-exec; -1, logged. */
int port_listen(uint32_t port, int backlog);

/* The next connection of a listening socket, non-blocking and close-on-exec; -1
 * with errno. One over vsock that comes from this machine itself is closed
 * (ECONNABORTED): the programs of an enclave are not its clients. To be called
 * once after the listener was seen to be readable: a vsock one that finds
 * nothing sleeps until the kernel's next tick, non-blocking or not. The
 * simulator (tests/sim) has one of its own. */
int port_accept(int listener);

#endif
