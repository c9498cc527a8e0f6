/* casemate exec: a command in an enclave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/attach.h"
#include "channel/message.h"
#include "tools/casemate/target.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum { WHO_MAX = TARGET_MAX + 32 };

struct exec {
	struct attach a;
	char *env[REQUEST_ENV_MAX + 1];
	size_t envc;
	bool has_term;
};

/* As with docker, a bare K passes on this process's K, and nothing when it has
 * none. */
static void add_env(struct exec *x, char *arg)
{
	const char *value;
	char *both;

	if (*arg == '\0' || *arg == '=')
		verb_misuse(&verb_exec, "-e %s: K=V, or K alone for the value it has here", arg);
	if (x->envc == REQUEST_ENV_MAX)
		verb_misuse(&verb_exec, "at most %d times -e", REQUEST_ENV_MAX);
	x->has_term = x->has_term || strncmp(arg, "TERM=", 5) == 0 || strcmp(arg, "TERM") == 0;
	if (strchr(arg, '=') != NULL) {
		x->env[x->envc++] = arg;
		return;
	}
	value = getenv(arg);
	if (value == NULL)
		return;
	if (asprintf(&both, "%s=%s", arg, value) < 0)
		verb_misuse(&verb_exec, "-e %s: out of memory", arg);
	x->env[x->envc++] = both; /* lives as long as the process */
}

static void parse(struct exec *x, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "interactive", no_argument, NULL, 'i' },
		{ "tty", no_argument, NULL, 't' },
		{ "detach", no_argument, NULL, 'd' },
		{ "env", required_argument, NULL, 'e' },
		{ "workdir", required_argument, NULL, 'w' },
		{ "user", required_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	/* "+": what comes behind TARGET is the command's. */
	while ((c = verb_option(&verb_exec, argc, argv, "+:hitde:w:u:", longs)) != -1) {
		switch (c) {
		case 'i': x->a.in = true; break;
		case 't': x->a.tty = true; break;
		case 'd': x->a.detach = true; break;
		case 'e': add_env(x, optarg); break;
		case 'w': x->a.cwd = optarg; break;
		default: x->a.user = optarg; break;
		}
	}
	if (x->a.detach && (x->a.in || x->a.tty))
		verb_misuse(&verb_exec,
		            "-d leaves the command alone: it goes with neither -i nor -t");
	if (x->a.tty && x->a.in && !isatty(STDIN_FILENO))
		verb_misuse(&verb_exec,
		            "-i with -t needs a terminal as standard input; leave out -t");
}

static int exec_main(int argc, char **argv)
{
	static struct exec x;
	static char term[] = "TERM";
	struct target target;
	char who[WHO_MAX];
	int at, fd, status;

	parse(&x, argc, argv);
	at = optind;
	if (at == argc)
		verb_misuse(&verb_exec, "needs TARGET and a command");
	if (!target_parse(argv[at++], &target))
		return ATTACH_FAILED;
	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	if (at == argc)
		verb_misuse(&verb_exec, "needs a command behind %s", target.text);
	if (x.a.tty && !x.has_term)
		add_env(&x, term);
	x.a.argv = argv + at;
	x.a.env = x.env;
	fd = target_dial(&target, CHANNEL_PORT);
	if (fd < 0)
		return ATTACH_FAILED;
	snprintf(who, sizeof who, "casemate: exec: %s", target.text);
	status = attach_exec(fd, &x.a, who);
	io_close(&fd);
	return status;
}

static const char help_text[] =
	"  -i, --interactive    pass standard input on\n"
	"  -t, --tty            give the command a terminal\n"
	"  -d, --detach         start it and leave it alone\n"
	"  -e, --env K=V        set a variable; K alone takes the value it has here\n"
	"  -w, --workdir DIR    default: /\n"
	"  -u, --user USER      name or number, with :GROUP if wanted\n"
	"\n"
	"Exit status: the command's own, 128+n when signal n ended it, 127 when it was not\n"
	"found, 126 when it cannot be executed, 125 for whatever else failed. Without -t,\n"
	"signals that this process gets go to the command.\n"
	"\n"
	"examples:\n"
	"  casemate exec demo -- cat /etc/os-release\n"
	"  casemate exec -it demo sh\n"
	"  tar c . | casemate exec -i -w /data demo -- tar x\n";

const struct verb verb_exec = {
	.name = "exec",
	.summary = "run a command in an enclave",
	.usage = "[options] TARGET [--] COMMAND [ARGUMENT…]",
	.help = help_text,
	.usage_status = ATTACH_FAILED,
	.run = exec_main,
};
