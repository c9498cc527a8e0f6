/* Seccomp filters. From a list of system calls: what is not on it ends the
 * process. For roles whose input is hostile; installed once everything that
 * needs more has been set up.
 */
#ifndef BASE_FILTER_H
#define BASE_FILTER_H

#include <stddef.h>

#include "appliance/base/rc.h"

/* More than any role needs; the filter is built on the stack. */
enum { FILTER_CALLS_MAX = 64 };

/* Allows only the count calls (SYS_…) from here on, for this thread and its
 * children, for good; arguments are not looked at. Needs no_new_privs or
 * CAP_SYS_ADMIN. RC_LIMIT for too many, RC_IO with errno. */
RC_CHECK enum rc filter_allow(const int *calls, size_t count);

/* The other way round: this call fails with ENOSYS, as if the kernel were older, and
 * all others of this architecture go on; one of another ends the process. RC_IO with errno. */
RC_CHECK enum rc filter_refuse(int call);

#endif
