/* The host tool's cleaner: what it lets through moves no terminal, and is let
 * through again as it is. */
#include <stdlib.h>
#include <string.h>

#include "tools/casemate/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void clean(const uint8_t *data, size_t size, size_t max, bool lines)
{
	char *out = malloc(max), *again = malloc(max);
	size_t n;

	if (out == NULL || again == NULL)
		abort();
	n = text_clean(out, max, (const char *)data, size, lines);
	if (n >= max || out[n] != '\0')
		abort();
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)out[i];

		if (c == 0x7f || (c < 0x20 && !(lines && (c == '\n' || c == '\t'))))
			abort();
		if (c == 0xc2 && (unsigned char)out[i + 1] < 0xa0)
			abort(); /* C1 */
	}
	if (text_clean(again, max, out, n, lines) != n || memcmp(out, again, n) != 0)
		abort();
	free(out);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max = size > 0 ? data[0] + 1u : 1;

	clean(data, size, size + 1, true);
	clean(data, size, size + 1, false);
	clean(data, size, max, false);
	return 0;
}
