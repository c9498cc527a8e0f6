#include "tools/casemate/checksum.h"

#include <netinet/in.h>
#include <netinet/ip.h>

enum { UDP_SUM = 6 };

static uint64_t sum(struct slice s, uint64_t so_far)
{
	for (; s.len > 1; s.p += 2, s.len -= 2)
		so_far += (uint64_t)s.p[0] << 8 | s.p[1];
	return s.len > 0 ? so_far + ((uint64_t)s.p[0] << 8) : so_far;
}

static uint16_t fold(uint64_t s)
{
	while (s > UINT16_MAX)
		s = (s & UINT16_MAX) + (s >> 16);
	return (uint16_t)s;
}

bool checksum_good(const struct packet *p)
{
	size_t skip = p->v6 ? 0 : PACKET_V4, len = p->ip.len - p->head;
	const uint8_t *at = p->ip.p + p->head;
	uint64_t s = p->proto + (uint64_t)len;

	if (p->proto == IPPROTO_UDP && at[UDP_SUM] == 0 && at[UDP_SUM + 1] == 0)
		return !p->v6;
	s = sum(slice_of(p->from + skip, PACKET_ADDRESS - skip), s);
	s = sum(slice_of(p->to + skip, PACKET_ADDRESS - skip), s);
	return fold(sum(slice_of(at, len), s)) == UINT16_MAX;
}

void checksum_head(uint8_t *ip, size_t head)
{
	uint8_t *at = ip + offsetof(struct iphdr, check);
	uint16_t s;

	at[0] = at[1] = 0;
	s = (uint16_t)~fold(sum(slice_of(ip, head), 0));
	at[0] = (uint8_t)(s >> 8);
	at[1] = (uint8_t)s;
}
