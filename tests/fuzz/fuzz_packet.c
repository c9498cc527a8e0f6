/* An IP packet: reads nothing behind its end; what is taken is as long as it says,
 * and its headers are whole. */
#include <stdlib.h>

#include "net/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t to[PACKET_ADDRESS] = { [10] = 0xff, [11] = 0xff, 10, 7, 0, 2 };
	struct packet p;
	enum packet_way way;

	if (packet_parse(slice_of(data, size), &p) != RC_OK)
		return 0;
	if (p.ip.len != size || p.head != (p.v6 ? 40u : 20u) || p.body < p.head || p.body > size ||
	    p.v6 != (memcmp(p.from, to, PACKET_V4) != 0))
		abort();
	way = packet_way(&p, to);
	if (way != PACKET_NOBODY && (p.v6 || memcmp(data + 16, to + PACKET_V4, 4) != 0))
		abort();
	if (way == PACKET_STACK_SYN && (data[33] & 0x17) != 2)
		abort();
	return 0;
}
