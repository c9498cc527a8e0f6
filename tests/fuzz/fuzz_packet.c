/* Where a packet goes: reads nothing behind its end, and what is let through is
 * as long as it says, between the two addresses. */
#include <stdlib.h>

#include "net/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t addresses[8] = { 10, 7, 0, 1, 10, 7, 0, 2 };
	enum packet_way way = packet_way(slice_of(data, size), addresses);

	if (way != PACKET_NOBODY && (size < 40 || (size_t)(data[2] << 8 | data[3]) != size ||
	                             memcmp(data + 12, addresses, sizeof addresses) != 0))
		abort();
	if (way == PACKET_STACK_SYN && (data[33] & 0x17) != 2)
		abort();
	return 0;
}
