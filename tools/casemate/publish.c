#include "tools/casemate/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "appliance/base/io.h"
#include "net/policy.h"
#include "tools/casemate/text.h"

enum { ADDRESS_MAX = INET6_ADDRSTRLEN };

static bool parse_address(const char *s, size_t len, uint16_t port, struct publish *p)
{
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)&p->at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&p->at;
	char text[ADDRESS_MAX];
	bool brackets = len > 1 && s[0] == '[' && s[len - 1] == ']';

	if (brackets) {
		s++;
		len -= 2;
	}
	if (len >= sizeof text)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	memset(&p->at, 0, sizeof p->at);
	if (brackets) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		p->at_len = sizeof *six;
		return inet_pton(AF_INET6, text, &six->sin6_addr) == 1;
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	p->at_len = sizeof *four;
	return inet_pton(AF_INET, text, &four->sin_addr) == 1;
}

static bool parse_port(const char *s, size_t len, uint32_t min, uint32_t *port)
{
	char text[8];

	if (len >= sizeof text)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return text_number(text, min, UINT16_MAX, port);
}

/* How long s is without the protocol behind it. */
static size_t parse_protocol(const char *s, bool *udp)
{
	size_t n = strlen(s);

	*udp = n > 4 && strcmp(s + n - 4, "/udp") == 0;
	return *udp || (n > 4 && strcmp(s + n - 4, "/tcp") == 0) ? n - 4 : n;
}

bool publish_parse(const char *s, struct publish *p)
{
	const char *last = strrchr(s, ':'), *host, *address = "127.0.0.1";
	size_t address_len = strlen(address), len;
	uint32_t here, there;

	*p = (struct publish){ .fd = -1 };
	len = parse_protocol(s, &p->udp);
	if (last == NULL)
		return false;
	host = memrchr(s, ':', (size_t)(last - s));
	if (host != NULL) {
		address = s;
		address_len = (size_t)(host - s);
	}
	host = host == NULL ? s : host + 1;
	/* What comes to the enclave's own ports gets no answer, but at the first. */
	if (!parse_port(host, (size_t)(last - host), 0, &here) ||
	    !parse_port(last + 1, (size_t)(s + len - last) - 1, 1, &there) ||
	    there >= POLICY_OWN_FIRST)
		return false;
	p->port = (uint16_t)there;
	return parse_address(address, address_len, (uint16_t)here, p);
}

static bool open_one(struct publish *p)
{
	int one = 1, type = p->udp ? SOCK_DGRAM : SOCK_STREAM;

	p->fd = socket(p->at.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Connections of a gateway that has just ended are not in the way; of UDP the
	 * option would mean two that share a port. An IPv6 port does not take the
	 * same one of IPv4. */
	return p->fd >= 0 &&
	       (p->udp || setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0) &&
	       (p->at.ss_family != AF_INET6 ||
	        setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0) &&
	       bind(p->fd, (struct sockaddr *)&p->at, p->at_len) == 0 &&
	       (p->udp || listen(p->fd, PUBLISH_BACKLOG) == 0) &&
	       getsockname(p->fd, (struct sockaddr *)&p->at, &p->at_len) == 0;
}

/* Has one of those before p[i] its place? */
static bool is_second(const struct publish *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (p[k].udp == p[i].udp && p[k].at_len == p[i].at_len &&
		    memcmp(&p[k].at, &p[i].at, p[i].at_len) == 0)
			return true;
	return false;
}

static void say_why(const struct publish *p, size_t i)
{
	int error = errno;
	char text[PUBLISH_TEXT_MAX];

	publish_text(text, &p[i]);
	if (error == EADDRINUSE && is_second(p, i))
		say("-p %s: another -p has this port of the host", text);
	else if (error == EADDRINUSE)
		say("-p %s: another program has this port of the host; choose another, or 0 for "
		    "any that is free",
		    text);
	else if (error == EADDRNOTAVAIL)
		say("-p %s: this host has no such address; 0.0.0.0 or [::] stands for all that it "
		    "has",
		    text);
	else if (error == EACCES)
		say("-p %s: ports below 1024 need root; choose a higher one", text);
	else
		say("-p %s: cannot listen: %s", text, strerror(error));
}

bool publish_open(struct publish *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (open_one(&p[i]))
			continue;
		say_why(p, i);
		publish_close(p, n);
		return false;
	}
	return true;
}

void publish_close(struct publish *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		io_close(&p[i].fd);
}

void publish_text(char out[PUBLISH_TEXT_MAX], const struct publish *p)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&p->at;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&p->at;
	const char *protocol = p->udp ? "/udp" : "";
	char text[ADDRESS_MAX] = "";

	if (p->at.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
		snprintf(out, PUBLISH_TEXT_MAX, "[%s]:%u->%u%s", text, ntohs(six->sin6_port),
		         p->port, protocol);
	} else {
		inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
		snprintf(out, PUBLISH_TEXT_MAX, "%s:%u->%u%s", text, ntohs(four->sin_port), p->port,
		         protocol);
	}
}
