/* casemate pull: files and folders out of an enclave. */
#include "tools/casemate/copy.h"
#include "tools/casemate/text.h"

/* Replaces each TARGET:PATH by its PATH; all must be of one enclave. */
static bool split(char **src, size_t count, struct target *t)
{
	for (size_t i = 0; i < count; i++) {
		struct target other;
		const char *path;

		if (!target_parse_path(src[i], &other, &path))
			return false;
		if (i > 0 && !target_equal(t, &other)) {
			say("%s and %s: one pull copies from one enclave", t->text, other.text);
			return false;
		}
		*t = other;
		src[i] += path - src[i]; /* path points into it */
	}
	return true;
}

static int pull_main(int argc, char **argv)
{
	static struct transfer t;
	size_t count = copy_options(&verb_pull, argc, argv, "TARGET:PATH and DST", &t);
	struct target target = { 0 };
	const char *dst = argv[argc - 1];

	if (count > REQUEST_ARGS_MAX)
		verb_misuse(&verb_pull, "takes at most %d paths", REQUEST_ARGS_MAX);
	if (*dst == '\0')
		verb_misuse(&verb_pull, "DST is empty");
	if (!split(argv + optind, count, &target))
		return STATUS_USAGE;
	return copy_run(&target, &t, argv + optind, count, dst, transfer_pull);
}

static const char help_text[] =
	"Copies as cp -a does: into DST when that is a folder, ends in / or there are\n"
	"several PATHs, otherwise to that name. DIR/. stands for what is in DIR. Nothing\n"
	"shows up under its name before all has arrived and its digest was checked, and\n"
	"whatever the enclave sends, nothing is written outside DST.\n"
	"\n"
	"  --resume   go on with an interrupted pull to the same DST; keep what has\n"
	"             arrived if this one is interrupted\n"
	"\n"
	"A relative PATH starts at /. Files and bytes that were copied, and the digest of\n"
	"the file or of the whole transfer, are said on standard error.\n"
	"\n"
	"examples:\n"
	"  casemate pull demo:/var/result.csv .\n"
	"  casemate pull demo:/data/a demo:/data/b results/\n";

const struct verb verb_pull = {
	.name = "pull",
	.summary = "copy files and folders out of an enclave",
	.usage = "[--resume] TARGET:PATH… DST",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = pull_main,
};
