/* casemate logs: what an enclave's services printed.
 *
 * Theory of operation. Records are pieces; of each stream of each service lines
 * are put together (lines.h) and go out whole. With --tail they are kept first,
 * the last so many of them: the protocol has no mark for "up to now", so this is
 * a look of its own that does not follow. With -f another one follows, and what
 * the first has shown, which the sequence tells, is passed over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/lines.h"
#include "tools/casemate/look.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"
#include "tools/casemate/when.h"

enum {
	OPT_SINCE = 256,
	OPT_TAIL,
	TAIL_MAX = 100000,                               /* lines */
	TAIL_BYTES_MAX = 64 << 20,                       /* of them all */
	HEAD_MAX = SERVICE_NAME_MAX + WHEN_TEXT_MAX + 8, /* before a line */
	SLOTS = 2 * SERVICES_MAX, /* a service's standard output, its standard error, … */
};

/* A line that waits to be one of the last. */
struct kept {
	size_t slot, len;
	uint64_t time_ns;
	uint8_t *text;
};

static struct {
	struct look look;
	bool timestamps, prefix;
	struct lines lines[SLOTS]; /* of each slot */
	/* By stream: the slot whose line has begun there and not ended, -1: none. */
	int begun[2];
	bool terminal[2];
	bool keeping; /* lines go to the ring */
	uint32_t tail;
	struct kept *ring; /* tail of them */
	size_t first, kept, kept_bytes;
	uint64_t next; /* sequence; records before it have been taken */
} g;

/* --- output ------------------------------------------------------------------------ */

static void write_to(int stream, const void *p, size_t n)
{
	if (stream == 0) {
		fwrite(p, 1, n, stdout);
		return;
	}
	fflush(stdout);                            /* which look_next() looks after */
	(void)!io_write_full(STDERR_FILENO, p, n); /* else there is nowhere to say it */
}

static void end_line(int stream)
{
	if (g.begun[stream] >= 0)
		write_to(stream, "\n", 1);
	g.begun[stream] = -1;
}

/* The enclave may have forgotten it since the look before. */
static const char *name_of(size_t slot)
{
	size_t at = g.look.by_number[slot / 2 + 1];

	return at > 0 ? g.look.services.service[at - 1].name : "?";
}

static size_t put_head(char *out, size_t slot, uint64_t time_ns)
{
	char time[WHEN_TEXT_MAX] = "";
	int n;

	if (g.timestamps)
		when_text(time, time_ns);
	n = snprintf(out, HEAD_MAX, "%s%s%s%s", g.prefix ? name_of(slot) : "",
	             g.prefix ? " | " : "", time, g.timestamps ? " " : "");
	return (size_t)n;
}

/* A whole line, a part of one, or its unfinished end. */
static void show(size_t slot, uint64_t time_ns, struct slice line)
{
	static char out[HEAD_MAX + LINES_MAX + 1];
	int stream = slot % 2;
	bool whole = line.p[line.len - 1] == '\n';
	size_t n = 0;

	if (g.begun[stream] != (int)slot) {
		end_line(stream);
		n = put_head(out, slot, time_ns);
	}
	if (g.terminal[stream] && line.len > 1 && whole && line.p[line.len - 2] == '\r') {
		n += text_clean(out + n, sizeof out - n, (const char *)line.p, line.len - 2, true);
		out[n++] = '\n';
	} else if (g.terminal[stream]) {
		n += text_clean(out + n, sizeof out - n, (const char *)line.p, line.len, true);
	} else {
		memcpy(out + n, line.p, line.len);
		n += line.len;
	}
	write_to(stream, out, n);
	g.begun[stream] = whole ? -1 : (int)slot;
}

/* --- the last lines ------------------------------------------------------------------ */

static void drop_first(void)
{
	struct kept *k = &g.ring[g.first];

	free(k->text);
	g.kept_bytes -= k->len;
	g.first = (g.first + 1) % g.tail;
	g.kept--;
}

static void keep(size_t slot, uint64_t time_ns, struct slice line)
{
	struct kept k = { .slot = slot, .len = line.len, .time_ns = time_ns };

	if (g.tail == 0)
		return;
	k.text = malloc(line.len);
	while (g.kept > 0 &&
	       (g.kept == g.tail || g.kept_bytes > TAIL_BYTES_MAX || k.text == NULL)) {
		drop_first();
		if (k.text == NULL)
			k.text = malloc(line.len);
	}
	if (k.text == NULL)
		return;
	memcpy(k.text, line.p, line.len);
	g.ring[(g.first + g.kept++) % g.tail] = k;
	g.kept_bytes += line.len;
}

static void show_kept(void)
{
	for (; g.kept > 0; drop_first()) {
		const struct kept *k = &g.ring[g.first];

		show(k->slot, k->time_ns, slice_of(k->text, k->len));
	}
}

/* --- records --------------------------------------------------------------------------- */

static void take_line(size_t slot, struct slice line)
{
	if (g.keeping)
		keep(slot, g.lines[slot].time_ns, line);
	else
		show(slot, g.lines[slot].time_ns, line);
}

static void take_rest(size_t slot)
{
	struct slice line;

	if (lines_rest(&g.lines[slot], &line))
		take_line(slot, line);
}

/* Between what came before and this record something is missing: lines do not go
 * on across it. */
static void take_loss(size_t service, const struct look_record *r)
{
	for (size_t slot = 2 * service; slot < 2 * service + 2; slot++) {
		take_rest(slot);
		if (g.begun[slot % 2] == (int)slot)
			end_line(slot % 2);
	}
	if (g.keeping)
		return;
	fflush(stdout);
	look_tell_lost(r);
}

static void take_record(const struct look_record *r)
{
	size_t service = (size_t)r->head.service - 1;
	size_t slot = 2 * service + (r->head.kind == RECORD_STDERR);
	struct slice piece = r->text, line;

	if (r->head.seq < g.next)
		return;
	g.next = r->head.seq + 1;
	if (r->lost > 0)
		take_loss(service, r);
	while (lines_next(&g.lines[slot], &piece, r->head.time_ns, &line))
		take_line(slot, line);
}

/* --- the verb --------------------------------------------------------------------------- */

/* One look to its end; what is unfinished stays in g.lines. */
static bool look_through(const struct target *t, const struct look_ask *a)
{
	struct look_record r;
	enum look_got got;

	if (!look_open(&g.look, t, a))
		return false;
	while ((got = look_next(&g.look, &r)) == LOOK_GOT_SERVICE || got == LOOK_GOT_RECORD) {
		g.prefix = a->names != 1 && g.look.services.n != 1;
		if (got == LOOK_GOT_RECORD)
			take_record(&r);
	}
	look_close(&g.look);
	return got == LOOK_GOT_END;
}

static void take_rests(void)
{
	for (size_t slot = 0; slot < SLOTS; slot++)
		take_rest(slot);
}

static bool show_tail(const struct target *t, struct look_ask *a, bool follow)
{
	bool ok;

	g.ring = calloc(g.tail > 0 ? g.tail : 1, sizeof *g.ring);
	if (g.ring == NULL) {
		say("no memory for %u lines: choose a smaller --tail", (unsigned)g.tail);
		return false;
	}
	a->flags &= ~(unsigned)LOOK_FOLLOW;
	g.keeping = true;
	ok = look_through(t, a);
	if (!ok || !follow)
		take_rests();
	g.keeping = false;
	show_kept();
	free(g.ring);
	a->flags |= follow ? LOOK_FOLLOW : 0u;
	return ok;
}

static int show_logs(const struct target *t, struct look_ask *a, bool tail)
{
	bool follow = (a->flags & LOOK_FOLLOW) != 0, ok = true;

	for (int i = 0; i < 2; i++) {
		g.begun[i] = -1;
		g.terminal[i] = isatty(i == 0 ? STDOUT_FILENO : STDERR_FILENO);
	}
	if (tail)
		ok = show_tail(t, a, follow);
	if (ok && (!tail || follow))
		ok = look_through(t, a);
	take_rests();
	return ok ? STATUS_OK : STATUS_FAILED;
}

static int logs_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "since", required_argument, NULL, OPT_SINCE },
		{ "tail", required_argument, NULL, OPT_TAIL },
		{ "timestamps", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct look_ask a = { .flags = LOOK_LOGS };
	struct target target;
	bool tail = false;
	int c;

	while ((c = verb_option(&verb_logs, argc, argv, ":hft", longs)) != -1) {
		if (c == 'f')
			a.flags |= LOOK_FOLLOW;
		g.timestamps |= c == 't';
		tail |= c == OPT_TAIL;
		if (c == OPT_TAIL && !text_number(optarg, 0, TAIL_MAX, &g.tail))
			verb_misuse(&verb_logs, "--tail %s: a number of lines, at most %d", optarg,
			            TAIL_MAX);
		if (c == OPT_SINCE && !when_parse(optarg, when_now(), &a.since_ns))
			verb_misuse(&verb_logs, WHEN_MISUSE, optarg);
	}
	if (optind == argc)
		verb_misuse(&verb_logs, "needs a TARGET");
	if (!target_parse(argv[optind], &target))
		return STATUS_FAILED;
	if (!look_names(&a, argv + optind + 1, (size_t)(argc - optind - 1)))
		return STATUS_USAGE;
	return show_logs(&target, &a, tail);
}

static const char help_text[] =
	"Prints what the enclave keeps of its services' output: what they wrote to standard\n"
	"output there, what they wrote to standard error on standard error. With several\n"
	"services each line has the service's name before it. What is not kept any more is\n"
	"said on standard error. Looking is not recorded as a touch.\n"
	"\n"
	"  -f, --follow       go on with what comes, until the enclave stops\n"
	"  --since WHEN       not older than that: 2026-11-27T05:52:04Z, or how long ago by\n"
	"                     this host's clock, like 90s, 10m or 1h30m\n"
	"  --tail N           only the last N lines of what is there\n"
	"  -t, --timestamps   the time before each line, by the enclave's clock\n"
	"\n"
	"Lines go out whole. One of more than 16 KiB goes out, and counts, in parts of that\n"
	"size. On a terminal, control characters and what is not UTF-8 are shown as ?.\n"
	"\n"
	"examples:\n"
	"  casemate logs demo\n"
	"  casemate logs -f --tail 20 demo web\n"
	"  casemate logs -t --since 10m demo web db 2>&1 | grep refused\n";

const struct verb verb_logs = {
	.name = "logs",
	.summary = "show what an enclave's services printed",
	.usage = "[-f] [-t] [--since WHEN] [--tail N] TARGET [SERVICE…]",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = logs_main,
};
