#include "tools/casemate/copy.h"

#include <string.h>

#include "appliance/base/io.h"
#include "tools/casemate/interrupt.h"
#include "tools/casemate/meter.h"

enum { OPT_RESUME = 256 };

size_t copy_options(const struct verb *v, int argc, char **argv, const char *needs,
                    struct transfer *t)
{
	static const struct option longs[] = {
		{ "resume", no_argument, NULL, OPT_RESUME },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};

	while (verb_option(v, argc, argv, ":h", longs) != -1)
		t->resume = true;
	if (argc - optind < 2)
		verb_misuse(v, "needs %s", needs);
	return (size_t)(argc - 1 - optind);
}

int copy_run(const struct target *target, struct transfer *t, char *const *src, size_t count,
             const char *dst,
             enum rc (*move)(int conn, struct transfer *t, char *const *src, size_t count,
                             const char *dst, bool into))
{
	bool into = count > 1 || dst[strlen(dst) - 1] == '/';
	int fd = target_dial(target, CHANNEL_PORT), status;
	struct meter meter;
	enum rc rc;

	if (fd < 0)
		return STATUS_FAILED;
	meter_start(&meter, t);
	interrupt_start(fd);
	rc = move(fd, t, src, count, dst, into);
	status = meter_end(&meter, t, rc, target->text);
	interrupt_end();
	io_close(&fd);
	return status;
}
