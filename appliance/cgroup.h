/* Control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst), as the
 * launcher uses them: one a service, below a root that it is given as a
 * descriptor. What the kernel says in their files is believed.
 */
#ifndef APPLIANCE_CGROUP_H
#define APPLIANCE_CGROUP_H

#include <stdbool.h>

#include "appliance/base/manifest.h"

/* Lets groups below root have limits. RC_IO. Once. */
RC_CHECK enum rc cgroup_init(int root);

/* Makes group `name` anew, with the policy's limits; one that is there must be
 * empty. RC_IO; *fd may be open then. */
RC_CHECK enum rc cgroup_make(int root, const char *name, const struct service_policy *p, int *fd);

/* Group `name` as it is; -1: there is none. */
int cgroup_open(int root, const char *name);

/* SIGKILL to all that is in it. */
void cgroup_kill(int fd);

/* Has it a process that has not been waited for? */
bool cgroup_populated(int fd);

/* The number behind `key` in one of its files, or with key "" the only one. 0
 * when there is none. */
uint64_t cgroup_number(int fd, const char *file, const char *key);

#endif
