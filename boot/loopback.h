/* The loopback interface, which programs expect to find up.
 */
#ifndef BOOT_LOOPBACK_H
#define BOOT_LOOPBACK_H

#include "appliance/base/rc.h"

/* RC_IO, logged. */
RC_CHECK enum rc loopback_up(void);

#endif
