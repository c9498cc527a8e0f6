/* Whether an image is what its statement says, and whether it can be made again. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/image/cpio.h"
#include "tools/image/fail.h"
#include "tools/image/outputs.h"
#include "tools/image/seal.h"
#include "tools/image/verbs.h"

static const char rebuild_help[] =
	"usage: casemate-image rebuild-check OUT.eif --from SRC [--cert PEM] [--manifest FILE]\n"
	"           [--ref NAME] [--max-size SIZE] [--kernel FILE] [--init FILE]\n"
	"           [--cmdline FILE]\n"
	"\n"
	"Checks OUT.eif as provenance-check does, builds it once more from SRC with the\n"
	"options and the manifest that OUT.intoto.json recorded, and compares the two byte\n"
	"for byte. Of a signed image, its signature is checked and not made again. Exit\n"
	"status: 0 the same, 1 not, or it failed.\n"
	"\n"
	"  --from SRC        what the image was built from\n"
	"  --cert PEM        OUT.intoto.cose must be there and signed by this certificate\n"
	"  --manifest FILE   must be the recorded manifest, byte for byte\n"
	"  --ref NAME        instead of the recorded one\n"
	"  --max-size, --kernel, --init, --cmdline\n"
	"                    as in `build`\n"
	"\n"
	"example:\n"
	"  casemate-image rebuild-check app.eif --from rootfs\n";

static const char provenance_help[] =
	"usage: casemate-image provenance-check OUT.eif [--cert PEM]\n"
	"\n"
	"Checks that OUT.intoto.json is for OUT.eif: its digests, its measurements, its\n"
	"kernel, command line and first ramdisk. Whoever can write both files can make\n"
	"that true, so with --cert OUT.intoto.cose must be there, hold the same statement\n"
	"and be signed by this certificate.\n"
	"\n"
	"example:\n"
	"  casemate-image provenance-check app.eif --cert release.pem\n";

enum { PASSED_MAX = 10 };

struct options {
	const char *eif, *from, *cert, *manifest, *ref;
	size_t passed;
	const char *pass[PASSED_MAX]; /* options of build, and their values */
	bool help;
};

static bool pass(struct options *o, const char *option)
{
	if (o->passed + 2 > PASSED_MAX)
		return fail(RC_LIMIT, "%s: an option comes twice", option) == RC_OK;
	o->pass[o->passed++] = option;
	o->pass[o->passed++] = optarg;
	return true;
}

static bool take_option(struct options *o, int c)
{
	switch (c) {
	case 'f': o->from = optarg; return true;
	case 'C': o->cert = optarg; return true;
	case 'M': o->manifest = optarg; return true;
	case 'r': o->ref = optarg; return true;
	case 'h': o->help = true; return true;
	case 's': return pass(o, "--max-size");
	case 'k': return pass(o, "--kernel");
	case 'i': return pass(o, "--init");
	case 'c': return pass(o, "--cmdline");
	}
	return false;
}

static bool parse_options(struct options *o, bool rebuild, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "cert", required_argument, NULL, 'C' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "cert", required_argument, NULL, 'C' },
		{ "from", required_argument, NULL, 'f' },
		{ "manifest", required_argument, NULL, 'M' },
		{ "ref", required_argument, NULL, 'r' },
		{ "max-size", required_argument, NULL, 's' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "init", required_argument, NULL, 'i' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", rebuild ? more : longs, NULL)) != -1)
		if (!take_option(o, c))
			return false;
	o->eif = argv[optind];
	if (o->help)
		return true;
	if (argc - optind != 1)
		fail(RC_BAD, "one image is needed");
	else if (rebuild && o->from == NULL)
		fail(RC_BAD, "--from is needed");
	else
		return true;
	return false;
}

/* --- the statement --- */

static enum rc check_seal(const struct options *o, struct slice statement)
{
	struct signer signer = { 0 };
	char path[PATH_MAX];
	uint8_t *cose = NULL;
	struct slice in = { 0 }, payload;
	const char *why = "";
	enum rc rc = signer_load_cert(&signer, o->cert);

	if (rc == RC_OK)
		rc = outputs_path(o->eif, OUTPUT_SEAL, path);
	if (rc == RC_OK)
		rc = assemble_read("signed statement", path, SEAL_MAX, &cose, &in);
	if (rc == RC_OK && (rc = seal_open(in, &signer.cert, &payload, &why)) != RC_OK)
		rc = fail(rc, "'%s': %s", path, why);
	if (rc == RC_OK && !slice_eq(payload, statement))
		rc = fail(RC_MISMATCH, "'%s': what it signs is not the .intoto.json beside it",
		          path);
	free(cose);
	signer_free(&signer);
	return rc;
}

static enum rc check_statement(const struct image *im, const struct provenance *stated,
                               const char *path)
{
	struct provenance is = { .source = stated->source };
	const char *why;
	enum rc rc = provenance_measure(&is, im);

	if (rc == RC_OK && (rc = provenance_compare(stated, &is, &why)) != RC_OK)
		rc = fail(rc, "'%s' %s", path, why);
	return rc;
}

/* Reads the statement beside an image that was opened and checks the two. */
static enum rc check(const struct options *o, const struct image *im, struct provenance *stated)
{
	char path[PATH_MAX], why[METADATA_WHY_MAX];
	uint8_t *text = NULL;
	struct slice s;
	enum rc rc = outputs_path(o->eif, OUTPUT_STATEMENT, path);

	if (rc == RC_OK)
		rc = assemble_read("statement", path, PROVENANCE_MAX, &text, &s);
	if (rc == RC_OK && (rc = provenance_load(s, stated, why)) != RC_OK)
		rc = fail(rc, "'%s': %s", path, why);
	if (rc == RC_OK)
		rc = check_statement(im, stated, path);
	if (rc == RC_OK && o->cert != NULL)
		rc = check_seal(o, s);
	free(text);
	return rc;
}

/* --- building it again --- */

/* The statement's text has the digest that it states, so the text is compared. */
static enum rc check_manifest(const char *path, struct slice recorded)
{
	uint8_t *text = NULL;
	struct slice s;
	enum rc rc;

	if (recorded.p == NULL)
		return fail(RC_MISMATCH, "--manifest '%s': the image was built without one", path);
	rc = assemble_read("manifest", path, YAML_MAX, &text, &s);
	if (rc == RC_OK && !slice_eq(s, recorded))
		rc = fail(RC_MISMATCH,
		          "manifest '%s': its SHA-256 is not the recorded one's, so it is not "
		          "what the image was built with",
		          path);
	free(text);
	return rc;
}

static char *word(const char *s)
{
	return (char *)(uintptr_t)s; /* getopt_long wants it so, and does not write */
}

static enum rc build_again(const struct options *o, const struct provenance *p,
                           struct outfile *scratch)
{
	const char *const given[][2] = {
		{ "--from", o->from },       { "--name", p->name },
		{ "--version", p->version }, { "--arch", p->arch },
		{ "--channel", p->channel }, { "--ref", o->ref ? o->ref : p->ref },
	};
	const size_t max = 2 + sizeof given / sizeof **given + PASSED_MAX + p->argc;
	char **argv = calloc(max + 1, sizeof *argv), epoch[24];
	size_t n = 0;
	enum rc rc;

	snprintf(epoch, sizeof epoch, "%lld", (long long)p->epoch);
	if (argv == NULL || setenv("SOURCE_DATE_EPOCH", epoch, 1) < 0) {
		free(argv);
		return fail(RC_LIMIT, "memory is out");
	}
	argv[n++] = word("casemate-image: rebuild-check");
	for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
		if (given[i][1] == NULL)
			continue;
		argv[n++] = word(given[i][0]);
		argv[n++] = word(given[i][1]);
	}
	for (size_t i = 0; i < o->passed; i++)
		argv[n++] = word(o->pass[i]);
	argv[n++] = word("--");
	for (size_t i = 0; i < p->argc; i++)
		argv[n++] = word(p->argv[i]);
	rc = verb_app_again((int)n, argv, p->manifest, o->eif, scratch);
	free(argv);
	return rc;
}

/* --- comparing --- */

static enum rc differs(const char *part, struct slice a, struct slice b, const char *hint)
{
	size_t at = 0;

	while (at < a.len && at < b.len && a.p[at] == b.p[at])
		at++;
	if (a.len == b.len)
		return fail(RC_MISMATCH,
		            "built again it differs, first in the %s, at offset %zu of its %zu "
		            "bytes%s",
		            part, at, a.len, hint);
	return fail(RC_MISMATCH,
	            "built again it differs, first in the %s, which had %zu bytes and now has %zu: "
	            "the first %zu are the same%s",
	            part, a.len, b.len, at, hint);
}

static enum rc compare_app(struct slice a, struct slice b)
{
	static const struct {
		const char *file, *part;
	} files[] = { { "manifest", "manifest" }, { "root.erofs", "root file system" } };
	struct slice x, y;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (cpio_find(a, files[i].file, &x) && cpio_find(b, files[i].file, &y) &&
		    !slice_eq(x, y))
			return differs(files[i].part, x, y, "");
	return slice_eq(a, b) ? RC_OK : differs("second ramdisk", a, b, "");
}

/* Both are of `build`, so that each has all of these and nothing else but a header. */
static enum rc compare(const struct image *a, const struct image *b)
{
	const struct eif *x = &a->eif, *y = &b->eif;
	enum rc rc;

	if (!slice_eq(x->kernel, y->kernel))
		return differs("kernel", x->kernel, y->kernel,
		               "; was it another Casemate? (--kernel)");
	if (!slice_eq(x->cmdline, y->cmdline))
		return differs("command line", x->cmdline, y->cmdline,
		               "; was it another Casemate? (--cmdline)");
	if (!slice_eq(x->metadata, y->metadata))
		return differs("metadata", x->metadata, y->metadata, "");
	if (!slice_eq(x->ramdisk[0], y->ramdisk[0]))
		return differs("ramdisk 0", x->ramdisk[0], y->ramdisk[0],
		               "; was it another Casemate? (--init)");
	rc = compare_app(x->ramdisk[1], y->ramdisk[1]);
	if (rc != RC_OK)
		return rc;
	if (x->aarch64 != y->aarch64 || x->memory != y->memory || x->cpus != y->cpus ||
	    (!x->is_signed && !slice_eq(a->file, b->file)))
		return differs("header", a->file, b->file, "");
	return RC_OK;
}

static enum rc rebuild(const struct options *o, const struct image *im,
                       const struct provenance *stated)
{
	struct outfile scratch = { .fd = -1 };
	struct image again = { 0 };
	enum rc rc = o->manifest ? check_manifest(o->manifest, stated->manifest) : RC_OK;

	if (rc == RC_OK)
		rc = build_again(o, stated, &scratch);
	if (rc == RC_OK)
		rc = image_load(&again, scratch.fd, "the image built again");
	if (rc == RC_OK)
		rc = compare(im, &again);
	image_close(&again);
	outfile_close(&scratch);
	return rc;
}

/* --- the verbs --- */

static int run(bool with_rebuild, const char *help, int argc, char **argv)
{
	struct options o = { 0 };
	struct provenance stated = { 0 };
	struct image im = { 0 };
	enum rc rc;

	if (!parse_options(&o, with_rebuild, argc, argv)) {
		fprintf(stderr, "%.*s", (int)(strchr(help, '\n') + 1 - help), help);
		return EXIT_USAGE;
	}
	if (o.help)
		return fputs(help, stdout) < 0;
	rc = image_open(&im, o.eif);
	if (rc == RC_OK)
		rc = check(&o, &im, &stated);
	if (rc == RC_OK && with_rebuild)
		rc = rebuild(&o, &im, &stated);
	if (rc == RC_OK && printf("%s\n", with_rebuild ? "same" : "good") < 0)
		rc = fail_errno("standard output");
	image_close(&im);
	provenance_free(&stated);
	return rc != RC_OK;
}

int verb_rebuild_check(int argc, char **argv)
{
	return run(true, rebuild_help, argc, argv);
}

int verb_provenance_check(int argc, char **argv)
{
	return run(false, provenance_help, argc, argv);
}
