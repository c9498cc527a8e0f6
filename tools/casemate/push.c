/* casemate push: files and folders into an enclave. */
#include <string.h>

#include "appliance/base/io.h"
#include "tools/casemate/interrupt.h"
#include "tools/casemate/meter.h"
#include "tools/casemate/target.h"
#include "tools/casemate/verb.h"

enum { OPT_RESUME = 256 };

static int push_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "resume", no_argument, NULL, OPT_RESUME },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static struct transfer t;
	struct meter meter;
	struct target target;
	const char *path;
	size_t count;
	bool into;
	int fd, status;
	enum rc rc;

	while (verb_option(&verb_push, argc, argv, ":h", longs) != -1)
		t.resume = true;
	if (argc - optind < 2)
		verb_misuse(&verb_push, "needs SRC and TARGET:PATH");
	if (!target_parse_path(argv[argc - 1], &target, &path))
		return STATUS_USAGE;
	count = (size_t)(argc - 1 - optind);
	into = count > 1 || path[strlen(path) - 1] == '/';
	fd = target_dial(&target, CHANNEL_PORT);
	if (fd < 0)
		return STATUS_FAILED;
	meter_start(&meter, &t);
	interrupt_start(fd);
	rc = transfer_push(fd, &t, argv + optind, count, path, into);
	status = meter_end(&meter, &t, rc, target.text);
	interrupt_end();
	io_close(&fd);
	return status;
}

static const char help_text[] =
	"Copies as cp -a does: into PATH when that is a folder, ends in / or there are\n"
	"several SRC, otherwise to that name. DIR/. stands for what is in DIR. Mode, time,\n"
	"symlinks, empty folders and holes are kept. Nothing shows up under its name\n"
	"before all has arrived and its digest was checked.\n"
	"\n"
	"  --resume   go on with an interrupted push to the same PATH; keep what has\n"
	"             arrived if this one is interrupted\n"
	"\n"
	"A relative PATH starts at /. Files and bytes that were copied, and the digest of\n"
	"the file or of the whole transfer, are said on standard error.\n"
	"\n"
	"examples:\n"
	"  casemate push model.bin demo:/data/\n"
	"  casemate push --resume site/. vsock:16:/srv/www\n";

const struct verb verb_push = {
	.name = "push",
	.summary = "copy files and folders into an enclave",
	.usage = "[--resume] SRC… TARGET:PATH",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = push_main,
};
