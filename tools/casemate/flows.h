/* Bytes between sockets of this host and connections of the stack (net/stack.h):
 * a flow is one of each. From here to the enclave: a client's socket, and the
 * stack connects, to the enclave's stack or as a peer (peers.h) to the app. From the
 * app to anywhere: its packet asks, the socket connects, and only then the stack gets
 * to see that packet and accepts.
 *
 * How long a connection may take is the kernels' to say: this host's of its own, the
 * app's of its packets that ask, which it ends with a reset. What the app asks for and
 * then does not go on with is given up after FLOWS_UNMET_MS.
 *
 * Both ends are hostile, and neither can make the other wait for more than
 * itself: what one does not take is not read from the other. Each direction
 * ends by itself. When one side is cut, so is the other: a TCP socket with a
 * reset.
 *
 * One instance a process, beside the stack. Nothing here blocks. Memory: a flow that is
 * full both ways has 512 KiB in the stack's rings, so all of them have 2 GiB; one that
 * is read as fast as it comes has two pages or so. What was used once stays the
 * process's, and is used again first.
 */
#ifndef TOOL_FLOWS_H
#define TOOL_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/stack.h"
#include "tools/casemate/address.h"
#include "tools/casemate/destinations.h"

enum {
	FLOWS_MAX = 4096, /* as many as the tool's stack is built for */
	FLOWS_UNMET_MS = 30000, /* longer than lwIP keeps what is half open */
};

/* Sockets are watched in epoll with a flow's number (from 0) as data.u32. d: where the
 * app may go; NULL when there is no app. */
void flows_init(int epoll, const struct destinations *d);

/* Takes over fd, connected and non-blocking, and connects it to a port of the
 * enclave's stack over a link. The flow's number; -1 when there is no room, and fd
 * is closed. */
int flows_add(int fd, int link, uint16_t port);
/* The same to a port of the app, for which the other end is client where that can be,
 * else the gateway with a free port. */
int flows_add_app(int fd, int link, uint16_t port, const struct address *client);

/* A packet of the app's that is TCP, and where it lies, writable. */
void flows_packet(int link, const struct packet *p, uint8_t *ip);
/* The link has ended, and its flows with it. */
void flows_over(int link);

/* epoll said something about a flow's socket. */
void flows_io(uint32_t flow, uint32_t events);

/* What has changed in the stack, and what there was no time for before. After
 * the links were read, before stack_flush(). */
void flows_serve(int64_t now_ms);
int64_t flows_deadline(void); /* when to do it again; INT64_MAX */

/* There is something to do before anything happens: do not wait. */
bool flows_busy(void);

unsigned flows_count(void);
/* NULL: the flow has ended. */
const struct stack_conn *flows_conn(int flow);

#endif
