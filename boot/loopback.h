/* The loopback interface, which programs expect to find up.
 */
#pragma once

#include "appliance/base/rc.h"

/* RC_IO, logged. */
RC_CHECK enum rc loopback_up(void);
