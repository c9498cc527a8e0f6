#include "tools/casemate/verb.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/casemate/text.h"

void verb_print_help(const struct verb *v)
{
	printf("usage: casemate %s %s\n\n%s", v->name, v->usage, v->help);
}

int verb_end(int status)
{
	if (status != STATUS_OK || (fflush(stdout) == 0 && !ferror(stdout)))
		return status;
	say("cannot write to standard output: %m");
	return STATUS_FAILED;
}

void verb_misuse(const struct verb *v, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	say("%s; see casemate %s --help", why, v->name);
	exit(v->usage_status);
}

int verb_option(const struct verb *v, int argc, char **argv, const char *shorts,
                const struct option *longs)
{
	const char *last;
	int c;

	opterr = 0;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	last = argv[optind > 0 ? optind - 1 : 0];
	if (c == 'h') {
		verb_print_help(v);
		exit(verb_end(STATUS_OK));
	}
	if (c == ':')
		verb_misuse(v, "option %s needs a value", last);
	if (c == '?' && optopt == 0)
		verb_misuse(v, "unknown option %s", last);
	if (c == '?' && strncmp(last, "--", 2) == 0 && strchr(last, '=') != NULL)
		verb_misuse(v, "option %s takes no value", last);
	if (c == '?')
		verb_misuse(v, "unknown option -%c", optopt);
	return c;
}
