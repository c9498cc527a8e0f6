#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/base/io.h"
#include "tools/image/cpio.h"
#include "tools/image/fail.h"
#include "tools/image/outfile.h"
#include "tools/image/verbs.h"

static const char help[] =
	"usage: casemate-image cpio -o OUT NAME=FILE[:MODE]...\n"
	"\n"
	"Writes an uncompressed newc archive for a ramdisk: the files in the order given,\n"
	"owned by root, dated 1970, so that the same bytes come out everywhere. NAME has no\n"
	"slash, MODE is octal, 0644 by default. Pad what a compressor makes of it with zero\n"
	"bytes to a multiple of 4 if another ramdisk follows.\n"
	"\n"
	"example:\n"
	"  casemate-image cpio -o init.cpio init=build/init:0755\n";

/* Splits NAME=FILE[:MODE] in place. A FILE may have colons: only octal digits
 * after the last one are a mode. */
static bool split(char *arg, const char **name, const char **file, uint32_t *mode)
{
	char *equals = strchr(arg, '='), *colon = strrchr(arg, ':');

	*mode = 0644;
	if (equals == NULL)
		return false;
	*equals = '\0';
	*name = arg;
	*file = equals + 1;
	if (colon > equals && colon[1] != '\0' && strlen(colon + 1) <= 4 &&
	    strspn(colon + 1, "01234567") == strlen(colon + 1)) {
		*mode = (uint32_t)strtoul(colon + 1, NULL, 8);
		*colon = '\0';
	}
	return cpio_name_ok(*name) && **file != '\0';
}

static enum rc add(struct cpio *c, const char *name, const char *file, uint32_t mode)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	enum rc rc;

	if (fd < 0)
		return fail_errno("'%s'", file);
	rc = cpio_add_fd(c, name, mode, fd);
	if (rc == RC_IO)
		rc = fail_errno("'%s'", file);
	else if (rc == RC_LIMIT)
		rc = fail(rc, "'%s': 4 GiB and more do not fit into this format", file);
	else if (rc != RC_OK)
		rc = fail(rc, "'%s': changed while it was read, or is not a file", file);
	io_close(&fd);
	return rc;
}

static enum rc archive(struct outfile *of, int argc, char **argv)
{
	struct cpio c = cpio_of(of->fd);
	enum rc rc = RC_OK;

	for (int i = 0; i < argc && rc == RC_OK; i++) {
		const char *name, *file;
		uint32_t mode;

		if (!split(argv[i], &name, &file, &mode))
			return fail(RC_BAD, "'%s' is not NAME=FILE[:MODE], NAME without a slash",
			            argv[i]);
		rc = add(&c, name, file, mode);
	}
	if (rc != RC_OK)
		return rc;
	if (cpio_end(&c) != RC_OK)
		return fail_errno("output '%s'", of->path);
	return outfile_commit(of);
}

int verb_cpio(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct outfile of = { .fd = -1 };
	const char *out = NULL;
	bool usage = false;
	enum rc rc;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
		if (c == 'h')
			return fputs(help, stdout) < 0;
		if (c == 'o')
			out = optarg;
		else
			usage = true;
	}
	if (usage || out == NULL || optind == argc) {
		fputs("usage: casemate-image cpio -o OUT NAME=FILE[:MODE]...\n", stderr);
		return EXIT_USAGE;
	}
	rc = outfile_open(&of, out);
	if (rc == RC_OK)
		rc = archive(&of, argc - optind, argv + optind);
	outfile_close(&of);
	return rc != RC_OK;
}
