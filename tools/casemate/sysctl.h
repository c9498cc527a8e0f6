/* Settings of the kernel, files of /proc/sys, that are changed for a while.
 *
 * What they were is written down beside the rules (rules.h) before they are changed,
 * so that even the gateway after one that was killed can put them back. Paths are
 * relative to /proc/sys.
 */
#ifndef TOOL_SYSCTL_H
#define TOOL_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>

enum { SYSCTL_MAX = 128, SYSCTL_PATH_MAX = 64, SYSCTL_VALUE_MAX = 12 };

struct sysctl {
	char path[SYSCTL_PATH_MAX];
	char was[SYSCTL_VALUE_MAX], now[SYSCTL_VALUE_MAX]; /* now empty: leave it */
};

struct sysctls {
	size_t n;
	struct sysctl s[SYSCTL_MAX];
};

/* That path had this value, according to whoever was killed. */
void sysctl_was(struct sysctls *s, const char *path, const char *was);

#define SYSCTL_FORWARD4 "net/ipv4/ip_forward"
#define SYSCTL_FORWARD6 "net/ipv6/conf/all/forwarding"

/* Adds what a router needs and this host has not: that it forwards, and, since a
 * router ignores other routers' advertisements, that it goes on to believe those
 * it believes now, on as many interfaces as there is room for. */
void sysctl_router(struct sysctls *s);

/* Is that path to be changed, or to be put back? */
bool sysctl_has(const struct sysctls *s, const char *path);

/* Changes them, in their order. False after saying which could not be. */
bool sysctl_apply(const struct sysctls *s);
/* Puts them back, the last first; those whose interface is gone are gone, too. */
bool sysctl_restore(const struct sysctls *s);

#endif
