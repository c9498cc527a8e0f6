/* attest/claims.h and attest/touch.h: deterministic, so that what was parsed and
 * is written again is the input. */
#include <stdlib.h>

#include "attest/touch.h"
#include "tests/unit/claims_any.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct wbuf *w, const uint8_t *data, size_t size)
{
	if (w->over || !slice_eq(wbuf_slice(w), slice_of(data, size)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t buf[CLAIMS_MAX];
	struct wbuf w = wbuf_of(buf, sizeof buf);
	struct touch_record r;
	struct claims c;

	if (claims_parse(slice_of(data, size), &c) == RC_OK) {
		claims_any(&w, &c);
		same(&w, data, size);
	}
	w = wbuf_of(buf, TOUCH_RECORD_MAX);
	if (touch_parse(slice_of(data, size), &r) == RC_OK) {
		touch_put(&w, &r);
		same(&w, data, size);
	}
	return 0;
}
