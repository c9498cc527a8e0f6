/* casemate, the host tool: the table of verbs. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "appliance/base/version.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

static const struct verb *const verbs[] = {
	&verb_run, &verb_ps,   &verb_stop, &verb_console, &verb_push,    &verb_pull,   &verb_exec,
	&verb_ctl, &verb_logs, &verb_top,  &verb_events,  &verb_gateway, &verb_attest, &verb_verify,
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	return NULL;
}

static void print_help(FILE *f)
{
	fprintf(f, "usage: casemate VERB [options] …        (casemate VERB --help says more)\n"
	           "       casemate --version\n\n");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(f, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
	fprintf(f,
	        "\n"
	        "TARGET is a NAME of `casemate run` (or `casemate ps`), vsock:CID, or unix:PATH,\n"
	        "the hybrid vsock socket of vhost-device-vsock, Firecracker or Cloud Hypervisor.\n"
	        "\n"
	        "Exit status: 0 done, 1 failed, 2 wrong use; ctl status: 3 when not every service\n"
	        "is ready or done. attest and verify: 0 accepted, 1 refused, 2 not judged. exec\n"
	        "has the command's own, 128+n when signal n ended it, 127 not found, 126 not\n"
	        "executable, and 125 for whatever else failed, wrong use included.\n");
}

static int help(int argc, char **argv)
{
	const struct verb *v = argc > 2 ? find(argv[2]) : NULL;

	if (argc > 2 && v == NULL) {
		say("there is no verb %s; casemate help lists them", argv[2]);
		return STATUS_USAGE;
	}
	if (v != NULL)
		verb_print_help(v);
	else
		print_help(stdout);
	return verb_end(STATUS_OK);
}

int main(int argc, char **argv)
{
	const struct verb *v;

	signal(SIGPIPE, SIG_IGN); /* a write says EPIPE instead */
	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return help(argc, argv);
	if (strcmp(argv[1], "--version") == 0) {
		printf("casemate %s\n", CASEMATE_VERSION);
		return verb_end(STATUS_OK);
	}
	v = find(argv[1]);
	if (v == NULL) {
		say("there is no verb %s; casemate help lists them", argv[1]);
		return STATUS_USAGE;
	}
	say_verb(v->name);
	return verb_end(v->run(argc - 1, argv + 1));
}
