#include "appliance/notify.h"

struct notify notify_of(struct slice in)
{
	struct notify n = { 0 };

	while (in.len > 0) {
		const uint8_t *end = memchr(in.p, '\n', in.len);
		struct slice line = slice_of(in.p, end ? (size_t)(end - in.p) : in.len);
		size_t whole = line.len + (end != NULL);

		in = slice_of(in.p + whole, in.len - whole);
		n.ready = n.ready || slice_is(line, "READY=1");
		n.busy = n.busy || slice_is(line, "RELOADING=1");
		if (line.len >= 7 && memcmp(line.p, "STATUS=", 7) == 0)
			n.status = slice_of(line.p + 7, line.len - 7);
	}
	return n;
}
