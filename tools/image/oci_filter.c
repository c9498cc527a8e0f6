#include "tools/image/oci_filter.h"

#include <archive.h>

int oci_filter_of(struct slice head)
{
	static const struct {
		int filter;
		const char *magic;
	} known[] = {
		{ ARCHIVE_FILTER_GZIP, "\x1f\x8b" },
		{ ARCHIVE_FILTER_ZSTD, "\x28\xb5\x2f\xfd" },
		{ ARCHIVE_FILTER_XZ, "\xfd"
		                     "7zXZ" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t n = strlen(known[i].magic);

		if (head.len >= n && memcmp(head.p, known[i].magic, n) == 0)
			return known[i].filter;
	}
	return ARCHIVE_FILTER_NONE;
}

bool oci_filter_set(struct archive *a, int filter)
{
	return filter == ARCHIVE_FILTER_NONE || archive_read_append_filter(a, filter) == ARCHIVE_OK;
}
