#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/image/assemble.h"
#include "tools/image/fail.h"
#include "tools/image/metadata.h"
#include "tools/image/verbs.h"

static const char help[] =
	"usage: casemate-image eif build --kernel FILE --cmdline TEXT --ramdisk FILE\n"
	"           [--ramdisk FILE...] [--arch x86_64|aarch64] [--metadata FILE]\n"
	"           [--sign-key PEM --sign-cert PEM] -o OUT\n"
	"\n"
	"Puts an enclave image together and prints its measurements.\n"
	"\n"
	"  --kernel FILE     a kernel, e.g. a bzImage\n"
	"  --cmdline TEXT    the kernel's command line (the text, not a file)\n"
	"  --ramdisk FILE    first: part of PCR1; any further: the app, PCR2\n"
	"  --arch ARCH       x86_64 (the default) or aarch64\n"
	"  --metadata FILE   the metadata section's JSON, taken as it is but for a final\n"
	"                    newline; by default one without a name, dated\n"
	"                    SOURCE_DATE_EPOCH or 1970\n"
	"  --sign-key PEM    private key: P-256, P-384 or P-521, PKCS#8 or SEC 1\n"
	"  --sign-cert PEM   its certificate, measured in PCR8\n"
	"  -o, --output OUT  the image; replaced only when everything went well\n"
	"\n"
	"examples:\n"
	"  casemate-image eif build --kernel bzImage --cmdline \"$(cat cmdline)\" \\\n"
	"      --ramdisk init.cpio --ramdisk app.cpio -o app.eif\n"
	"  openssl ecparam -name secp384r1 -genkey -noout -out key.pem\n"
	"  openssl req -new -x509 -sha384 -key key.pem -subj /CN=me -out cert.pem\n"
	"  casemate-image eif build --kernel bzImage --cmdline quiet --ramdisk init.cpio \\\n"
	"      --sign-key key.pem --sign-cert cert.pem -o app.eif\n";

/* With kernel, command line and metadata these make 32 sections. */
enum { RAMDISKS_MAX = EIF_SECTIONS_MAX - 3 };

struct options {
	const char *kernel, *cmdline, *metadata, *key, *cert, *out;
	const char *ramdisk[RAMDISKS_MAX];
	size_t ramdisks;
	bool aarch64, help;
};

static bool take_arch(struct options *o, const char *arch)
{
	o->aarch64 = strcmp(arch, "aarch64") == 0;
	if (o->aarch64 || strcmp(arch, "x86_64") == 0)
		return true;
	fail(RC_BAD, "--arch '%s': x86_64 or aarch64", arch);
	return false;
}

static bool take_option(struct options *o, int c)
{
	switch (c) {
	case 'k': o->kernel = optarg; return true;
	case 'c': o->cmdline = optarg; return true;
	case 'a': return take_arch(o, optarg);
	case 'm': o->metadata = optarg; return true;
	case 'K': o->key = optarg; return true;
	case 'C': o->cert = optarg; return true;
	case 'o': o->out = optarg; return true;
	case 'h': o->help = true; return true;
	case 'r':
		if (o->ramdisks < RAMDISKS_MAX) {
			o->ramdisk[o->ramdisks++] = optarg;
			return true;
		}
		fail(RC_LIMIT, "more than %d ramdisks", RAMDISKS_MAX);
	}
	return false;
}

static bool parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "ramdisk", required_argument, NULL, 'r' },
		{ "arch", required_argument, NULL, 'a' },
		{ "metadata", required_argument, NULL, 'm' },
		{ "sign-key", required_argument, NULL, 'K' },
		{ "sign-cert", required_argument, NULL, 'C' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1)
		if (!take_option(o, c))
			return false;
	if (o->help)
		return true;
	if (optind < argc)
		fail(RC_BAD, "'%s' is not an option", argv[optind]);
	else if (!o->kernel || !o->cmdline || o->ramdisks == 0 || !o->out)
		fail(RC_BAD, "--kernel, --cmdline, --ramdisk and -o are needed");
	else if (!o->key != !o->cert)
		fail(RC_BAD, "--sign-key and --sign-cert go together");
	else
		return true;
	return false;
}

/* A final newline is the shell's or the editor's. nitro-cli leaves it out of
 * the command line as well, where it would be measured. */
static struct slice trimmed(struct slice s)
{
	while (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	return s;
}

static enum rc load_metadata(const char *path, uint8_t **text, struct slice *s)
{
	static const struct metadata_info unnamed = { "image", "1.0", "unknown" };
	char why[METADATA_WHY_MAX];
	struct json_t *root = NULL;
	enum rc rc;

	if (path == NULL) {
		*text = (uint8_t *)metadata_default(&unnamed, why);
		if (*text == NULL)
			return fail(RC_BAD, "%s", why);
		*s = slice_str((char *)*text);
		return RC_OK;
	}
	rc = assemble_read("metadata", path, EIF_METADATA_MAX, text, s);
	if (rc == RC_OK)
		*s = trimmed(*s);
	if (rc == RC_OK && metadata_load(*s, &root, why) != RC_OK)
		rc = fail(RC_BAD, "metadata '%s': %s", path, why);
	metadata_free(&root);
	return rc;
}

static enum rc fill(struct eifwrite *w, const struct options *o, struct slice metadata)
{
	enum rc rc = assemble_file(w, EIF_KERNEL, "kernel", o->kernel, 1);

	if (rc == RC_OK)
		rc = assemble_bytes(w, EIF_CMDLINE, trimmed(slice_str(o->cmdline)));
	if (rc == RC_OK)
		rc = assemble_bytes(w, EIF_METADATA, metadata);
	for (size_t i = 0; rc == RC_OK && i < o->ramdisks; i++)
		rc = assemble_file(w, EIF_RAMDISK, "ramdisk", o->ramdisk[i], 1);
	return rc;
}

int verb_eif_build(int argc, char **argv)
{
	struct options o = { 0 };
	struct outfile of = { .fd = -1 };
	struct eifwrite w;
	uint8_t *text = NULL;
	struct slice metadata = slice_of(NULL, 0);
	enum rc rc;

	if (!parse_options(&o, argc, argv)) {
		fputs("try: casemate-image eif build --help\n", stderr);
		return EXIT_USAGE;
	}
	if (o.help)
		return fputs(help, stdout) < 0;
	rc = load_metadata(o.metadata, &text, &metadata);
	if (rc == RC_OK)
		rc = outfile_open(&of, o.out);
	if (rc == RC_OK && (rc = eifwrite_start(&w, of.fd, o.aarch64)) != RC_OK)
		rc = fail_errno("output '%s'", o.out);
	if (rc == RC_OK)
		rc = fill(&w, &o, metadata);
	if (rc == RC_OK)
		rc = assemble_finish(&w, &of, o.key, o.cert);
	outfile_close(&of);
	free(text);
	return rc != RC_OK;
}
