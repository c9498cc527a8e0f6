/* What a service says on its notify socket (sd_notify(3)): a pure parser. The
 * input is anybody's, at most a datagram.
 */
#ifndef APPLIANCE_NOTIFY_H
#define APPLIANCE_NOTIFY_H

#include "appliance/base/slice.h"

struct notify {
	bool ready, busy;    /* READY=1, RELOADING=1 */
	struct slice status; /* of the last STATUS=; p is NULL without one */
};

/* Lines that it does not know are nothing. */
struct notify notify_of(struct slice message);

#endif
