/* What a role or the app's programs may no longer do, taken away by the
 * process itself right after it was started as root by PID 1.
 */
#ifndef APPLIANCE_CONFINE_H
#define APPLIANCE_CONFINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "appliance/base/rc.h"

/* Users of PID 1 and of the roles; no image may rely on them. */
enum {
	UID_INIT = 901,
	UID_CHANNEL = 902,
	UID_GATE = 903,
	/* The saved user of all three, and of the launcher: nobody who becomes one user can be all
	 * that they are, which is what prlimit(2) asks for. */
	UID_SAVED = 904,
};

/* For PID 1, once everything is set up: all its rights, but another user than
 * root's, so that root in the app's root has none over it by being the same
 * user (limits, priorities, signals by user). RC_IO, logged. */
RC_CHECK enum rc confine_init(void);

/* When memory is short the kernel ends programs and sessions before who is
 * spared (and PID 1 never). Needs /proc. */
bool confine_spare(bool spared);

/* For a role that serves hostile peers: an empty folder (root_fd, closed
 * here) as root, the given user and group, no capabilities, nothing to gain
 * by exec, no ptrace. SIGTERM is ignored: PID 1 ends roles by closing their
 * pair. It is spared. RC_IO, logged. */
RC_CHECK enum rc confine_role(int root_fd, uid_t id);

/* For the launcher: what the app has, SYS_ADMIN for mounts and namespaces, and
 * SYS_RESOURCE so that confine_spare(false) is for good.
 * SIGTERM is ignored, and it is spared. RC_IO, logged. */
RC_CHECK enum rc confine_launch(void);

/* For a service, on its way to be executed as some user: of the capabilities
 * that root of the app's root has those of keep (bit N for N), and no way to
 * more, nor out of its cgroup. RC_IO, logged. */
RC_CHECK enum rc confine_service(uint64_t keep);

/* For sessions: root of the app's root, with the capabilities that confine.c lists
 * and no way to more. RC_IO, logged. */
RC_CHECK enum rc confine_app(void);

#endif
