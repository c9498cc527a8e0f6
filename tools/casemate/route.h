/* What this host's kernel knows of routes and devices (rtnetlink(7)). */
#ifndef TOOL_ROUTE_H
#define TOOL_ROUTE_H

#include <stdbool.h>

#include "net/packet.h"

/* Would a socket's packet to that address stay here, as this host's own or as one for
 * everybody on a link? True, too, when nobody can tell; false when there is no way to
 * it. Needs no rights. */
bool route_is_here(const uint8_t address[PACKET_ADDRESS]);

/* Lets packets to ::1 in that come by the device, for as long as it is there: what a
 * host's rules have led away from ::1 comes back that way. What has ::1 as its address
 * before the rules is still dropped. IPv4 has a setting for that (route_localnet). False
 * with errno. */
bool route_loopback6(const char *device);

/* There is no such device any more, whoever holds it. False with errno. */
bool route_no_device(const char *device);

#endif
