/* Bytes between sockets of this host and connections of the stack (net/stack.h):
 * a flow is one of each. From here to the enclave: a client's socket, and the
 * stack connects. From the app to anywhere: its packet asks, the socket connects,
 * and only then the stack gets to see that packet and accepts.
 *
 * Both ends are hostile, and neither can make the other wait for more than
 * itself: what one does not take is not read from the other. Each direction
 * ends by itself. When one side is cut, so is the other: a TCP socket with a
 * reset.
 *
 * One instance a process, beside the stack. Nothing here blocks.
 */
#ifndef TOOL_FLOWS_H
#define TOOL_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/stack.h"

enum { FLOWS_MAX = STACK_CONNS_MAX };

/* Sockets are watched in epoll with a flow's number (from 0) as data.u32. */
void flows_init(int epoll);

/* Takes over fd, connected and non-blocking, and connects it to a port over a
 * link. The flow's number; -1 when there is no room, and fd is closed. */
int flows_add(int fd, int link, uint16_t port);

/* The app's packets. */
extern const struct stack_app flows_app;

/* epoll said something about a flow's socket. */
void flows_io(uint32_t flow, uint32_t events);

/* What has changed in the stack, and what there was no time for before. After
 * the links were read, before stack_flush(). */
void flows_serve(void);

/* There is something to do before anything happens: do not wait. */
bool flows_busy(void);

unsigned flows_count(void);
/* NULL: the flow has ended. */
const struct stack_conn *flows_conn(int flow);

#endif
