/* The gateway in user mode: TCP ports of this host that lead to ports of an
 * enclave, over one link and the stack at both its ends (net/stack.h). Needs no
 * rights beyond those to open its ports.
 *
 * Hostile: the clients, and the enclave's end of the link. As many connections
 * as the stack has room for are open at once; more wait in the ports' queues.
 * When the link ends, its connections are reset; those that come meanwhile wait
 * until there is a link again.
 */
#ifndef TOOL_GATEWAY_H
#define TOOL_GATEWAY_H

#include <stdbool.h>

#include "tools/casemate/publish.h"
#include "tools/casemate/target.h"

enum { GATEWAY_RETRY_MS = 100 }; /* between attempts to get a link */

struct gateway {
	struct target target;
	struct publish port[PUBLISH_MAX]; /* open */
	size_t ports;
	int until;    /* the gateway ends when this is readable; -1: does not */
	bool patient; /* the first link may take its time */
};

/* Serves until it is told to end, or the target is a NAME that is gone: the
 * exit status. False start: says why. */
int gateway_serve(const struct gateway *g);

#endif
