/* casemate ps: which enclaves run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "appliance/base/io.h"
#include "tools/casemate/nitro.h"
#include "tools/casemate/state.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum { OPT_JSON = 256 };

enum form { FORM_TABLE, FORM_JSON, FORM_NAMES };

static const char row[] = "%-20s %-20s %-8s %4s %7s %-8s %-10s %-22s %s\n";

static void address(const struct enclave *e, char out[STATE_PATH_MAX])
{
	char path[STATE_PATH_MAX];

	if (e->backend == BACKEND_NITRO) {
		snprintf(out, STATE_PATH_MAX, "vsock:%" PRIu32, e->cid);
		return;
	}
	state_path(path, e->name, STATE_VM_SOCKET);
	snprintf(out, STATE_PATH_MAX, "unix:%.*s", STATE_PATH_MAX - 6, path);
}

static int64_t uptime_s(const struct enclave *e)
{
	return e->life == LIFE_DEAD ? 0 : (clock_boot_ms() - e->started_ms) / 1000;
}

static void print_row(const struct enclave *e)
{
	char where[STATE_PATH_MAX], up[TEXT_NUMBER_MAX], image[256], cpus[16], memory[24];
	const char *base = strrchr(e->image, '/');

	address(e, where);
	text_duration(up, uptime_s(e));
	base = base == NULL ? e->image : base + 1;
	text_clean(image, sizeof image, base, strlen(base), false);
	snprintf(cpus, sizeof cpus, "%" PRIu32, e->cpus);
	snprintf(memory, sizeof memory, "%" PRIu32 "M", e->memory_mib);
	printf(row, e->name, image, state_backend_name(e->backend), cpus, memory,
	       state_life_name(e->life), up, e->ports[0] == '\0' ? "-" : e->ports, where);
}

static void print_string(const char *key, const char *value)
{
	char clean[PATH_MAX + 1];

	text_clean(clean, sizeof clean, value, strlen(value), false);
	printf("\"%s\":\"", key);
	for (const char *p = clean; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			putchar('\\');
		putchar(*p);
	}
	printf("\",");
}

static void print_json(const struct enclave *e, bool first)
{
	char where[STATE_PATH_MAX];

	address(e, where);
	printf("%s\n {", first ? "" : ",");
	print_string("name", e->name);
	print_string("image", e->image);
	print_string("backend", state_backend_name(e->backend));
	print_string("target", where);
	print_string("state", state_life_name(e->life));
	print_string("ports", e->ports);
	if (e->backend == BACKEND_NITRO)
		print_string("enclave_id", e->id);
	printf("\"cpus\":%" PRIu32 ",\"memory_mib\":%" PRIu32 ",\"debug\":%s,\"pid\":%" PRIu32
	       ",\"uptime_s\":%" PRId64 "}",
	       e->cpus, e->memory_mib, e->debug ? "true" : "false", e->pid, uptime_s(e));
}

static void print_all(enum form form)
{
	static char names[STATE_ENCLAVES_MAX][STATE_NAME_MAX];
	size_t n = state_names(names, STATE_ENCLAVES_MAX);
	bool first = true;

	if (form == FORM_TABLE)
		printf(row, "NAME", "IMAGE", "BACKEND", "CPUS", "MEMORY", "STATE", "UPTIME",
		       "PORTS", "CID/SOCKET");
	if (form == FORM_JSON)
		putchar('[');
	for (size_t i = 0; i < n; i++) {
		struct enclave e;

		if (!state_load(names[i], &e))
			continue; /* it has just ended */
		if (e.backend == BACKEND_NITRO && e.id[0] != '\0' && !nitro_alive(&e))
			e.life = LIFE_DEAD;
		if (form == FORM_TABLE)
			print_row(&e);
		else if (form == FORM_JSON)
			print_json(&e, first);
		else
			printf("%s\n", e.name);
		first = false;
	}
	if (form == FORM_JSON)
		printf("%s]\n", first ? "" : "\n");
}

static int ps_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum form form = FORM_TABLE;
	int c;

	while ((c = verb_option(&verb_ps, argc, argv, ":hq", longs)) != -1)
		form = c == 'q' ? FORM_NAMES : FORM_JSON;
	if (optind != argc)
		verb_misuse(&verb_ps, "takes no %s", argv[optind]);
	print_all(form);
	return STATUS_OK;
}

static const char help_text[] =
	"Lists the enclaves of `casemate run`. One whose process was killed is shown as\n"
	"dead until it is stopped or its name is used again.\n"
	"\n"
	"  --json         an array of objects: name, image, backend, target, state,\n"
	"                 ports, enclave_id (nitro), cpus, memory_mib, debug, pid, uptime_s\n"
	"  -q, --quiet    names only\n"
	"\n"
	"examples:\n"
	"  casemate ps\n"
	"  casemate stop $(casemate ps -q)\n";

const struct verb verb_ps = {
	.name = "ps",
	.summary = "list the enclaves that run",
	.usage = "[--json | -q]",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = ps_main,
};
