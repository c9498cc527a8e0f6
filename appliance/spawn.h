/* Starts this executable again, as another role (PID 1 only).
 *
 * The child shares PID 1's memory until it has executed, as with vfork: no
 * page is copied and PID 1 waits for less than a millisecond. It starts as root,
 * whatever PID 1 is, in a session of its own with no signal blocked, /dev/null
 * as standard input and the console as output and error, and with nothing else
 * than the descriptors it is given. No environment.
 */
#ifndef APPLIANCE_SPAWN_H
#define APPLIANCE_SPAWN_H

#include <sys/types.h>

#include "appliance/base/rc.h"

/* The descriptors of a child beside the standard ones. In PID 1 they are kept
 * taken (spawn_init), so that no source is ever one of them. */
enum {
	SPAWN_FD_PAIR = 3,
	SPAWN_FD_ROOT = 4, /* a folder, to be its root */
	SPAWN_FD_LISTENER = 5,
	SPAWN_FD_SHARED = 6, /* memory, read only */
	SPAWN_FD_TUN = 7,    /* the app's network device */
	SPAWN_FDS = 5,
};

/* Before anything else is opened: takes these, and a descriptor of this
 * executable (/init). RC_IO. */
RC_CHECK enum rc spawn_init(void);

/* name is argv[0], the role. fds become 3, 4 and so on; -1 for none. Returns the
 * pid, or -1 with errno; the child of a failed execution is left to be
 * reaped. */
pid_t spawn_role(const char *name, const int fds[SPAWN_FDS]);

#endif
