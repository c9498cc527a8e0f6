/* The tool's verbs and how their options are read. One file a verb; the table
 * is in main.c.
 */
#ifndef TOOL_VERB_H
#define TOOL_VERB_H

#include <getopt.h>

enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1, /* it was tried and did not work */
	STATUS_USAGE = 2,  /* the command line makes no sense */
};

struct verb {
	const char *name;
	const char *summary; /* one line of `casemate help` */
	const char *usage;   /* behind "usage: casemate NAME " */
	const char *help;    /* options and examples, lines */
	int usage_status;    /* STATUS_USAGE, but for exec */
	int (*run)(int argc, char **argv);
};

extern const struct verb verb_run, verb_ps, verb_stop, verb_console, verb_push, verb_pull,
	verb_exec, verb_ctl, verb_logs, verb_top, verb_events, verb_gateway, verb_attest,
	verb_verify;

/* The next option as getopt_long() gives it, -1 at their end. --help is
 * served here, and so is what cannot be understood: both end the process. */
int verb_option(const struct verb *v, int argc, char **argv, const char *shorts,
                const struct option *longs);

/* Says why and where help is, and ends the process. */
_Noreturn __attribute__((format(printf, 2, 3))) void verb_misuse(const struct verb *v,
                                                                 const char *fmt, ...);

void verb_print_help(const struct verb *v);

/* The status to exit with: what was printed must have arrived, or a verb that
 * worked has failed after all. Says so. */
int verb_end(int status);

#endif
