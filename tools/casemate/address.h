/* Addresses as sockets have them and as net/policy.h does. */
#ifndef TOOL_ADDRESS_H
#define TOOL_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "net/packet.h"

struct address {
	struct sockaddr_storage at;
	socklen_t len;
};

void address_put(struct address *a, const uint8_t address[PACKET_ADDRESS], uint16_t port);
/* Of AF_INET or AF_INET6; the port. */
uint16_t address_get(const struct address *a, uint8_t address[PACKET_ADDRESS]);

#endif
