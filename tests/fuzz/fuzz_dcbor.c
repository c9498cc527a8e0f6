/* Deterministic CBOR: whatever sequence of items is read without an error is
 * written back as the same bytes; and each reader over each item. */
#include <stdlib.h>

#include "appliance/base/dcbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Reads the next item with the reader its first byte asks for. */
static void copy_item(struct dcbor *d, struct wbuf *w)
{
	uint8_t first = d->in.p[0];

	switch (first >> 5) {
	case 0: dcbor_put_uint(w, dcbor_uint(d, UINT64_MAX)); break;
	case 1: dcbor_put_int(w, dcbor_int(d)); break;
	case 2: dcbor_put_bytes(w, dcbor_bytes(d, SIZE_MAX)); break;
	case 3: dcbor_put_text(w, dcbor_text(d, SIZE_MAX)); break;
	case 4: dcbor_put_array(w, dcbor_array(d, SIZE_MAX)); break;
	case 5: dcbor_put_map(w, dcbor_map(d, SIZE_MAX)); break;
	default: dcbor_put_bool(w, dcbor_bool(d)); break;
	}
}

static void round_trip(struct slice in)
{
	uint8_t *out = malloc(in.len + 16);
	struct wbuf w = wbuf_of(out, in.len + 16);
	struct dcbor d = dcbor_of(in);
	size_t good = 0;

	if (out == NULL)
		return;
	while (d.rc == RC_OK && d.in.len > 0) {
		must(w.len == in.len - d.in.len);
		good = w.len;
		copy_item(&d, &w);
	}
	if (d.rc == RC_OK)
		good = w.len;
	must(memcmp(out, in.p, good) == 0);
	must(d.rc != RC_OK || (good == in.len && dcbor_end(&d) == RC_OK));
	free(out);
}

/* Readers chosen by the input's first bytes, limits small. */
static void mixed(const uint8_t *data, size_t size)
{
	size_t ops = size < 8 ? size : 8;
	struct dcbor d = dcbor_of(slice_of(data + ops, size - ops));

	for (size_t i = 0; i < ops; i++)
		switch (data[i] % 10) {
		case 0: must(dcbor_uint(&d, 1000) <= 1000); break;
		case 1: dcbor_int(&d); break;
		case 2: dcbor_bool(&d); break;
		case 3: must(dcbor_bytes(&d, 10).len <= 10); break;
		case 4: must(dcbor_text(&d, 10).len <= 10); break;
		case 5: must(dcbor_array(&d, 10) <= 10); break;
		case 6: must(dcbor_map(&d, 10) <= 10); break;
		case 7: dcbor_record(&d); break;
		case 8: dcbor_has(&d, i); break;
		case 9: dcbor_need(&d, i); break;
		}
	must(d.in.len <= size - ops);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		round_trip(slice_of(data, size));
	mixed(data, size);
	return 0;
}
