/* The name servers in resolv.conf(5): the first RESOLVCONF_MAX addresses behind
 * "nameserver", IPv4 or IPv6, with the interface behind "%" where one is; without
 * any, this host itself. What else there is does not matter here. Pure but for
 * the names of interfaces.
 */
#ifndef TOOL_RESOLVCONF_H
#define TOOL_RESOLVCONF_H

#include <sys/socket.h>

#include "appliance/base/slice.h"

enum { RESOLVCONF_MAX = 3, /* as C libraries ask */ RESOLVCONF_FILE_MAX = 16384 };

struct resolvconf {
	size_t n; /* 1 to RESOLVCONF_MAX */
	struct {
		struct sockaddr_storage at;
		socklen_t len;
	} server[RESOLVCONF_MAX];
};

/* port: where all of them are asked. */
void resolvconf_parse(struct slice text, uint16_t port, struct resolvconf *c);

#endif
