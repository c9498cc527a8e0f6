/* A service's message to its notify socket. */
#include <stdint.h>
#include <stdlib.h>

#include "appliance/notify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notify n = notify_of(slice_of(data, size));

	if (n.status.p && (n.status.p < data + 7 || n.status.len > size ||
	                   (size_t)(n.status.p - data) > size - n.status.len ||
	                   memchr(n.status.p, '\n', n.status.len)))
		abort();
	return 0;
}
