/* TCP to a host on some network. */
#ifndef TOOL_TCP_H
#define TOOL_TCP_H

#include <stdint.h>

enum { TCP_DIAL_MS = 10000 }; /* for each of the host's addresses */

/* A connected, blocking, close-on-exec socket; -1 after saying why not. host is
 * a name or an address. */
int tcp_dial(const char *host, uint16_t port);

#endif
