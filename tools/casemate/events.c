/* casemate events: what happens to an enclave's services, for other programs. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/casemate/jsonwrite.h"
#include "tools/casemate/look.h"
#include "tools/casemate/verb.h"
#include "tools/casemate/when.h"

enum { OPT_SINCE = 256 };

static const char *event_name(uint8_t kind)
{
	static const char *const names[] = { "starting", "ready",      "busy",
		                             "status",   "stopping",   "ended",
		                             "failed",   "terminated", "diagnostic" };

	return kind < RECORD_STARTING ? "log" : names[kind - RECORD_STARTING];
}

static void print_record(const struct look_record *r)
{
	char time[WHEN_TEXT_MAX];

	when_text(time, r->head.time_ns);
	printf("{\"time\":\"%s\",\"sequence\":%" PRIu64, time, r->head.seq);
	if (r->service != NULL)
		printf(",\"service\":\"%s\"", r->service);
	else
		printf(",\"service\":null");
	printf(",\"event\":\"%s\"", event_name(r->head.kind));
	if (r->head.kind < RECORD_STARTING)
		printf(",\"stream\":\"%s\"", r->head.kind == RECORD_STDOUT ? "stdout" : "stderr");
	printf(",\"text\":");
	if (!jsonwrite_string(stdout, r->text))
		printf(",\"binary\":true");
	printf("}\n");
}

static int show(const struct target *t, const struct look_ask *a)
{
	static struct look l;
	struct look_record r;
	enum look_got got;

	if (!look_open(&l, t, a))
		return STATUS_FAILED;
	while ((got = look_next(&l, &r)) == LOOK_GOT_SERVICE || got == LOOK_GOT_RECORD) {
		if (got == LOOK_GOT_SERVICE)
			continue;
		look_tell_lost(&r);
		print_record(&r);
	}
	look_close(&l);
	return got == LOOK_GOT_END ? STATUS_OK : STATUS_FAILED;
}

static int events_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "since", required_argument, NULL, OPT_SINCE },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct look_ask a = { .flags = LOOK_LOGS | LOOK_EVENTS };
	struct target target;
	int c;

	while ((c = verb_option(&verb_events, argc, argv, ":hf", longs)) != -1) {
		if (c == 'f')
			a.flags |= LOOK_FOLLOW;
		else if (!when_parse(optarg, when_now(), &a.since_ns))
			verb_misuse(&verb_events, WHEN_MISUSE, optarg);
	}
	if (argc - optind != 1)
		verb_misuse(&verb_events, "needs one TARGET");
	return target_parse(argv[optind], &target) ? show(&target, &a) : STATUS_FAILED;
}

static const char help_text[] =
	"Prints what the enclave keeps of its services' events and output, a line of JSON\n"
	"each, oldest first:\n"
	"\n"
	"  time       RFC 3339 in UTC with nanoseconds, by the enclave's clock\n"
	"  sequence   grows over all records since the enclave booted\n"
	"  service    a name, or null for the enclave itself\n"
	"  event      starting, ready, busy, status, stopping, ended, failed, terminated,\n"
	"             diagnostic, or log\n"
	"  stream     of log: stdout or stderr\n"
	"  text       of log: what was written, in pieces as it was read; of others: how, why\n"
	"  binary     true when text was not UTF-8: each character of it is one byte then\n"
	"\n"
	"What is not kept any more is said on standard error. Looking is not recorded as a\n"
	"touch.\n"
	"\n"
	"  -f, --follow   go on with what comes, until the enclave stops\n"
	"  --since WHEN   not older than that: 2026-11-27T05:52:04Z, or how long ago, like 10m\n"
	"\n"
	"examples:\n"
	"  casemate events -f demo\n"
	"  casemate events --since 1h demo | jq -r 'select(.event == \"failed\").service'\n";

const struct verb verb_events = {
	.name = "events",
	.summary = "print what happens to an enclave's services, as JSON",
	.usage = "[-f] [--since WHEN] TARGET",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = events_main,
};
