#include "net/checksum.h"

#include <arpa/inet.h>

uint16_t checksum(uint32_t before, const uint8_t *p, size_t n)
{
	uint64_t s = before;
	uint32_t word;

	/* Any width will do: what is carried comes around (RFC 1071 §2). */
	for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
		memcpy(&word, p, sizeof word);
		s += ntohl(word);
	}
	for (size_t i = 0; i < n; i++)
		s += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (s > UINT16_MAX)
		s = (s & UINT16_MAX) + (s >> 16);
	return (uint16_t)s;
}

uint16_t checksum_pseudo(bool v6, uint8_t proto, const uint8_t from[PACKET_ADDRESS],
                         const uint8_t to[PACKET_ADDRESS], size_t n)
{
	size_t skip = v6 ? 0 : PACKET_V4, len = PACKET_ADDRESS - skip;

	return checksum(checksum(proto + (uint32_t)n, from + skip, len), to + skip, len);
}

void checksum_put(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

void checksum_set(uint8_t *at, uint16_t before, const uint8_t *p, size_t n)
{
	checksum_put(at, 0);
	checksum_put(at, (uint16_t)~checksum(before, p, n));
}
