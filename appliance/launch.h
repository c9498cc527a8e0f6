/* The launcher: the role that starts the services of the manifest and keeps
 * them, takes what they print, and answers control and look of the channel.
 *
 * It runs as root of the app's root with what it takes to make namespaces and
 * to become any user; it reads what services print and say, which is theirs,
 * and requests that the channel role has checked and PID 1 has recorded, which
 * it parses again, as a session does. When it ends PID 1 starts it again: then
 * what is left of services is killed and all begins anew.
 *
 *   launcher → PID 1   launch_report, whenever something of it has changed
 *   PID 1 → launcher   what the channel role sent it, a connection and its
 *                      request (channel/admit.h); its end: services are to stop
 */
#ifndef APPLIANCE_LAUNCH_H
#define APPLIANCE_LAUNCH_H

#include "channel/message.h"

enum {
	LAUNCH_PROBE_MS = 100,  /* between two looks whether a service is ready */
	LAUNCH_CLOSE_MS = 1000, /* for lookers to get the last records */
};

/* What is told of a service: enum look_state; how often it was started, and ended for
 * want of memory. */
enum launch_number { LAUNCH_STATE, LAUNCH_STARTS, LAUNCH_OOMS, LAUNCH_NUMBERS };

struct launch_service {
	char name[SERVICE_NAME_MAX]; /* padded with NUL */
	uint32_t number[LAUNCH_NUMBERS];
};

struct launch_report {
	uint32_t over; /* not 0: the enclave is to end, since the main service has */
	struct launch_service service[SERVICES_MAX];
};

/* The role, over its end of the pair, the root of the cgroups and the memory of
 * touchlog.h; the exit status. */
int launch_main(int init, int cgroups, int shared);

/* For looks.c. The number of the service of that name, from 1; 0: none. */
size_t launch_find(struct slice name);
/* False: there are not so many. */
bool launch_status(size_t service, struct service_status *s);
/* `start`, `stop`, `restart` or `signal` (with its number); 0 or why not. */
enum error_code launch_control(struct slice action, size_t service, unsigned signal);

#endif
