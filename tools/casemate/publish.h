/* -p [ADDR:]HOST:ENCLAVE[/tcp|/udp]: a port of this host that leads to one of the
 * enclave. ADDR is a numeric address, IPv6 in brackets; without it the port is
 * open to this host alone (127.0.0.1). HOST 0 takes a free port. TCP is meant
 * without a protocol.
 */
#ifndef TOOL_PUBLISH_H
#define TOOL_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	PUBLISH_MAX = 16,      /* ports of one gateway */
	PUBLISH_TEXT_MAX = 72, /* "[ADDR]:HOST->ENCLAVE/udp" */
	PUBLISH_BACKLOG = 512, /* as many as the stack takes */
};

/* What to tell somebody whose -p cannot be understood, with what they wrote. */
#define PUBLISH_MISUSE                                                                             \
	"-p %s: [ADDR:]HOST:ENCLAVE[/udp], two ports, the enclave's below 61000, and perhaps a "   \
	"numeric address of this host ([ADDR] for IPv6)"

struct publish {
	struct sockaddr_storage at;
	socklen_t at_len;
	uint16_t port; /* the enclave's */
	bool udp;
	int fd; /* non-blocking, and of TCP listening; or -1 */
};

/* False when s is no such thing; says nothing. */
bool publish_parse(const char *s, struct publish *p);

/* Opens the n ports; false after saying which could not be and why, and then
 * none is open. HOST 0 is replaced by the port it became. */
bool publish_open(struct publish *p, size_t n);
void publish_close(struct publish *p, size_t n);

void publish_text(char out[PUBLISH_TEXT_MAX], const struct publish *p);

#endif
