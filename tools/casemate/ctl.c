/* casemate ctl: what an enclave's services do, and making them do otherwise. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/casemate/control.h"
#include "tools/casemate/run.h"
#include "tools/casemate/services.h"
#include "tools/casemate/stop.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"
#include "tools/casemate/when.h"

enum { OPT_JSON = 256, OPT_NO_WAIT };
enum { STATUS_NOT_FINE = 3 }; /* of status: not all are ready or done */

struct ctl {
	struct target target;
	bool json, no_wait, timed;
	uint32_t seconds;
	size_t count; /* of what stands behind the word */
	char **arg;
};

/* --- status ----------------------------------------------------------------------- */

static void ago(char out[TEXT_NUMBER_MAX + 4], uint64_t since_ns)
{
	uint64_t now = when_now();
	char text[TEXT_NUMBER_MAX];

	text_duration(text, now > since_ns ? (int64_t)((now - since_ns) / 1000000000) : 0);
	snprintf(out, TEXT_NUMBER_MAX + 4, "%s", since_ns == 0 ? "-" : text);
}

static void log_size(char out[SERVICES_TEXT_MAX], const struct service_status *s)
{
	char all[TEXT_NUMBER_MAX], lost[TEXT_NUMBER_MAX];

	text_bytes(all, s->output);
	text_bytes(lost, s->dropped);
	if (s->dropped == 0)
		snprintf(out, SERVICES_TEXT_MAX, "%s", all);
	else
		snprintf(out, SERVICES_TEXT_MAX, "%s (%s dropped)", all, lost);
}

static void print_row(const struct look_service *service)
{
	const struct service_status *s = &service->status;
	char since[TEXT_NUMBER_MAX + 4], end[SERVICES_TEXT_MAX], memory[SERVICES_TEXT_MAX];
	char log[SERVICES_TEXT_MAX], pid[24] = "-";

	ago(since, s->since_ns);
	services_end(end, s);
	services_memory(memory, s);
	log_size(log, s);
	if (s->pid > 0)
		snprintf(pid, sizeof pid, "%" PRIu64, s->pid);
	printf("%-16s %-8s %6s %-12s %6" PRIu64 " %-17s %-21s %s\n", service->name,
	       services_state(s->state), pid, since, s->starts, end, memory, log);
}

/* Names and words here hold nothing that JSON escapes. */
static void print_json(const struct look_service *service, const char *comma)
{
	static const char *const ends[] = { "null", "\"exited\"", "\"killed\"", "\"out of memory\"",
		                            "\"not ready\"" };
	const struct service_status *s = &service->status;
	char since[WHEN_TEXT_MAX], quote[] = "\"";

	when_text(since, s->since_ns);
	if (s->since_ns == 0) {
		snprintf(since, sizeof since, "null");
		quote[0] = '\0';
	}
	printf("%s\n {\"name\":\"%s\",\"number\":%" PRIu64 ",\"state\":\"%s\",\"pid\":%" PRIu64
	       ",\"since\":%s%s%s,\"starts\":%" PRIu64 ",\"end\":%s,\"end_status\":%" PRIu64,
	       comma, service->name, s->number, services_state(s->state), s->pid, quote, since,
	       quote, s->starts, ends[s->end], s->end_status);
	printf(",\"memory\":%" PRIu64 ",\"memory_max\":%" PRIu64 ",\"cpu_us\":%" PRIu64
	       ",\"tasks\":%" PRIu64 ",\"output\":%" PRIu64 ",\"dropped\":%" PRIu64
	       ",\"out_of_memory\":%" PRIu64 "}",
	       s->memory, s->memory_max, s->cpu_us, s->tasks, s->output, s->dropped, s->ooms);
}

static int ctl_status(const struct ctl *c)
{
	struct look_ask a = { 0 };
	struct look_services now;
	int status = STATUS_OK;

	if (!look_names(&a, c->arg, c->count))
		return STATUS_USAGE;
	if (!look_at(&c->target, &a, &now))
		return STATUS_FAILED;
	if (c->json)
		printf("[");
	else
		printf("%-16s %-8s %6s %-12s %6s %-17s %-21s %s\n", "NAME", "STATE", "PID", "SINCE",
		       "STARTS", "LAST END", "MEMORY", "LOG");
	for (size_t i = 0; i < now.n; i++) {
		if (c->json)
			print_json(&now.service[i], i > 0 ? "," : "");
		else
			print_row(&now.service[i]);
		if (!services_fine(&now.service[i].status))
			status = STATUS_NOT_FINE;
	}
	if (c->json)
		printf("%s]\n", now.n > 0 ? "\n" : "");
	/* What was printed must have arrived whatever the services are. */
	return verb_end(STATUS_OK) != STATUS_OK ? STATUS_FAILED : status;
}

/* --- services ---------------------------------------------------------------------- */

static bool one_service(const char *name)
{
	struct look_ask a = { 0 };
	char *argv[1] = { (char *)(uintptr_t)name };

	return look_names(&a, argv, 1);
}

static int ctl_change(const struct ctl *c, const char *word)
{
	if (!one_service(c->arg[0]))
		return STATUS_USAGE;
	return control_service(&c->target, word, c->arg[0], !c->no_wait) ? STATUS_OK
	                                                                 : STATUS_FAILED;
}

static int ctl_signal(const struct ctl *c, const char *signal)
{
	int number = services_signal(signal);

	if (number == 0)
		verb_misuse(&verb_ctl, "signal %s: a name like TERM, or a number from 1 to 31",
		            signal);
	if (!one_service(c->arg[0]))
		return STATUS_USAGE;
	return look_control(&c->target, "signal", c->arg[0], number) ? STATUS_OK : STATUS_FAILED;
}

/* --- the enclave -------------------------------------------------------------------- */

static int ctl_shutdown(const struct ctl *c)
{
	if (!stop_enclave(&c->target, c->seconds))
		return STATUS_FAILED;
	printf("%s\n", c->target.text);
	return STATUS_OK;
}

static int ctl_reboot(const struct ctl *c)
{
	struct enclave was;
	int status;

	if (c->target.kind != TARGET_NAME) {
		say("%s was not started by casemate run: shut it down, and start it again where it "
		    "was started",
		    c->target.text);
		return STATUS_FAILED;
	}
	if (!state_load(c->target.text, &was)) {
		state_say_absent(c->target.text);
		return STATUS_FAILED;
	}
	if (!stop_enclave(&c->target, c->seconds))
		return STATUS_FAILED;
	status = run_again(&was);
	if (status != STATUS_OK)
		say("%s is shut down, and was not started again", c->target.text);
	return status;
}

/* --- the command line ----------------------------------------------------------------- */

enum word { W_STATUS, W_START, W_STOP, W_RESTART, W_SIGNAL, W_RELOAD, W_SHUTDOWN, W_REBOOT, WORDS };

/* What may stand behind each word, and which options mean something with it. */
static const struct {
	const char *word;
	size_t min, max;
	bool json, no_wait, timed;
	const char *needs;
} words[WORDS] = {
	[W_STATUS] = { "status", 0, SIZE_MAX, true, false, false, "names of services" },
	[W_START] = { "start", 1, 1, false, true, false, "one SERVICE" },
	[W_STOP] = { "stop", 1, 1, false, true, false, "one SERVICE" },
	[W_RESTART] = { "restart", 1, 1, false, true, false, "one SERVICE" },
	[W_SIGNAL] = { "signal", 2, 2, false, false, false, "SERVICE and SIGNAL" },
	[W_RELOAD] = { "reload", 1, 1, false, false, false, "one SERVICE" },
	[W_SHUTDOWN] = { "shutdown", 0, 0, false, false, true, "nothing behind it" },
	[W_REBOOT] = { "reboot", 0, 0, false, false, true, "nothing behind it" },
};

static enum word word_of(const char *s, const char *target)
{
	for (int i = 0; i < WORDS; i++)
		if (strcmp(s, words[i].word) == 0)
			return (enum word)i;
	for (int i = 0; i < WORDS; i++)
		if (strcmp(target, words[i].word) == 0)
			verb_misuse(&verb_ctl, "the TARGET stands first: casemate ctl %s %s", s,
			            target);
	verb_misuse(&verb_ctl, "there is no ctl TARGET %s", s);
}

static void check_use(const struct ctl *c, enum word w)
{
	if (c->count < words[w].min || c->count > words[w].max)
		verb_misuse(&verb_ctl, "%s needs %s", words[w].word, words[w].needs);
	if (c->json && !words[w].json)
		verb_misuse(&verb_ctl, "--json is for status");
	if (c->no_wait && !words[w].no_wait)
		verb_misuse(&verb_ctl, "--no-wait is for start, stop and restart");
	if (c->timed && !words[w].timed)
		verb_misuse(&verb_ctl, "--time is for shutdown and reboot");
}

static int obey(const struct ctl *c, enum word w)
{
	switch (w) {
	case W_STATUS: return ctl_status(c);
	case W_SIGNAL: return ctl_signal(c, c->arg[1]);
	case W_RELOAD: return ctl_signal(c, "HUP");
	case W_SHUTDOWN: return ctl_shutdown(c);
	case W_REBOOT: return ctl_reboot(c);
	default: return ctl_change(c, words[w].word);
	}
}

static int ctl_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
		{ "time", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct ctl c = { .seconds = STOP_DEFAULT_S };
	enum word w;
	int o;

	while ((o = verb_option(&verb_ctl, argc, argv, ":ht:", longs)) != -1) {
		c.json |= o == OPT_JSON;
		c.no_wait |= o == OPT_NO_WAIT;
		c.timed |= o == 't';
		if (o == 't' && !text_number(optarg, 0, STOP_MAX_S, &c.seconds))
			verb_misuse(&verb_ctl, "--time %s: a number of seconds, at most %d", optarg,
			            STOP_MAX_S);
	}
	if (argc - optind < 2)
		verb_misuse(&verb_ctl, "needs TARGET and what to do");
	w = word_of(argv[optind + 1], argv[optind]);
	c.count = (size_t)(argc - optind - 2);
	c.arg = argv + optind + 2;
	check_use(&c, w);
	if (!target_parse(argv[optind], &c.target))
		return STATUS_FAILED;
	return obey(&c, w);
}

static const char help_text[] =
	"  status [SERVICE…]        what each service does; exit status 3 unless all of them\n"
	"                           are ready or done\n"
	"  start SERVICE            and what it requires, until it is ready or done\n"
	"  stop SERVICE             and what requires it, until it has stopped\n"
	"  restart SERVICE          the same, ended first if it runs\n"
	"  signal SERVICE SIGNAL    to its main process: a name or a number, 1 to 31\n"
	"  reload SERVICE           signal HUP\n"
	"  shutdown                 the whole enclave, as casemate stop does\n"
	"  reboot                   the same, then casemate run with the same image, name,\n"
	"                           processors, memory and ports; for enclaves of casemate\n"
	"                           run only\n"
	"\n"
	"  --json                   status: an array of objects: name, number, state, pid,\n"
	"                           since, starts, end, end_status, memory, memory_max (0:\n"
	"                           no limit), cpu_us, tasks, output, dropped (bytes of it),\n"
	"                           out_of_memory (how often)\n"
	"  --no-wait                start, stop, restart: only until it was begun\n"
	"  -t, --time SECONDS       shutdown, reboot: how long it may take, default 30\n"
	"\n"
	"All but status is recorded in the enclave as a touch, and needs an image that\n"
	"permits it. A service that fails makes start and restart exit with 1 and say why.\n"
	"\n"
	"examples:\n"
	"  casemate ctl demo status\n"
	"  casemate ctl demo restart web\n"
	"  casemate ctl demo signal web USR1\n";

const struct verb verb_ctl = {
	.name = "ctl",
	.summary = "see and control an enclave's services",
	.usage = "[options] TARGET status|start|stop|restart|signal|reload|shutdown|reboot …",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = ctl_main,
};
