/* Parts of datagrams, in any order: an input is packets, each behind two bytes of its
 * length. Whatever comes, what is given back is a packet or as long as it came. */
#include <stdlib.h>

#include "net/link.h"
#include "tools/casemate/fragments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice left = slice_of(data, size), head, ip;
	uint8_t *payload = malloc(LINK_PAYLOAD_MAX); /* its end is watched */
	size_t n;

	if (payload == NULL)
		abort();
	while (slice_take(&left, 2, &head)) {
		n = (size_t)(head.p[0] << 8 | head.p[1]);
		if (!slice_take(&left, n < left.len ? n : left.len, &ip))
			abort();
		memset(payload, 0x55, LINK_VNET);
		memcpy(payload + LINK_VNET, ip.p, ip.len);
		n = fragments_join(payload, LINK_VNET + ip.len);
		if (n > LINK_PAYLOAD_MAX || (n > 0 && n < LINK_VNET) ||
		    (n > LINK_VNET + ip.len && (payload[LINK_VNET] >> 4 != 4) &&
		     (payload[LINK_VNET] >> 4 != 6)))
			abort();
	}
	free(payload);
	return 0;
}
