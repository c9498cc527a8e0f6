/* casemate-image: builds and reads enclave images. */
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "appliance/base/version.h"
#include "tools/image/fail.h"
#include "tools/image/outfile.h"
#include "tools/image/verbs.h"

static const char help[] =
	"usage: casemate-image VERB ...      (casemate-image VERB --help says more)\n"
	"\n"
	"  build --from SRC [-- CMD...]   an image from a container image or a folder\n"
	"  manifest check FILE            check a manifest, print what it means\n"
	"  rebuild-check FILE --from SRC  build it again and compare, byte for byte\n"
	"  provenance-check FILE          check an image against its .intoto.json\n"
	"  eif build                      an image from a kernel and ramdisks\n"
	"  eif describe FILE              check an image, print its measurements\n"
	"  eif extract FILE DIR           check an image, write out its parts\n"
	"  cpio -o OUT NAME=FILE...       a reproducible archive for a ramdisk\n"
	"\n"
	"  --help, --version\n"
	"\n"
	"example:\n"
	"  casemate-image build --from rootfs --channel open -o app.eif -- /bin/server\n";

static const struct verb {
	const char *group, *name; /* group: NULL, or the word before the name */
	const char *title, *argv0;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ NULL, "build", "build", "casemate-image: build", verb_app },
	{ NULL, "cpio", "cpio", "casemate-image: cpio", verb_cpio },
	{ "manifest", "check", "manifest check", "casemate-image: manifest check",
	  verb_manifest_check },
	{ NULL, "rebuild-check", "rebuild-check", "casemate-image: rebuild-check",
	  verb_rebuild_check },
	{ NULL, "provenance-check", "provenance-check", "casemate-image: provenance-check",
	  verb_provenance_check },
	{ "eif", "build", "eif build", "casemate-image: eif build", verb_eif_build },
	{ "eif", "describe", "eif describe", "casemate-image: eif describe", verb_eif_describe },
	{ "eif", "extract", "eif extract", "casemate-image: eif extract", verb_eif_extract },
};

static int run(const struct verb *v, int argc, char **argv)
{
	char argv0[64];

	snprintf(argv0, sizeof argv0, "%s", v->argv0);
	argv[0] = argv0;
	fail_verb(v->title);
	return v->run(argc, argv);
}

/* Is it a word that other verbs begin with? */
static bool in_group(const char *word)
{
	return strcmp(word, "eif") == 0 || strcmp(word, "manifest") == 0;
}

static int choose(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(help, stdout) < 0;
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return printf("casemate-image %s\n", CASEMATE_VERSION) < 0;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		const struct verb *v = &verbs[i];
		int words = v->group ? 2 : 1;

		if (argc > words && (!v->group || strcmp(argv[1], v->group) == 0) &&
		    strcmp(argv[words], v->name) == 0)
			return run(v, argc - words, argv + words);
	}
	if (argc > 2 && in_group(argv[1]) &&
	    (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0))
		return fputs(help, stdout) < 0;
	fputs(help, stderr);
	if (argc > 2 && in_group(argv[1]))
		fail(RC_BAD, "there is no verb '%s %s'", argv[1], argv[2]);
	else if (argc > 1 && !in_group(argv[1]))
		fail(RC_BAD, "there is no verb '%s'", argv[1]);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int status;

	outfile_init();
	/* Names in archives are UTF-8, whatever the user's locale is. */
	setlocale(LC_CTYPE, "C.UTF-8");
	status = choose(argc, argv);
	/* What was printed must have arrived. */
	if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		status = fail_errno("standard output") != RC_OK;
	return status;
}
