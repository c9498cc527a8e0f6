/* An enclave's info file: what is taken from any bytes stays within its bounds,
 * is written and taken back as the same, and depends on one line at a time. */
#include <stdlib.h>

#include "tools/casemate/info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void same(const struct enclave *a, const struct enclave *b)
{
	must(strcmp(a->name, b->name) == 0 && strcmp(a->image, b->image) == 0);
	must(strcmp(a->id, b->id) == 0 && a->backend == b->backend && a->life == b->life);
	must(a->debug == b->debug && a->cpus == b->cpus && a->memory_mib == b->memory_mib);
	must(a->started_ms == b->started_ms && a->pid == b->pid && a->cid == b->cid);
}

static void check_fields(const struct enclave *e)
{
	must(strcmp(e->name, "kept") == 0);
	must(memchr(e->image, '\0', sizeof e->image) && memchr(e->id, '\0', sizeof e->id));
	must(e->backend == BACKEND_EMULATOR || e->backend == BACKEND_NITRO);
	must(e->life <= LIFE_DEAD && e->started_ms >= 0);
}

/* In memory of just that size. */
static void parse(const uint8_t *data, size_t size, struct enclave *e)
{
	uint8_t *copy = malloc(size ? size : 1);

	must(copy != NULL);
	memcpy(copy, data, size);
	info_parse(slice_of(copy, size), e);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct enclave e, again, lines;
	const uint8_t *at = data, *newline;
	char text[INFO_MAX];

	e = again = lines = (struct enclave){ .name = "kept" };
	parse(data, size, &e);
	check_fields(&e);
	must(info_put(text, &e));
	parse((uint8_t *)text, strlen(text), &again);
	same(&e, &again);
	while (at < data + size && (newline = memchr(at, '\n', (size_t)(data + size - at)))) {
		parse(at, (size_t)(newline + 1 - at), &lines);
		at = newline + 1;
	}
	same(&e, &lines);
	return 0;
}
