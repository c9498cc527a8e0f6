/* The frames of a link: takes all of the input, never more than there is, and
 * a frame put together again is the same bytes. */
#include <stdlib.h>

#include "net/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), packet;
	uint8_t head[LINK_HEAD];
	enum link_kind kind;
	enum rc rc;

	for (;;) {
		struct slice before = in;

		rc = link_next(&in, &kind, &packet);
		if (rc != RC_OK) {
			if (in.p != before.p || in.len != before.len ||
			    (rc != RC_MORE && rc != RC_BAD))
				abort();
			return 0;
		}
		link_head(head, kind, packet.len);
		if (packet.len == 0 || packet.len > (kind == LINK_HELLO ? 1 : LINK_PAYLOAD_MAX) ||
		    before.len - in.len != packet.len + LINK_HEAD ||
		    packet.p != before.p + LINK_HEAD || memcmp(head, before.p, LINK_HEAD) != 0)
			abort();
	}
}
