/* casemate top: what an enclave's services use. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/casemate/look.h"
#include "tools/casemate/services.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum { OPT_DELAY = 256, DELAY_DEFAULT_S = 1, DELAY_MAX_S = 3600, COUNT_MAX = 1000000 };

struct seen {
	struct look_services services;
	int64_t at_us; /* CLOCK_MONOTONIC */
};

static int64_t mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool see(const struct target *t, struct seen *s)
{
	static const struct look_ask all;

	s->at_us = mono_us();
	return look_at(t, &all, &s->services);
}

/* As it was at the look before; NULL when it was not there. */
static const struct service_status *before(const struct seen *was, const char *name)
{
	for (size_t i = 0; i < was->services.n; i++)
		if (strcmp(was->services.service[i].name, name) == 0)
			return &was->services.service[i].status;
	return NULL;
}

static void print_row(const struct seen *was, const struct seen *now, size_t i, const char *end)
{
	const struct look_service *s = &now->services.service[i];
	const struct service_status *old = before(was, s->name);
	char memory[SERVICES_TEXT_MAX], part[32] = "-", cpu[32] = "-";
	double used = old == NULL ? -1 : services_cpu(old, &s->status, now->at_us - was->at_us);

	services_memory(memory, &s->status);
	if (used >= 0)
		snprintf(cpu, sizeof cpu, "%.1f%%", used);
	if (s->status.memory_max > 0)
		snprintf(part, sizeof part, "%.1f%%",
		         100.0 * (double)s->status.memory / (double)s->status.memory_max);
	printf("%-16s %-8s %8s %-21s %7s %6" PRIu64 "%s\n", s->name,
	       services_state(s->status.state), cpu, memory, part, s->status.tasks, end);
}

/* On a terminal over the table before, each line cleared to its end. */
static void print_table(const struct seen *was, const struct seen *now, bool redraw)
{
	const char *end = redraw ? "\033[K" : "";

	printf("%s%-16s %-8s %8s %-21s %7s %6s%s\n", redraw ? "\033[H" : "", "NAME", "STATE", "CPU",
	       "MEMORY / LIMIT", "", "TASKS", end);
	for (size_t i = 0; i < now->services.n; i++)
		print_row(was, now, i, end);
	if (redraw)
		printf("\033[J");
}

static bool pause_s(uint32_t seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds };

	while (nanosleep(&left, &left) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

static int watch(const struct target *t, uint32_t count, uint32_t delay)
{
	bool redraw = isatty(STDOUT_FILENO) && count != 1;
	static struct seen seen[2];

	if (!see(t, &seen[0]))
		return STATUS_FAILED;
	if (redraw)
		printf("\033[2J");
	for (uint32_t i = 0; count == 0 || i < count; i++) {
		const struct seen *was = &seen[i % 2];
		struct seen *now = &seen[(i + 1) % 2];

		if (!pause_s(delay) || !see(t, now))
			return STATUS_FAILED;
		if (i > 0 && !redraw)
			printf("\n");
		print_table(was, now, redraw);
		if (fflush(stdout) != 0)
			break; /* verb_end() says it */
	}
	return STATUS_OK;
}

static int top_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "delay", required_argument, NULL, OPT_DELAY },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint32_t count = isatty(STDOUT_FILENO) ? 0 : 1, delay = DELAY_DEFAULT_S;
	struct target target;
	int c;

	while ((c = verb_option(&verb_top, argc, argv, ":hn:", longs)) != -1) {
		if (c == 'n' && !text_number(optarg, 1, COUNT_MAX, &count))
			verb_misuse(&verb_top, "-n %s: a number from 1 to %d", optarg, COUNT_MAX);
		if (c == OPT_DELAY && !text_number(optarg, 1, DELAY_MAX_S, &delay))
			verb_misuse(&verb_top, "--delay %s: a number of seconds, 1 to %d", optarg,
			            DELAY_MAX_S);
	}
	if (argc - optind != 1)
		verb_misuse(&verb_top, "needs one TARGET");
	return target_parse(argv[optind], &target) ? watch(&target, count, delay) : STATUS_FAILED;
}

static const char help_text[] =
	"Processor time (100% is one processor), memory with its limit, and processes and\n"
	"threads of each service. Time is counted since the look before, so the first table\n"
	"comes after the delay. Looking is not recorded as a touch.\n"
	"\n"
	"  -n, --count COUNT   so many tables; default: no end on a terminal, else one\n"
	"  --delay SECONDS     between two, default 1\n"
	"\n"
	"On a terminal each table is drawn over the one before, unless there is only one.\n"
	"\n"
	"examples:\n"
	"  casemate top demo\n"
	"  casemate top -n 1 --delay 10 demo\n";

const struct verb verb_top = {
	.name = "top",
	.summary = "show what an enclave's services use",
	.usage = "[-n COUNT] [--delay SECONDS] TARGET",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = top_main,
};
