/* Where the app may go by way of this host, and where that is.
 *
 * What the image allows is the enclave's to judge (net/policy.h). Here it is about
 * what must not be reachable because the packets come out of this host: its own
 * addresses, its loopback, its link, the cloud's metadata service, groups.
 * --allow ADDR[/PREFIX] lets the app reach some of them.
 *
 *   10.7.0.1, fd07:ca5e:3a7e::1   this host's loopback, 127.0.0.1 and ::1, when those
 *                                 are allowed
 *   other addresses of the link   nobody's
 *
 * Addresses as net/policy.h has them; those of packets are hostile. Pure but for
 * destinations_find, which asks the kernel for this host's addresses.
 */
#ifndef TOOL_DESTINATIONS_H
#define TOOL_DESTINATIONS_H

#include <stdbool.h>

#include "net/packet.h"

enum { DESTINATIONS_MAX = 32 }; /* times --allow */

/* What to tell somebody whose --allow cannot be understood, with what they wrote. */
#define DESTINATIONS_MISUSE                                                                        \
	"--allow %s: a numeric address, or ADDR/PREFIX with no bit set behind it"

struct prefix {
	uint8_t address[PACKET_ADDRESS]; /* zero behind the prefix */
	unsigned bits;                   /* of IPv4 96 more than one writes */
};

struct destinations {
	struct prefix allowed[DESTINATIONS_MAX];
	size_t n;
};

/* False when text is no such thing, or has bits set behind its prefix. */
bool destinations_parse(const char *text, struct prefix *p);

/* Into real: what a socket of this host is to be connected to for to. False: the app
 * may not go there. */
bool destinations_find(const struct destinations *d, const uint8_t to[PACKET_ADDRESS],
                       uint8_t real[PACKET_ADDRESS]);

/* Can it be told to the app as a client's address? It is one that answers would come
 * back to by way of the link. */
bool destinations_is_client(const uint8_t address[PACKET_ADDRESS]);

#endif
