#include "tools/casemate/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "tools/casemate/text.h"

static const char scheme[] = "https://";

bool url_looks_like(const char *s)
{
	return strstr(s, "://") != NULL;
}

static bool is_address(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static bool name_ok(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	return host[0] != '\0' && host[0] != '-' && strspn(host, allowed) == strlen(host);
}

bool url_parse(const char *s, struct url *u, const char **why)
{
	const char *host = s + strlen(scheme), *end, *rest;
	bool bracket = false;
	uint32_t port = URL_PORT_DEFAULT;
	char digits[8];

	*why = "it does not begin with https://";
	if (strncasecmp(s, scheme, strlen(scheme)) != 0)
		return false;
	bracket = *host == '[';
	host += bracket;
	end = host + strcspn(host, bracket ? "]/" : ":/");
	rest = end + (bracket && *end == ']');
	*why = "its host is not one";
	if ((bracket && *end != ']') || (size_t)(end - host) >= sizeof u->host)
		return false;
	memset(u, 0, sizeof *u);
	memcpy(u->host, host, (size_t)(end - host));
	u->is_name = !is_address(u->host);
	if (u->is_name ? bracket || !name_ok(u->host) : bracket != (strchr(u->host, ':') != NULL))
		return false;
	if (*rest == ':') {
		size_t n = strcspn(++rest, "/");

		*why = "its port is not one";
		if (n >= sizeof digits)
			return false;
		memcpy(digits, rest, n);
		digits[n] = '\0';
		if (!text_number(digits, 1, UINT16_MAX, &port))
			return false;
		rest += n;
	}
	u->port = (uint16_t)port;
	*why = "only the routes of the appliance are asked for: nothing follows the host";
	return *rest == '\0' || strcmp(rest, "/") == 0;
}
