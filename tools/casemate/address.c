#include "tools/casemate/address.h"

#include <netinet/in.h>

void address_put(struct address *a, const uint8_t address[PACKET_ADDRESS], uint16_t port)
{
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)&a->at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&a->at;

	memset(a, 0, sizeof *a);
	if (!packet_is_v4(address)) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		memcpy(&six->sin6_addr, address, PACKET_ADDRESS);
		a->len = sizeof *six;
	} else {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		memcpy(&four->sin_addr, address + PACKET_V4, 4);
		a->len = sizeof *four;
	}
}

uint16_t address_get(const struct address *a, uint8_t address[PACKET_ADDRESS])
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&a->at;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&a->at;

	if (a->at.ss_family == AF_INET6) {
		memcpy(address, &six->sin6_addr, PACKET_ADDRESS);
		return ntohs(six->sin6_port);
	}
	packet_v4(address, (const uint8_t *)&four->sin_addr);
	return ntohs(four->sin_port);
}
