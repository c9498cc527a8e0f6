#include "tools/casemate/info.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/casemate/text.h"

enum { MS_DIGITS = 18 }; /* of a time; 19 might not fit into an int64_t */

bool info_put(char out[INFO_MAX], const struct enclave *e)
{
	int n = snprintf(out, INFO_MAX,
	                 "image %s\nbackend %s\nlife %s\ndebug %d\ncpus %" PRIu32
	                 "\nmemory %" PRIu32 "\nstarted %" PRId64 "\npid %" PRIu32 "\ncid %" PRIu32
	                 "\ngateway %" PRIu32 "\nid %s\nports %s\nnetwork %s\n",
	                 e->image, state_backend_name(e->backend), state_life_name(e->life),
	                 e->debug, e->cpus, e->memory_mib, e->started_ms, e->pid, e->cid,
	                 e->gateway, e->id, e->ports, e->network);

	return n > 0 && n < INFO_MAX && strchr(e->image, '\n') == NULL &&
	       strchr(e->id, '\n') == NULL && strchr(e->ports, '\n') == NULL &&
	       strchr(e->network, '\n') == NULL;
}

static void take_text(char *out, size_t max, const char *value)
{
	if (strlen(value) < max)
		memcpy(out, value, strlen(value) + 1);
}

static void take_backend(enum backend *b, const char *value)
{
	if (strcmp(value, state_backend_name(BACKEND_NITRO)) == 0)
		*b = BACKEND_NITRO;
	else if (strcmp(value, state_backend_name(BACKEND_EMULATOR)) == 0)
		*b = BACKEND_EMULATOR;
}

static void take_life(enum life *l, const char *value)
{
	for (enum life i = LIFE_BOOTING; i <= LIFE_DEAD; i++)
		if (strcmp(value, state_life_name(i)) == 0)
			*l = i;
}

static void take_ms(int64_t *ms, const char *value)
{
	size_t n = strspn(value, "0123456789");

	if (n > 0 && n <= MS_DIGITS && value[n] == '\0')
		*ms = strtoll(value, NULL, 10);
}

static void take_flag(bool *flag, const char *value)
{
	uint32_t v;

	if (text_number(value, 0, 1, &v))
		*flag = v == 1;
}

static void take_field(struct enclave *e, struct slice key, const char *value)
{
	if (slice_is(key, "image"))
		take_text(e->image, sizeof e->image, value);
	else if (slice_is(key, "id"))
		take_text(e->id, sizeof e->id, value);
	else if (slice_is(key, "ports"))
		take_text(e->ports, sizeof e->ports, value);
	else if (slice_is(key, "network"))
		take_text(e->network, sizeof e->network, value);
	else if (slice_is(key, "backend"))
		take_backend(&e->backend, value);
	else if (slice_is(key, "life"))
		take_life(&e->life, value);
	else if (slice_is(key, "debug"))
		take_flag(&e->debug, value);
	else if (slice_is(key, "started"))
		take_ms(&e->started_ms, value);
	else if (slice_is(key, "cpus"))
		text_number(value, 0, UINT32_MAX, &e->cpus);
	else if (slice_is(key, "memory"))
		text_number(value, 0, UINT32_MAX, &e->memory_mib);
	else if (slice_is(key, "pid"))
		text_number(value, 0, UINT32_MAX, &e->pid);
	else if (slice_is(key, "cid"))
		text_number(value, 0, UINT32_MAX, &e->cid);
	else if (slice_is(key, "gateway"))
		text_number(value, 0, UINT32_MAX, &e->gateway);
}

static void take_line(struct enclave *e, struct slice line)
{
	const uint8_t *space = line.len > 0 ? memchr(line.p, ' ', line.len) : NULL;
	char value[PATH_MAX];
	struct slice key;
	size_t len;

	if (space == NULL || memchr(line.p, '\0', line.len) != NULL)
		return;
	key = slice_of(line.p, (size_t)(space - line.p));
	len = line.len - key.len - 1;
	if (len >= sizeof value)
		return;
	memcpy(value, space + 1, len);
	value[len] = '\0';
	take_field(e, key, value);
}

void info_parse(struct slice text, struct enclave *e)
{
	struct slice line;

	while (slice_cut(&text, '\n', &line))
		take_line(e, line);
}
