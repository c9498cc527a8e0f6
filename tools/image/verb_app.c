#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/assemble.h"
#include "tools/image/bzimage.h"
#include "tools/image/commands.h"
#include "tools/image/cpio.h"
#include "tools/image/fail.h"
#include "tools/image/metadata.h"
#include "tools/image/netfiles.h"
#include "tools/image/oci_image.h"
#include "tools/image/outputs.h"
#include "tools/image/plan.h"
#include "tools/image/rootfs.h"
#include "tools/image/users.h"
#include "tools/image/verbs.h"

static const char help[] =
	"usage: casemate-image build --from SRC [--manifest FILE] [OPTION...] [-o OUT.eif]\n"
	"       casemate-image build --from SRC [--channel off|open] [OPTION...] [-o OUT.eif]\n"
	"           [-- CMD [ARG...]]\n"
	"\n"
	"Makes an enclave image that boots with SRC as its root file system and prints its\n"
	"measurements. The same SRC gives the same image everywhere.\n"
	"\n"
	"  --from SRC        a container image: an OCI layout (folder or tar) or what\n"
	"                    docker save wrote, compressed or not; owners, modes, times and\n"
	"                    user.* attributes are the image's, its digests are checked. Or\n"
	"                    a folder with a root file system: owners become root, times\n"
	"                    1970, extended attributes stay behind\n"
	"  --manifest FILE   what runs in the enclave and who gets in, as YAML: services, their\n"
	"                    order, readiness, restarts and limits, the channel\n"
	"                    (tools/image/MANIFEST.md). Measured.\n"
	"  --channel MODE    without a manifest: off (the default): nobody gets in; open:\n"
	"                    whoever reaches the enclave can push, pull and exec. Measured.\n"
	"  --name NAME       ImageName, by default SRC's last component\n"
	"  --version VERSION ImageVersion, by default 1.0\n"
	"  --ref NAME        which image, by name or digest, when SRC holds several\n"
	"  --arch ARCH       whose image, x86_64 by default; goes with kernel and init\n"
	"  --max-size SIZE   how much a container image may unpack to, 16G by default;\n"
	"                    K, M, G or T are powers of 1024\n"
	"  --kernel, --init, --cmdline FILE\n"
	"                    kernel, first ramdisk, kernel command line; by default bzImage,\n"
	"                    init.cpio and cmdline beside this program\n"
	"  --sign-key, --sign-cert PEM\n"
	"                    as in `eif build`\n"
	"  -o, --output OUT  the image, by default NAME of SRC and .eif, here. Beside it, with\n"
	"                    another ending: .measurements.json, .cdx.json (what it is made\n"
	"                    of), .intoto.json (where it comes from), and of a signed image\n"
	"                    .intoto.cose\n"
	"  CMD [ARG...]      without a manifest: the one service, app; without a command only\n"
	"                    the channel is served. A container image's Entrypoint stays in\n"
	"                    front of it, its Cmd is what it replaces; it runs with the image's\n"
	"                    Env, WorkingDir and User, or in / as root\n"
	"\n"
	"examples:\n"
	"  casemate-image build --from rootfs -- /bin/server --port 80\n"
	"  skopeo copy docker://debian:12 oci-archive:debian.tar\n"
	"  casemate-image build --from debian.tar --channel open -o debug.eif\n"
	"  casemate-image build --from debian.tar --manifest app.yaml -o app.eif\n";

struct options {
	const char *from, *name, *version, *kernel, *init, *cmdline, *key, *cert, *out, *ref;
	const char *manifest;
	uint64_t max_size;
	bool aarch64, is_image, help, channel_given;
	bool our_kernel, our_init; /* those beside the program */
	enum channel_mode channel;
	int argc; /* the command */
	char **argv;
	struct oci_image *image; /* its strings are in the plan */
	struct plan *plan;
};

static bool take_channel(struct options *o, const char *mode)
{
	o->channel_given = true;
	if (strcmp(mode, "open") == 0)
		o->channel = CHANNEL_OPEN;
	else if (strcmp(mode, "off") == 0)
		o->channel = CHANNEL_OFF;
	else
		return fail(RC_BAD, "--channel '%s': off or open", mode) == RC_OK;
	return true;
}

static bool take_arch(struct options *o, const char *arch)
{
	o->aarch64 = strcmp(arch, "aarch64") == 0 || strcmp(arch, "arm64") == 0;
	if (o->aarch64 || strcmp(arch, "x86_64") == 0 || strcmp(arch, "amd64") == 0)
		return true;
	return fail(RC_BAD, "--arch '%s': x86_64 or aarch64", arch) == RC_OK;
}

/* "512M", "16G", "1000" */
static bool take_size(struct options *o, const char *text)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long n;
	const char *unit;
	int shift;

	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end != '\0' ? strchr(units, *end) : NULL;
	shift = unit ? 10 * (int)(unit - units + 1) : 0;
	if (errno != 0 || *text < '0' || *text > '9' || n == 0 || end[unit ? 1 : 0] != '\0' ||
	    n > (1ULL << 50) >> shift)
		return fail(RC_BAD, "--max-size '%s': a number up to 1024T, with K, M, G or T",
		            text) == RC_OK;
	o->max_size = (uint64_t)n << shift;
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
	case 'M': o->manifest = optarg; return true;
	case 'm': return take_channel(o, optarg);
	case 'r': o->ref = optarg; return true;
	case 'a': return take_arch(o, optarg);
	case 's': return take_size(o, optarg);
	}
	return false;
}

static bool parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "manifest", required_argument, NULL, 'M' },
		{ "channel", required_argument, NULL, 'm' },
		{ "name", required_argument, NULL, 'n' },
		{ "ref", required_argument, NULL, 'r' },
		{ "arch", required_argument, NULL, 'a' },
		{ "max-size", required_argument, NULL, 's' },
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
	o->argc = argc - optind;
	o->argv = argv + optind;
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		fail(RC_BAD, "'%s': the command comes after --", argv[optind]);
	else if (o->from == NULL)
		fail(RC_BAD, "--from is needed");
	else if (!o->key != !o->cert)
		fail(RC_BAD, "--sign-key and --sign-cert go together");
	else if (o->manifest != NULL && o->channel_given)
		fail(RC_BAD, "--channel and --manifest: the manifest's key channel says it");
	else if (o->manifest != NULL && o->argc > 0)
		fail(RC_BAD, "--manifest and a command: the manifest's services say what runs");
	else
		return true;
	return false;
}

struct paths {
	char base[NAME_MAX + 1]; /* SRC's last component */
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

/* The last component, of an archive without what says that it is one. */
static void base_name(const char *path, bool archive, char base[NAME_MAX + 1])
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".tgz", ".tar", ".oci" };
	const char *slash = strrchr(path, '/');

	snprintf(base, NAME_MAX + 1, "%s", path[1] ? (slash ? slash + 1 : path) : "root");
	for (size_t i = 0; archive && i < sizeof ends / sizeof *ends; i++) {
		size_t len = strlen(base), end = strlen(ends[i]);

		if (len > end && strcmp(base + len - end, ends[i]) == 0)
			base[len - end] = '\0';
	}
}

/* Fills in what was not given. SRC is resolved, so that "." has a name. */
static enum rc complete(struct options *o, struct paths *p)
{
	char *real = realpath(o->from, NULL);
	struct stat st;
	enum rc rc = RC_OK;

	if (real == NULL || stat(real, &st) < 0)
		rc = fail_errno("--from '%s'", o->from);
	else
		base_name(real, !S_ISDIR(st.st_mode), p->base);
	free(real);
	o->is_image = rc == RC_OK && oci_image_is(o->from);
	o->max_size = o->max_size ? o->max_size : 16ULL << 30;
	snprintf(p->out, sizeof p->out, "%s.eif", p->base);
	o->name = o->name ? o->name : p->base;
	o->version = o->version ? o->version : "1.0";
	o->out = o->out ? o->out : p->out;
	o->our_kernel = o->kernel == NULL;
	o->our_init = o->init == NULL;
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

static enum rc pack(struct cpio *c, struct plan *plan, int rootfs)
{
	struct slice manifest;
	enum rc rc = plan_encode(plan, &manifest);

	if (rc != RC_OK)
		return rc;
	rc = cpio_add(c, "manifest", 0444, manifest);
	if (rc == RC_OK)
		rc = cpio_add_fd(c, "root.erofs", 0444, rootfs);
	if (rc == RC_OK)
		rc = cpio_end(c);
	if (rc == RC_LIMIT)
		return fail(rc, "the packed root file system has 4 GiB or more");
	return rc == RC_OK ? rc : fail_errno("writing the image");
}

/* What the enclave does not do. */
static void warn_unapplied(const struct oci_config *c, const struct plan *plan)
{
	if (c->stop_signal >= PLAN_RT_SIGNAL)
		fail_warn(
			"the image's StopSignal %d is a real-time signal and not applied: SIGTERM "
			"is, unless a manifest says another",
			c->stop_signal);
	if (plan->ingress == NULL && plan_own_ports(c) > 0)
		fail_warn("ports that the image exposes and the appliance has itself are not "
		          "published (ports: %zu of %zu)",
		          plan_own_ports(c), c->ports);
	if (c->volumes)
		fail_warn("the image's Volumes are ordinary folders in an enclave");
	if (c->healthcheck)
		fail_warn("the image's Healthcheck is not applied");
}

static enum rc make_root_of_folder(struct options *o, const char *out)
{
	struct users users = { 0 };
	enum rc rc = o->ref ? fail(RC_BAD, "--ref is for container images") : RC_OK;

	if (rc == RC_OK)
		rc = plan_inherit(o->plan, NULL, o->argc, o->argv);
	if (rc == RC_OK)
		rc = users_read(&users, o->from);
	if (rc == RC_OK)
		rc = plan_users(o->plan, NULL, users.passwd, users.group);
	users_free(&users);
	if (rc != RC_OK)
		return rc;
	commands_check(o->plan, &(struct commands_root){ .folder = o->from });
	return plan_has_network(o->plan) ? netfiles_pack(o->from, out) : rootfs_make(o->from, out);
}

static enum rc make_root(struct options *o, const char *out)
{
	struct oci_choice choice = { o->from, o->ref, o->aarch64 ? "arm64" : "amd64", o->max_size,
		                     o->out };
	const struct oci_config *config;
	enum rc rc;

	if (!o->is_image)
		return make_root_of_folder(o, out);
	o->image = oci_image_new(&choice);
	if (o->image == NULL)
		return RC_LIMIT;
	config = &o->image->config;
	rc = oci_image_open(o->image);
	if (rc == RC_OK)
		rc = plan_inherit(o->plan, config, o->argc, o->argv);
	if (rc == RC_OK)
		rc = oci_image_pack(o->image, plan_has_network(o->plan), out);
	if (rc == RC_OK)
		rc = plan_users(o->plan, config, o->image->passwd, o->image->group);
	if (rc != RC_OK)
		return rc;
	warn_unapplied(config, o->plan);
	commands_check(o->plan, &(struct commands_root){ .tree = &o->image->tree });
	return RC_OK;
}

static enum rc add_app(struct eifwrite *w, struct options *o)
{
	struct outfile root = { .fd = -1 };
	struct cpio c = cpio_of(w->fd);
	enum rc rc = outfile_scratch(&root, o->out);
	int fd = -1;

	if (rc == RC_OK)
		rc = make_root(o, root.temporary);
	if (rc == RC_OK && (fd = open(root.temporary, O_RDONLY | O_CLOEXEC)) < 0)
		rc = fail_errno("the packed root file system");
	if (rc == RC_OK && eifwrite_begin(w) != RC_OK)
		rc = fail_errno("writing the image");
	if (rc == RC_OK)
		rc = pack(&c, o->plan, fd);
	if (rc == RC_OK && eifwrite_end(w, EIF_RAMDISK) != RC_OK)
		rc = fail_errno("writing the image");
	io_close(&fd);
	outfile_close(&root);
	return rc;
}

/* What the statement will record: said before packing takes long. */
static enum rc check_texts(const struct options *o)
{
	const char *slash = strrchr(o->out, '/');
	const struct {
		const char *what, *text;
	} texts[] = {
		{ "--name", o->name },
		{ "--version", o->version },
		{ "--ref", o->ref },
		{ "--output", slash ? slash + 1 : o->out },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].text != NULL && !provenance_is_text(texts[i].text))
			return fail(RC_BAD, "%s '%s': not UTF-8, as the provenance needs it",
			            texts[i].what, texts[i].text);
	for (int i = 0; i < o->argc; i++)
		if (!provenance_is_text(o->argv[i]))
			return fail(RC_BAD,
			            "word %d of the command, '%s': not UTF-8, as the provenance "
			            "needs it",
			            i + 1, o->argv[i]);
	return RC_OK;
}

/* Before anything is written or takes long. */
static enum rc prepare(struct options *o, struct paths *p, struct slice manifest)
{
	enum rc rc = complete(o, p);

	if (rc != RC_OK)
		return rc;
	o->plan = plan_new();
	if (o->plan == NULL)
		return RC_LIMIT;
	if (manifest.p != NULL)
		return plan_parse(o->plan, "recorded manifest", manifest);
	if (o->manifest != NULL)
		return plan_read(o->plan, o->manifest);
	plan_default(o->plan, o->channel);
	return RC_OK;
}

static enum rc fill(struct eifwrite *w, struct options *o, struct outfile *of)
{
	enum rc rc = RC_OK;

	if (eifwrite_start(w, of->fd, o->aarch64) != RC_OK)
		rc = fail_errno("output '%s'", o->out);
	if (rc == RC_OK)
		rc = assemble_file(w, EIF_KERNEL, "kernel", o->kernel, 1);
	if (rc == RC_OK)
		rc = add_cmdline(w, o->cmdline);
	if (rc == RC_OK)
		rc = add_metadata(w, o);
	if (rc == RC_OK)
		rc = assemble_file(w, EIF_RAMDISK, "first ramdisk", o->init, CPIO_ALIGN);
	return rc == RC_OK ? add_app(w, o) : rc;
}

static enum rc finish(struct eifwrite *w, const struct options *o, struct outfile *of)
{
	static const char *const channels[] = { [CHANNEL_OFF] = "off", [CHANNEL_OPEN] = "open" };
	char why[METADATA_WHY_MAX];
	struct recipe r = {
		.parameters = {
			.name = o->name,
			.version = o->version,
			.manifest = o->plan->text,
			.channel = o->manifest ? NULL : channels[o->channel],
			.arch = o->aarch64 ? "aarch64" : "x86_64",
			.ref = o->ref,
			.argc = (size_t)o->argc,
			.argv = (const char *const *)o->argv,
		},
		.folder = o->from,
		.image = o->image,
		.our_kernel = o->our_kernel,
		.our_init = o->our_init,
		.sign_key = o->key,
		.sign_cert = o->cert,
	};

	if (metadata_epoch(&r.parameters.epoch, why) != RC_OK)
		return fail(RC_BAD, "%s", why);
	return outputs_finish(w, of, &r);
}

static enum rc build(struct options *o, struct outfile *of)
{
	struct eifwrite w;
	enum rc rc = check_texts(o);

	if (rc == RC_OK)
		rc = outfile_open(of, o->out);
	if (rc == RC_OK)
		rc = fill(&w, o, of);
	return rc == RC_OK ? finish(&w, o, of) : rc;
}

/* Says what was wrong with the manifest, too. */
static void forget(struct options *o)
{
	if (o->plan != NULL)
		notes_print(&o->plan->notes);
	plan_free(o->plan);
	oci_image_free(o->image);
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
	rc = prepare(&o, &p, slice_of(NULL, 0));
	if (rc == RC_OK)
		rc = build(&o, &of);
	outfile_close(&of);
	forget(&o);
	return rc != RC_OK;
}

enum rc verb_app_again(int argc, char **argv, struct slice manifest, const char *beside,
                       struct outfile *scratch)
{
	struct options o = { 0 };
	struct paths p = { 0 };
	struct eifwrite w;
	enum rc rc = RC_BAD;

	optind = 0; /* getopt begins anew */
	if (parse_options(&o, argc, argv))
		rc = prepare(&o, &p, manifest);
	o.out = beside;
	if (rc == RC_OK)
		rc = outfile_scratch(scratch, beside);
	if (rc == RC_OK)
		rc = fill(&w, &o, scratch);
	if (rc == RC_OK && eifwrite_finish(&w) != RC_OK)
		rc = fail_errno("writing the image");
	forget(&o);
	return rc;
}
