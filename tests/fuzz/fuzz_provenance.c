/* A statement: what is accepted can be written, and read again, the same. */
#include <stdlib.h>

#include "tools/image/provenance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct provenance *p)
{
	char why[METADATA_WHY_MAX], *text = provenance_print(p, why), *again;
	struct provenance q;
	const char *differs;

	if (text == NULL) /* longer than it came, by indentation and escapes */
		return;
	must(provenance_load(slice_str(text), &q, why) == RC_OK);
	must(provenance_compare(p, &q, &differs) == RC_OK);
	again = provenance_print(&q, why);
	must(again != NULL && strcmp(text, again) == 0);
	provenance_free(&q);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[METADATA_WHY_MAX] = "";
	struct provenance p;

	if (provenance_load(slice_of(data, size), &p, why) == RC_OK)
		check(&p);
	else
		must(why[0] != '\0');
	provenance_free(&p);
	return 0;
}
