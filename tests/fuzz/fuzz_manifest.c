/* The manifest's parser: what it accepts has one encoding, the input. */
#include <stdlib.h>

#include "appliance/base/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[MANIFEST_MAX];
	struct slice in = slice_of(data, size);
	struct wbuf w = wbuf_of(buf, sizeof buf);
	struct manifest m;

	if (manifest_parse(in, &m) != RC_OK)
		return 0;
	manifest_put(&w, &m);
	if (w.over || !slice_eq(wbuf_slice(&w), in))
		abort();
	return 0;
}
