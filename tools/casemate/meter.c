#include "tools/casemate/meter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/host_message.h"
#include "tools/casemate/interrupt.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	INTERVAL_MS = 100,
	LINE_MAX_COLUMNS = 512,
	DEFAULT_COLUMNS = 80,
};

static size_t columns(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < 2)
		return DEFAULT_COLUMNS;
	return w.ws_col < LINE_MAX_COLUMNS ? w.ws_col : LINE_MAX_COLUMNS;
}

static void on_change(void *ctx, uint64_t bytes, uint64_t files, const char *name)
{
	struct meter *p = ctx;
	char line[LINE_MAX_COLUMNS + 512], moved[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];
	char clean[256];
	int64_t now = clock_mono_ms(), took = now - p->start_ms;
	size_t max = columns() - 1;
	int n;

	if (!p->on || now - p->last_ms < INTERVAL_MS || took <= 0)
		return;
	p->last_ms = now;
	text_bytes(moved, bytes);
	text_bytes(rate, bytes / (uint64_t)took * 1000);
	text_clean(clean, sizeof clean, name, strlen(name), false);
	n = snprintf(line, sizeof line, "%s, %s/s, %" PRIu64 " files  %s", moved, rate, files,
	             clean);
	/* A name of wide letters may be cut early: bytes are counted. */
	if (n > (int)max)
		line[max] = '\0';
	dprintf(STDERR_FILENO, "\r\033[K%s", line);
	p->shown = true;
}

void meter_start(struct meter *p, struct transfer *t)
{
	*p = (struct meter){ .on = isatty(STDERR_FILENO), .start_ms = clock_mono_ms() };
	p->last_ms = p->start_ms;
	t->progress.fn = p->on ? on_change : NULL;
	t->progress.ctx = p;
}

/* The file's own digest, as sha384sum shows it, when one file is all that was
 * moved; a symlink has none. */
static struct slice digest(const struct transfer *t)
{
	static const uint8_t none[SHA384_LEN];
	struct slice of_file = slice_of(t->file_digest, SHA384_LEN);

	if (t->totals.files == 1 && !slice_eq(of_file, slice_of(none, SHA384_LEN)))
		return of_file;
	return slice_of(t->totals.digest, SHA384_LEN);
}

static void say_result(const struct meter *p, const struct transfer *t)
{
	char hex[2 * SHA384_LEN + 1], moved[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX + 8] = "";
	char skipped[80] = "", per_s[TEXT_NUMBER_MAX];
	int64_t took = clock_mono_ms() - p->start_ms;
	const struct totals *s = &t->totals;

	hex_put(hex, digest(t));
	text_bytes(moved, s->bytes);
	if (p->on && took > 0) {
		text_bytes(per_s, s->bytes * 1000 / (uint64_t)took);
		snprintf(rate, sizeof rate, " (%s/s)", per_s);
	}
	if (s->skipped > 0)
		snprintf(skipped, sizeof skipped,
		         ", %" PRIu64 " skipped (neither file, folder nor symlink)", s->skipped);
	say("%" PRIu64 " %s, %s%s, sha384:%s%s", s->files, s->files == 1 ? "file" : "files", moved,
	    rate, hex, skipped);
}

int meter_end(struct meter *p, const struct transfer *t, enum rc rc, const char *target)
{
	if (p->shown)
		dprintf(STDERR_FILENO, "\r\033[K");
	if (rc == RC_OK) {
		say_result(p, t);
		return STATUS_OK;
	}
	if (interrupt_came())
		say("%s: interrupted: %s", target,
		    t->resume ? "what has arrived is kept for --resume"
		              : "nothing shows up under its name");
	else if (t->failure.remote)
		say("%s says: %s: %s", target, error_name(t->failure.code), t->failure.text);
	else
		say("%s: %s: %s", target, error_name(t->failure.code), t->failure.text);
	return STATUS_FAILED;
}
