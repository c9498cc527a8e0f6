/* The time of day: from the hypervisor's PTP device, else the kernel's own
 * (kvm-clock on Nitro). Never from the parent instance, which may lie.
 */
#ifndef BOOT_CLOCK_H
#define BOOT_CLOCK_H

#include <time.h>

#include "appliance/base/rc.h"

/* Sets the clock and says from what. RC_IO only when the PTP device is there
 * and does not work; without one the kernel's time stays. The kernel has one
 * PTP driver, KVM's (boot/kernel/config), so that there is no other to tell
 * it from. */
RC_CHECK enum rc clock_step(void);

/* The time of the PTP device at path. RC_ABSENT: there is none; RC_IO: there is
 * and it does not tell. For the above and its test. */
RC_CHECK enum rc clock_read(const char *path, struct timespec *t);

#endif
