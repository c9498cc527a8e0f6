/* An image's metadata, which anybody can change: what is refused has a reason,
 * what is accepted can be printed, and the print moves no terminal. */
#include <stdlib.h>

#include "tools/image/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* ASCII of which a terminal obeys only the newline. */
static void check_text(const char *text)
{
	for (; *text != '\0'; text++)
		must(*text == '\n' || (*text >= ' ' && *text <= 0x7f));
}

static void check_print(struct json_t *root)
{
	static const struct pcrs pcrs;
	struct report r = { &pcrs, NULL, root };
	char *text = metadata_print_describe(&r);

	must(text != NULL);
	check_text(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[METADATA_WHY_MAX] = "";
	struct json_t *root;

	if (metadata_load(slice_of(data, size), &root, why) == RC_OK) {
		check_print(root);
		metadata_free(&root);
	} else {
		must(why[0] != '\0' && memchr(why, '\0', sizeof why) != NULL);
		check_text(why);
	}
	must(root == NULL);
	return 0;
}
