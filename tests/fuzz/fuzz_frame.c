/* Frames: any bytes, as a stream of heads and payloads. What a head says is
 * within its type's limit, and is what we would have written. */
#include <stdint.h>
#include <stdlib.h>

#include "channel/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t limit(enum frame_type type)
{
	if (frame_is_data(type))
		return FRAME_DATA_MAX;
	return type == FRAME_REQUEST ? FRAME_REQUEST_MAX : FRAME_CONTROL_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), head, payload;
	uint8_t again[FRAME_HEAD];
	struct frame f;
	enum rc rc;

	while ((rc = frame_head(in, &f)) == RC_OK) {
		if (f.len > limit(f.type) ||
		    (frame_is_data(f.type) && f.type != FRAME_STDIN && f.len == 0))
			abort();
		if (!slice_take(&in, FRAME_HEAD, &head))
			abort();
		frame_put_head(again, f.type, f.len);
		if (!slice_eq(head, slice_of(again, sizeof again)))
			abort();
		if (!slice_take(&in, f.len, &payload))
			return 0;
	}
	if (rc != RC_MORE && rc != RC_BAD && rc != RC_LIMIT)
		abort();
	if (rc == RC_MORE && in.len >= FRAME_HEAD)
		abort();
	return 0;
}
