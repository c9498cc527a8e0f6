/* What is read of an archive that should be one of ours. */
#include <stdlib.h>

#include "tools/image/cpio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "manifest", "root.erofs", "" };
	struct slice found;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (cpio_find(slice_of(data, size), names[i], &found) &&
		    (found.p < data || found.len > (size_t)(data + size - found.p)))
			abort();
	return 0;
}
