/* The gateway in user mode: the network of an enclave, over one link and the stack at
 * its end (net/stack.h). Needs no rights beyond those to open its ports.
 *
 * Ports of this host lead to ports of the enclave: 8443 to the attestation server,
 * others to the app. What the app sends leaves through sockets of this process:
 * TCP (flows.h), UDP and echo requests (datagrams.h), questions for names (resolve.h).
 *
 * Hostile: clients, the enclave's end of the link, and whoever the app speaks with.
 * As many connections as the stack has room for are open at once; more wait in the
 * ports' queues, and of the app's are refused. When the link ends, all that came by it
 * is reset; clients that come meanwhile wait until there is a link again.
 */
#ifndef TOOL_GATEWAY_H
#define TOOL_GATEWAY_H

#include <stdbool.h>

#include "tools/casemate/destinations.h"
#include "tools/casemate/publish.h"
#include "tools/casemate/target.h"

enum { GATEWAY_RETRY_MS = 100 }; /* between attempts to get a link */

struct gateway {
	struct target target;
	struct publish port[PUBLISH_MAX]; /* open */
	size_t ports;
	struct destinations destinations; /* where the app may go */
	const char *resolv_conf;          /* NULL: this host's */
	bool patient;                     /* the first link may take its time */
};

/* Serves until it is told to end, or the target is a NAME that is gone: the
 * exit status. False start: says why. */
int gateway_serve(const struct gateway *g);

#endif
