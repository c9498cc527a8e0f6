/* The host's half: the enclave neither believes nor completes one of TCP or UDP. */
#include <netinet/in.h>

#include "net/checksum.h"

enum { UDP_SUM = 6 };

/* Of all that TCP's and UDP's cover, themselves included. */
static uint16_t sum_of(const struct packet *p)
{
	size_t n = p->ip.len - p->head;

	return checksum(checksum_pseudo(p->v6, p->proto, p->from, p->to, n), p->ip.p + p->head, n);
}

bool checksum_good(const struct packet *p)
{
	const uint8_t *at = p->ip.p + p->head;

	if (p->proto == IPPROTO_UDP && at[UDP_SUM] == 0 && at[UDP_SUM + 1] == 0)
		return !p->v6;
	return sum_of(p) == UINT16_MAX;
}

void checksum_udp(const struct packet *p, uint8_t *ip)
{
	uint8_t *at = ip + p->head + UDP_SUM;
	uint16_t s;

	checksum_put(at, 0);
	s = (uint16_t)~sum_of(p);
	checksum_put(at, s == 0 ? UINT16_MAX : s); /* 0 would say that there is none */
}
