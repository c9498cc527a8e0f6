/* https://HOST[:PORT][/], as it is written on the command line: HOST a name, an
 * IPv4 address or an IPv6 address in brackets. Pure.
 */
#ifndef TOOL_URL_H
#define TOOL_URL_H

#include <stdbool.h>
#include <stdint.h>

enum { URL_HOST_MAX = 254, URL_PORT_DEFAULT = 443 };

struct url {
	char host[URL_HOST_MAX]; /* without brackets */
	bool is_name;            /* not an address */
	uint16_t port;
};

/* Is it meant to be one? */
bool url_looks_like(const char *s);

/* False when s is not such a URL; *why is then a phrase. */
bool url_parse(const char *s, struct url *u, const char **why);

#endif
