#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/manifest.h"
#include "tools/image/assemble.h"
#include "tools/image/bzimage.h"
#include "tools/image/cpio.h"
#include "tools/image/fail.h"
#include "tools/image/metadata.h"
#include "tools/image/rootfs.h"
#include "tools/image/verbs.h"

static const char help[] =
	"usage: casemate-image build --from DIR [--channel off|open] [--name NAME]\n"
	"           [--version VERSION] [--kernel FILE] [--init FILE] [--cmdline FILE]\n"
	"           [--sign-key PEM --sign-cert PEM] [-o OUT.eif] [-- CMD [ARG...]]\n"
	"\n"
	"Makes an enclave image that boots with DIR as its root file system and prints its\n"
	"measurements. The same DIR gives the same image everywhere: owners become root,\n"
	"times 1970, extended attributes stay behind.\n"
	"\n"
	"  --from DIR        the app's root file system\n"
	"  --channel MODE    off (the default): nobody gets in; open: whoever reaches the\n"
	"                    enclave can push, pull and exec. Measured.\n"
	"  --name NAME       ImageName, by default DIR's last component\n"
	"  --version VERSION ImageVersion, by default 1.0\n"
	"  --kernel, --init, --cmdline FILE\n"
	"                    kernel, first ramdisk, kernel command line; by default bzImage,\n"
	"                    init.cpio and cmdline beside this program\n"
	"  --sign-key, --sign-cert PEM\n"
	"                    as in `eif build`\n"
	"  -o, --output OUT  the image, by default NAME of DIR and .eif, here\n"
	"  CMD [ARG...]      the main command; without one only the channel is served\n"
	"\n"
	"examples:\n"
	"  casemate-image build --from rootfs -- /bin/server --port 80\n"
	"  casemate-image build --from rootfs --channel open -o debug.eif\n";

struct options {
	const char *from, *name, *version, *kernel, *init, *cmdline, *key, *cert, *out;
	struct manifest manifest;
	bool help;
};

static bool take_channel(struct options *o, const char *mode)
{
	if (strcmp(mode, "open") == 0)
		o->manifest.channel = CHANNEL_OPEN;
	else if (strcmp(mode, "off") == 0)
		o->manifest.channel = CHANNEL_OFF;
	else
		return fail(RC_BAD, "--channel '%s': off or open", mode) == RC_OK;
	return true;
}

static bool take_option(struct options *o, int c)
{
	switch (c) {
	case 'f': o->from = optarg; return true;
	case 'n': o->name = optarg; return true;
	case 'v': o->version = optarg; return true;
	case 'k': o->kernel = optarg; return true;
	case 'i': o->init = optarg; return true;
	case 'c': o->cmdline = optarg; return true;
	case 'K': o->key = optarg; return true;
	case 'C': o->cert = optarg; return true;
	case 'o': o->out = optarg; return true;
	case 'h': o->help = true; return true;
	case 'm': return take_channel(o, optarg);
	}
	return false;
}

static bool take_command(struct options *o, int argc, char **argv)
{
	if (argc > MANIFEST_ARGV_MAX) {
		fail(RC_LIMIT, "the command has more than %d words", MANIFEST_ARGV_MAX);
		return false;
	}
	for (int i = 0; i < argc; i++) {
		struct slice arg = slice_str(argv[i]);

		if (arg.len > MANIFEST_ARG_MAX || (i == 0 && arg.len == 0)) {
			fail(RC_LIMIT, "word %d of the command is %s", i,
			     arg.len > 0 ? "longer than 4096 bytes" : "empty");
			return false;
		}
		o->manifest.argv[o->manifest.argc++] = arg;
	}
	return true;
}

static bool parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "channel", required_argument, NULL, 'm' },
		{ "name", required_argument, NULL, 'n' },
		{ "version", required_argument, NULL, 'v' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "init", required_argument, NULL, 'i' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "sign-key", required_argument, NULL, 'K' },
		{ "sign-cert", required_argument, NULL, 'C' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+o:h", longs, NULL)) != -1)
		if (!take_option(o, c))
			return false;
	if (o->help)
		return true;
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		fail(RC_BAD, "'%s': the command comes after --", argv[optind]);
	else if (o->from == NULL)
		fail(RC_BAD, "--from is needed");
	else if (!o->key != !o->cert)
		fail(RC_BAD, "--sign-key and --sign-cert go together");
	else
		return take_command(o, argc - optind, argv + optind);
	return false;
}

struct paths {
	char base[NAME_MAX + 1]; /* DIR's last component */
	char out[NAME_MAX + 8], kernel[PATH_MAX], init[PATH_MAX], cmdline[PATH_MAX];
};

static enum rc beside_us(char path[PATH_MAX], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return fail_errno("where is this program? /proc/self/exe");
	path[n] = '\0';
	slash = strrchr(path, '/');
	if ((size_t)(slash + 1 - path) + strlen(name) >= PATH_MAX)
		return fail(RC_LIMIT, "'%s': too long a path", path);
	memcpy(slash + 1, name, strlen(name) + 1);
	return RC_OK;
}

/* Fills in what was not given. DIR is resolved, so that "." has a name. */
static enum rc complete(struct options *o, struct paths *p)
{
	char *real = realpath(o->from, NULL);
	struct stat st;
	enum rc rc = RC_OK;

	if (real == NULL || stat(real, &st) < 0)
		rc = fail_errno("--from '%s'", o->from);
	else if (!S_ISDIR(st.st_mode))
		rc = fail(RC_BAD, "--from '%s': not a folder", o->from);
	else
		snprintf(p->base, sizeof p->base, "%s", real[1] ? strrchr(real, '/') + 1 : "root");
	free(real);
	snprintf(p->out, sizeof p->out, "%s.eif", p->base);
	o->name = o->name ? o->name : p->base;
	o->version = o->version ? o->version : "1.0";
	o->out = o->out ? o->out : p->out;
	if (rc == RC_OK && o->kernel == NULL)
		rc = beside_us(p->kernel, "bzImage");
	if (rc == RC_OK && o->init == NULL)
		rc = beside_us(p->init, "init.cpio");
	if (rc == RC_OK && o->cmdline == NULL)
		rc = beside_us(p->cmdline, "cmdline");
	o->kernel = o->kernel ? o->kernel : p->kernel;
	o->init = o->init ? o->init : p->init;
	o->cmdline = o->cmdline ? o->cmdline : p->cmdline;
	return rc;
}

static enum rc add_cmdline(struct eifwrite *w, const char *path)
{
	uint8_t *text = NULL;
	struct slice s;
	enum rc rc = assemble_read("command line", path, 4096, &text, &s);

	while (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	if (rc == RC_OK)
		rc = assemble_bytes(w, EIF_CMDLINE, s);
	free(text);
	return rc;
}

static enum rc add_metadata(struct eifwrite *w, const struct options *o)
{
	static uint8_t head[BZIMAGE_HEAD];
	char why[METADATA_WHY_MAX], version[BZIMAGE_VERSION_MAX];
	struct metadata_info info = { o->name, o->version, version };
	ssize_t n = pread(w->fd, head, sizeof head, EIF_HEADER_LEN + EIF_SECTION_HEADER_LEN);
	char *text;
	enum rc rc;

	bzimage_version(slice_of(head, n > 0 ? (size_t)n : 0), version);
	text = metadata_default(&info, why);
	if (text == NULL)
		return fail(RC_BAD, "%s", why);
	rc = assemble_bytes(w, EIF_METADATA, slice_str(text));
	free(text);
	return rc;
}

static enum rc pack(struct cpio *c, const struct manifest *m, int rootfs)
{
	static uint8_t buf[MANIFEST_MAX];
	struct wbuf b = wbuf_of(buf, sizeof buf);
	enum rc rc;

	manifest_put(&b, m);
	if (b.over)
		return fail(RC_LIMIT, "the command is longer than a manifest's %d bytes",
		            MANIFEST_MAX);
	rc = cpio_add(c, "manifest", 0444, wbuf_slice(&b));
	if (rc == RC_OK)
		rc = cpio_add_fd(c, "root.erofs", 0444, rootfs);
	if (rc == RC_OK)
		rc = cpio_end(c);
	if (rc == RC_LIMIT)
		return fail(rc, "the packed root file system has 4 GiB or more");
	return rc == RC_OK ? rc : fail_errno("writing the image");
}

static enum rc add_app(struct eifwrite *w, const struct options *o)
{
	struct outfile root = { .fd = -1 };
	struct cpio c = cpio_of(w->fd);
	enum rc rc = outfile_scratch(&root, o->out);
	int fd = -1;

	if (rc == RC_OK)
		rc = rootfs_make(o->from, root.temporary);
	if (rc == RC_OK && (fd = open(root.temporary, O_RDONLY | O_CLOEXEC)) < 0)
		rc = fail_errno("the packed root file system");
	if (rc == RC_OK && eifwrite_begin(w) != RC_OK)
		rc = fail_errno("writing the image");
	if (rc == RC_OK)
		rc = pack(&c, &o->manifest, fd);
	if (rc == RC_OK && eifwrite_end(w, EIF_RAMDISK) != RC_OK)
		rc = fail_errno("writing the image");
	io_close(&fd);
	outfile_close(&root);
	return rc;
}

static enum rc build(const struct options *o, struct outfile *of)
{
	struct eifwrite w;
	enum rc rc = outfile_open(of, o->out);

	if (rc == RC_OK && eifwrite_start(&w, of->fd, false) != RC_OK)
		rc = fail_errno("output '%s'", o->out);
	if (rc == RC_OK)
		rc = assemble_file(&w, EIF_KERNEL, "kernel", o->kernel, 1);
	if (rc == RC_OK)
		rc = add_cmdline(&w, o->cmdline);
	if (rc == RC_OK)
		rc = add_metadata(&w, o);
	if (rc == RC_OK)
		rc = assemble_file(&w, EIF_RAMDISK, "first ramdisk", o->init, CPIO_ALIGN);
	if (rc == RC_OK)
		rc = add_app(&w, o);
	return rc == RC_OK ? assemble_finish(&w, of, o->key, o->cert) : rc;
}

int verb_app(int argc, char **argv)
{
	struct options o = { 0 };
	struct outfile of = { .fd = -1 };
	struct paths p = { 0 };
	enum rc rc;

	if (!parse_options(&o, argc, argv)) {
		fputs("try: casemate-image build --help\n", stderr);
		return EXIT_USAGE;
	}
	if (o.help)
		return fputs(help, stdout) < 0;
	rc = complete(&o, &p);
	if (rc == RC_OK)
		rc = build(&o, &of);
	outfile_close(&of);
	return rc != RC_OK;
}
