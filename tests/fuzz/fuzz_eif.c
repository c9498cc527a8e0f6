/* The EIF reader over any bytes, as they come and with their CRC made right. */
#include <stdlib.h>

#include "tools/image/eif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The sections of an accepted file are its bytes from header to end, in order
 * and without gaps. */
static void check_tiling(const struct eif *e, struct slice in)
{
	const uint8_t *at = in.p + EIF_HEADER_LEN;
	struct slice part[EIF_SECTIONS_MAX] = { e->kernel, e->cmdline, e->metadata };
	size_t n = 3;

	must(e->ramdisks >= 1 && e->ramdisks <= 29);
	for (size_t i = 0; i < e->ramdisks; i++)
		part[n++] = e->ramdisk[i];
	if (e->is_signed)
		part[n++] = e->signature;
	for (size_t i = 0; i < n; i++) {
		must(part[i].p == at + EIF_SECTION_HEADER_LEN);
		at = part[i].p + part[i].len;
	}
	must(at == in.p + in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct slice in = slice_of(copy, size);
	struct eif e;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (eif_parse(in, &e) == EIF_OK)
		check_tiling(&e, in);
	if (size >= EIF_HEADER_LEN) {
		uint32_t crc = eif_crc(in);

		for (int i = 0; i < 4; i++)
			copy[EIF_CRC_OFFSET + i] = (uint8_t)(crc >> (24 - 8 * i));
		if (eif_parse(in, &e) == EIF_OK)
			check_tiling(&e, in);
	}
	free(copy);
	return 0;
}
