#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/image/fail.h"
#include "tools/image/manifest_json.h"
#include "tools/image/verbs.h"

static const char help[] =
	"usage: casemate-image manifest check FILE\n"
	"\n"
	"Checks a manifest (tools/image/MANIFEST.md) and prints what it means, as JSON with\n"
	"all defaults but those that are the container image's. What is printed is again a\n"
	"manifest. Whether the image has the users that it names, `build` says.\n"
	"\n"
	"examples:\n"
	"  casemate-image manifest check app.yaml\n"
	"  casemate-image manifest check app.yaml | jq '.services.web.memory'\n";

static enum rc print(const struct plan *p)
{
	char *text = manifest_json(p);
	enum rc rc = RC_OK;

	if (text == NULL)
		return fail(RC_LIMIT, "memory is out");
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		rc = fail_errno("standard output");
	free(text);
	return rc;
}

int verb_manifest_check(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, "h", longs, NULL);
	struct plan *p;
	enum rc rc;

	if (c == 'h')
		return fputs(help, stdout) < 0;
	if (c != -1 || argc - optind != 1) {
		fputs("usage: casemate-image manifest check FILE\n", stderr);
		return EXIT_USAGE;
	}
	p = plan_new();
	rc = p == NULL ? RC_LIMIT : plan_read(p, argv[optind]);
	if (rc == RC_OK)
		rc = print(p);
	if (p != NULL)
		notes_print(&p->notes);
	plan_free(p);
	return rc != RC_OK;
}
