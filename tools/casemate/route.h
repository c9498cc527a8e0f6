/* The loopback address of IPv6, by way of another device than the loopback's. */
#ifndef TOOL_ROUTE_H
#define TOOL_ROUTE_H

#include <stdbool.h>

/* Lets packets to ::1 in that come by the device, for as long as it is there: what a
 * host's rules have led away from ::1 comes back that way. What has ::1 as its address
 * before the rules is still dropped. IPv4 has a setting for that (route_localnet). False
 * with errno. */
bool route_loopback6(const char *device);

#endif
