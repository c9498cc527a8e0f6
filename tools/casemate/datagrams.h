/* UDP and echo requests of the app, and UDP of clients of its published ports.
 *
 * A flow is what has the same two ends: the app's port (an echo request's identifier)
 * and an address and port elsewhere. What the app begins has a connected socket of its
 * own, so that nobody else answers and errors are known: they go to the app as
 * ICMP. What a client begins goes by the published port's socket; the client has
 * its own address for the app, or where that cannot be, the gateway's and a free port.
 *
 * A flow ends when it was silent for DATAGRAMS_IDLE_MS (RFC 4787 REQ-5), when its
 * link does, or when it is the one silent longest and another needs its place. So
 * memory is bounded; what does not fit into the link waits in the socket, and what
 * does not fit there is lost, as of UDP everywhere.
 *
 * Echo requests need a socket that the kernel gives to groups in
 * net.ipv4.ping_group_range, or to root; without it they are refused, and that is
 * said once.
 *
 * One instance a process. Nothing here blocks. The app and the others are hostile.
 */
#ifndef TOOL_DATAGRAMS_H
#define TOOL_DATAGRAMS_H

#include "net/packet.h"
#include "tools/casemate/destinations.h"
#include "tools/casemate/publish.h"

enum {
	DATAGRAMS_MAX = 1024, /* flows */
	DATAGRAMS_IDLE_MS = 180000,
	DATAGRAMS_TAGS = DATAGRAMS_MAX + PUBLISH_MAX,
};

/* Sockets are watched in epoll with first and up as data.u32, DATAGRAMS_TAGS in all. */
void datagrams_init(int epoll, uint32_t first, const struct destinations *d);
/* A port of UDP, open, is served from here on; it and *p stay the caller's. False with
 * errno. */
bool datagrams_publish(const struct publish *p);

/* A packet of the app's that is UDP or ICMP. */
void datagrams_packet(int link, const struct packet *p, int64_t now_ms);
/* epoll said something about socket n, from 0. */
void datagrams_io(uint32_t n);
/* Hands on what has arrived, to link, within a budget. -1: none, it waits. Once a turn. */
void datagrams_serve(int link, int64_t now_ms);
/* There is something to do before anything happens: do not wait. */
bool datagrams_busy(int link);
/* The link has ended, and its flows with it. */
void datagrams_over(int link);

int64_t datagrams_deadline(void); /* INT64_MAX: none */
void datagrams_tick(int64_t now_ms);

unsigned datagrams_count(void);

#endif
