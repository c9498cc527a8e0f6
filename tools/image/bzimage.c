#include "tools/image/bzimage.h"

#include <stdio.h>

void bzimage_version(struct slice head, char version[BZIMAGE_VERSION_MAX])
{
	size_t at, n = 0;

	snprintf(version, BZIMAGE_VERSION_MAX, "unknown");
	if (head.len < 0x210 || memcmp(head.p + 0x202, "HdrS", 4) != 0)
		return;
	at = 0x200 + (size_t)head.p[0x20E] + ((size_t)head.p[0x20F] << 8);
	while (at + n < head.len && n < BZIMAGE_VERSION_MAX && head.p[at + n] > ' ' &&
	       head.p[at + n] < 0x7f)
		n++;
	if (n > 0 && n < BZIMAGE_VERSION_MAX && at + n < head.len)
		snprintf(version, BZIMAGE_VERSION_MAX, "%.*s", (int)n, (const char *)head.p + at);
}
