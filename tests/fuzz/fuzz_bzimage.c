/* The version in a kernel's beginning: any bytes, as they come and with the
 * mark of a kernel in its place. What is given is in there, whole. */
#include <stdlib.h>

#include "tools/image/bzimage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The version that is there by the header's word: a run of graphic bytes that
 * ends within head; empty when there is none. */
static struct slice expected(struct slice head)
{
	const struct slice none = { NULL, 0 };
	size_t at, end;

	if (head.len < 0x210 || !slice_is(slice_of(head.p + 0x202, 4), "HdrS"))
		return none;
	at = end = 0x200u + head.p[0x20E] + 256u * head.p[0x20F];
	for (; end < head.len; end++)
		if (head.p[end] <= 0x20 || head.p[end] >= 0x7f)
			return end - at < BZIMAGE_VERSION_MAX ? slice_of(head.p + at, end - at)
			                                      : none;
	return none;
}

static void check(struct slice head)
{
	char version[BZIMAGE_VERSION_MAX];
	struct slice want = expected(head);

	memset(version, 'x', sizeof version);
	bzimage_version(head, version);
	must(memchr(version, '\0', sizeof version) != NULL);
	must(want.len > 0 ? slice_is(want, version) : strcmp(version, "unknown") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	must(copy != NULL);
	memcpy(copy, data, size);
	check(slice_of(copy, size));
	if (size >= 0x206) {
		memcpy(copy + 0x202, "HdrS", 4);
		check(slice_of(copy, size));
	}
	free(copy);
	return 0;
}
