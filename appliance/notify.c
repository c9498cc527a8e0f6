#include "appliance/notify.h"

struct notify notify_of(struct slice in)
{
	struct notify n = { 0 };
	struct slice line;

	while (in.len > 0) {
		(void)slice_cut(&in, '\n', &line);
		n.ready = n.ready || slice_is(line, "READY=1");
		n.busy = n.busy || slice_is(line, "RELOADING=1");
		if (line.len >= 7 && memcmp(line.p, "STATUS=", 7) == 0)
			n.status = slice_of(line.p + 7, line.len - 7);
	}
	return n;
}
