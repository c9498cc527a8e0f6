#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"
#include "tools/image/image.h"
#include "tools/image/verbs.h"

static const char describe_help[] =
	"usage: casemate-image eif describe FILE\n"
	"\n"
	"Checks an enclave image and prints what it is and measures, as JSON with the\n"
	"names of `nitro-cli describe-eif`. A file that is not whole, whose table and\n"
	"sections disagree, or whose signature does not verify is refused.\n"
	"\n"
	"examples:\n"
	"  casemate-image eif describe app.eif\n"
	"  casemate-image eif describe app.eif | jq -r .Measurements.PCR0\n";

static const char extract_help[] =
	"usage: casemate-image eif extract FILE DIR\n"
	"\n"
	"Checks an enclave image and writes its parts into DIR (made when it is not\n"
	"there): kernel, cmdline, metadata.json, ramdisk0, ramdisk1, ..., signature.\n"
	"Nothing that exists is overwritten.\n"
	"\n"
	"example:\n"
	"  casemate-image eif extract app.eif parts && cpio -itv < parts/ramdisk1\n";

/* Whether the verb goes on with `operands` operands; else *status is set. */
static bool parse_operands(int argc, char **argv, int operands, const char *help, int *status)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, "h", longs, NULL);

	if (c == 'h') {
		*status = fputs(help, stdout) < 0;
		return false;
	}
	if (c == -1 && argc - optind == operands)
		return true;
	fprintf(stderr, "%.*s", (int)(strchr(help, '\n') + 1 - help), help);
	*status = EXIT_USAGE;
	return false;
}

int verb_eif_describe(int argc, char **argv)
{
	struct image im;
	struct report r;
	char *text = NULL;
	enum rc rc;
	int status;

	if (!parse_operands(argc, argv, 1, describe_help, &status))
		return status;
	rc = image_open(&im, argv[optind]);
	if (rc == RC_OK) {
		r = image_report(&im);
		text = metadata_print_describe(&r);
		if (text == NULL || printf("%s\n", text) < 0 || fflush(stdout) != 0)
			rc = fail_errno("standard output");
	}
	free(text);
	image_close(&im);
	return rc != RC_OK;
}

static enum rc write_part(int dir, const char *dir_name, const char *name, struct slice data)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	enum rc rc = RC_OK;

	if (fd < 0)
		return fail_errno("'%s/%s'", dir_name, name);
	if (io_write_full(fd, data.p, data.len) != RC_OK) {
		rc = fail_errno("'%s/%s'", dir_name, name);
		unlinkat(dir, name, 0);
	}
	io_close(&fd);
	return rc;
}

struct part {
	char name[32];
	struct slice data;
};

static size_t list_parts(const struct eif *e, struct part part[EIF_SECTIONS_MAX])
{
	size_t n = 0;

	part[n++] = (struct part){ "kernel", e->kernel };
	part[n++] = (struct part){ "cmdline", e->cmdline };
	part[n++] = (struct part){ "metadata.json", e->metadata };
	for (size_t i = 0; i < e->ramdisks; i++) {
		snprintf(part[n].name, sizeof part[n].name, "ramdisk%zu", i);
		part[n++].data = e->ramdisk[i];
	}
	if (e->is_signed)
		part[n++] = (struct part){ "signature", e->signature };
	return n;
}

/* Nothing is left behind of an extraction that failed. */
static enum rc extract(const struct eif *e, const char *dir_name)
{
	struct part part[EIF_SECTIONS_MAX] = { 0 };
	size_t n = list_parts(e, part), done = 0;
	bool made = mkdir(dir_name, 0777) == 0;
	int dir = -1;
	enum rc rc = RC_OK;

	if (made || errno == EEXIST)
		dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_errno("folder '%s'", dir_name);
	for (; done < n && rc == RC_OK; done++)
		rc = write_part(dir, dir_name, part[done].name, part[done].data);
	if (rc != RC_OK) {
		for (size_t i = 0; i + 1 < done; i++)
			unlinkat(dir, part[i].name, 0);
		if (made)
			rmdir(dir_name);
	}
	io_close(&dir);
	return rc;
}

int verb_eif_extract(int argc, char **argv)
{
	struct image im;
	enum rc rc;
	int status;

	if (!parse_operands(argc, argv, 2, extract_help, &status))
		return status;
	rc = image_open(&im, argv[optind]);
	if (rc == RC_OK)
		rc = extract(&im.eif, argv[optind + 1]);
	image_close(&im);
	return rc != RC_OK;
}
