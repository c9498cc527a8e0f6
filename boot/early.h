/* The first two steps: something to speak to, and the kernel's file systems.
 *
 * Ramdisk 0 holds nothing but /init, so that the folders are made here. Every
 * step of boot/ logs one line that says what it guarantees, or why it failed;
 * the caller fails closed on anything but RC_OK (RC_IO, errno logged).
 */
#ifndef BOOT_EARLY_H
#define BOOT_EARLY_H

#include "appliance/base/rc.h"

/* Mounts, on a folder that is made when it is not there, and must be one. */
RC_CHECK enum rc early_mount(const char *source, const char *path, const char *type,
                             unsigned long flags, const char *options);

/* devtmpfs on /dev; descriptors 0 (/dev/null), 1 and 2 (/dev/console). Until
 * it returns RC_OK nothing can be said. */
RC_CHECK enum rc early_console(void);

/* proc on /proc, sysfs on /sys. */
RC_CHECK enum rc early_mounts(void);

#endif
