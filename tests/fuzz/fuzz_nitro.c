/* The scanner of nitro-cli's output: it ends, and stays within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "tools/casemate/nitro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "EnclaveID", "EnclaveCID", "ProcessID" };

	for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
		size_t at = 0, before = 0;
		char out[16];

		while (nitro_field(slice_of(data, size), &at, keys[k], out, sizeof out)) {
			if (at <= before || at > size || strlen(out) >= sizeof out)
				abort();
			before = at;
		}
	}
	return 0;
}
