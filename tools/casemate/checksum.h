/* The internet checksum (RFC 1071), where packets leave or enter the hands of those
 * that do not compute it: the link has none (net/link.h). Pure.
 */
#ifndef TOOL_CHECKSUM_H
#define TOOL_CHECKSUM_H

#include <stdbool.h>

#include "net/packet.h"

/* Is the checksum of TCP's or UDP's as it should be? Of UDP over IPv4, none is good. */
bool checksum_good(const struct packet *p);

/* Makes that of an IPv4 header right, of head bytes. */
void checksum_head(uint8_t *ip, size_t head);

#endif
