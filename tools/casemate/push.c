/* casemate push: files and folders into an enclave. */
#include "tools/casemate/copy.h"

static int push_main(int argc, char **argv)
{
	static struct transfer t;
	size_t count = copy_options(&verb_push, argc, argv, "SRC and TARGET:PATH", &t);
	struct target target;
	const char *path;

	if (!target_parse_path(argv[argc - 1], &target, &path))
		return STATUS_USAGE;
	return copy_run(&target, &t, argv + optind, count, path, transfer_push);
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
