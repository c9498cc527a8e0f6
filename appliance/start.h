/* A service's process, from the launcher's fork to the execution of its command.
 *
 * The child is in its cgroup before it runs, and in a mount namespace of its own.
 * It gives up what confine_service() takes and becomes its user. What fails is a
 * line on its standard error, the same text for its starter, and exit status 127 for
 * a command that is not there, else 126.
 */
#ifndef APPLIANCE_START_H
#define APPLIANCE_START_H

#include <sys/types.h>

#include "appliance/base/manifest.h"

enum { START_OUT, START_ERR, START_TOLD, START_FDS };

struct start {
	const struct service *service;
	bool probe; /* its ready command instead, in the launcher's namespaces */
	int cgroup;
	/* Its standard output and error, while standard input is ours; and what closes
	 * when it executes, before which what failed is written there. */
	int fds[START_FDS];
};

/* The child's number, or -1 with errno. It has no other descriptors, no signal
 * is blocked, and its session is its own. None of fds is below 4 but for /dev/null. */
pid_t start(const struct start *s);

#endif
