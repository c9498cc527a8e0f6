/* Settings of the kernel, files of /proc/sys, that are changed for a while.
 *
 * What they were is written down beside the rules (rules.h) before they are changed,
 * so that even the gateway after one that was killed can put them back. Paths are
 * relative to /proc/sys.
 */
#ifndef TOOL_SETTINGS_H
#define TOOL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum { SETTINGS_MAX = 128, SETTING_PATH_MAX = 64, SETTING_VALUE_MAX = 12 };

struct setting {
	char path[SETTING_PATH_MAX];
	char was[SETTING_VALUE_MAX], now[SETTING_VALUE_MAX]; /* now empty: leave it */
};

struct settings {
	size_t n;
	struct setting s[SETTINGS_MAX];
};

/* That path had this value, according to whoever was killed. */
void settings_was(struct settings *s, const char *path, const char *was);

#define SETTINGS_FORWARD4 "net/ipv4/ip_forward"
#define SETTINGS_FORWARD6 "net/ipv6/conf/all/forwarding"

/* Adds what a router needs and this host has not: that it forwards, and, since a
 * router ignores other routers' advertisements, that it goes on to believe those
 * it believes now, on as many interfaces as there is room for. */
void settings_router(struct settings *s);

/* Is that path to be changed, or to be put back? */
bool settings_has(const struct settings *s, const char *path);

/* Changes them, in their order. False after saying which could not be. */
bool settings_apply(const struct settings *s);
/* Puts them back, the last first; those whose interface is gone are gone, too. */
bool settings_restore(const struct settings *s);

#endif
