/* casemate exec: a command in an enclave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/attach.h"
#include "channel/host_message.h"
#include "channel/transfer.h"
#include "channel/user.h"
#include "tools/casemate/target.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	DEFAULTS = 4, /* PATH, HOME, USER, TERM */
	/* Of /etc/passwd and /etc/group: some 20,000 lines. */
	LOOKUP_MAX = 1 << 20,
};

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct exec {
	struct attach a;
	char *env[REQUEST_ENV_MAX + 1];
	size_t envc;
	const char *user; /* as it was written, or NULL */
	struct user who;
};

/* The place of the variable whose key is key's up to its end or a '='; the
 * first free one when there is none. */
static char **find_env(struct exec *x, const char *key)
{
	size_t n = strcspn(key, "=");
	char **at = x->env;

	while (*at != NULL && (strncmp(*at, key, n) != 0 || (*at)[n] != '='))
		at++;
	return at;
}

/* The last of the same key counts. var lives as long as the process. */
static void set_env(struct exec *x, char *var)
{
	char **at = find_env(x, var);

	if (*at == NULL)
		x->envc++;
	*at = var;
}

static char *join(const char *key, struct slice value)
{
	char *both;

	if (asprintf(&both, "%s=%.*s", key, (int)value.len, (const char *)value.p) < 0)
		verb_misuse(&verb_exec, "%s: out of memory", key);
	return both;
}

/* As with docker, a bare K passes on this process's K, and nothing when it has
 * none. */
static void add_env(struct exec *x, char *arg)
{
	const char *value = getenv(arg);

	if (*arg == '\0' || *arg == '=')
		verb_misuse(&verb_exec, "-e %s: K=V, or K alone for the value it has here", arg);
	if (x->envc == REQUEST_ENV_MAX - DEFAULTS)
		verb_misuse(&verb_exec, "at most %d times -e", REQUEST_ENV_MAX - DEFAULTS);
	if (strchr(arg, '=') != NULL)
		set_env(x, arg);
	else if (value != NULL)
		set_env(x, join(arg, slice_str(value)));
}

static void default_env(struct exec *x, const char *key, struct slice value)
{
	if (value.len > 0 && *find_env(x, key) == NULL)
		set_env(x, join(key, value));
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
	const struct slice none = { NULL, 0 };
	bool group;
	int c;

	/* "+": what comes behind TARGET is the command's. */
	while ((c = verb_option(&verb_exec, argc, argv, "+:hitde:w:u:", longs)) != -1) {
		switch (c) {
		case 'i': x->a.in = true; break;
		case 't': x->a.tty = true; break;
		case 'd': x->a.detach = true; break;
		case 'e': add_env(x, optarg); break;
		case 'w': x->a.cwd = optarg; break;
		default: x->user = optarg; break;
		}
	}
	if (x->user != NULL && user_find(slice_str(x->user), none, none, &x->who, &group) == RC_BAD)
		verb_misuse(&verb_exec, "-u %s: USER or USER:GROUP", x->user);
	if (x->a.detach && (x->a.in || x->a.tty))
		verb_misuse(&verb_exec,
		            "-d leaves the command alone: it goes with neither -i nor -t");
	if (x->a.tty && x->a.in && !isatty(STDIN_FILENO))
		verb_misuse(&verb_exec,
		            "-i with -t needs a terminal as standard input; leave out -t");
}

static enum rc fetch(const struct target *t, struct transfer_file *files, size_t count,
                     struct failure *f)
{
	int fd = target_dial(t, CHANNEL_PORT);
	enum rc rc;

	if (fd < 0)
		return RC_DENIED;
	rc = transfer_read(fd, files, count, f);
	io_close(&fd);
	return rc;
}

/* 0, or the exit status after saying why not. */
static int look_up(struct exec *x, const struct target *t)
{
	static uint8_t mem[2][LOOKUP_MAX];
	static struct failure f;
	struct transfer_file files[2] = {
		{ .path = "/etc/passwd", .mem = mem[0], .max = LOOKUP_MAX },
		{ .path = "/etc/group", .mem = mem[1], .max = LOOKUP_MAX },
	};
	enum rc rc = fetch(t, files, 2, &f);
	bool group;

	/* One is missing: what there is, one by one. */
	for (int i = 0; i < 2 && rc == RC_ABSENT; i++)
		rc = fetch(t, &files[i], 1, &f) == RC_DENIED ? RC_DENIED : RC_ABSENT;
	if (rc == RC_DENIED) {
		if (f.code != 0)
			say("%s: user '%s': %s: %s", t->text, x->user, error_name(f.code), f.text);
		return ATTACH_FAILED;
	}
	switch (user_find(slice_str(x->user), slice_of(files[0].mem, files[0].len),
	                  slice_of(files[1].mem, files[1].len), &x->who, &group)) {
	case RC_OK: return 0;
	case RC_LIMIT:
		say("%s: user '%s' is in more than %d groups", t->text, x->user,
		    REQUEST_IDS_MAX - 2);
		return ATTACH_FAILED;
	default:
		say("%s: not found: %s '%s'", t->text, group ? "group of" : "user", x->user);
		return ATTACH_NOT_FOUND;
	}
}

/* Who it is, and the variables that follow from that. */
static int set_user(struct exec *x, const struct target *t)
{
	const char *term = getenv("TERM");
	int status = 0;

	if (x->user == NULL)
		user_root(&x->who);
	else if (!user_numbers(slice_str(x->user), &x->who))
		status = look_up(x, t);
	if (status != 0)
		return status;
	if (x->user != NULL) {
		x->a.ids = x->who.ids;
		x->a.idc = x->who.idc;
	}
	default_env(x, "PATH", slice_str(DEFAULT_PATH));
	default_env(x, "HOME", x->who.home);
	default_env(x, "USER", x->who.name);
	if (x->a.tty)
		default_env(x, "TERM", slice_str(term != NULL ? term : "xterm"));
	return 0;
}

static int exec_main(int argc, char **argv)
{
	static struct exec x;
	struct target target;
	static struct failure failure;
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
	status = set_user(&x, &target);
	if (status != 0)
		return status;
	x.a.argv = argv + at;
	x.a.env = x.env;
	fd = target_dial(&target, CHANNEL_PORT);
	if (fd < 0)
		return ATTACH_FAILED;
	status = attach_exec(fd, &x.a, &failure);
	io_close(&fd);
	if (failure.code != 0)
		say("%s: %s: %s", target.text, error_name(failure.code), failure.text);
	return status;
}

static const char help_text[] =
	"  -i, --interactive    pass standard input on\n"
	"  -t, --tty            give the command a terminal\n"
	"  -d, --detach         start it and leave it alone\n"
	"  -e, --env K=V        set a variable; K alone takes the value it has here\n"
	"  -w, --workdir DIR    default: /\n"
	"  -u, --user USER      name or number, with :GROUP if wanted; default: root\n"
	"\n"
	"The command's variables are those of -e and, where those leave them out, PATH, HOME,\n"
	"USER if its name is known, and TERM with -t. USER is looked up here, in the enclave's\n"
	"/etc/passwd and /etc/group; fetching them is a session of its own, and so a touch,\n"
	"before that of the command. UID:GID, both numbers, needs none: HOME is then / (root:\n"
	"/root) unless -e says otherwise.\n"
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
