/* The statement of where an image comes from: what is written is read again, every
 * prefix and every change of it is refused or seen. */
#include "tests/unit/test.h"
#include "tools/image/outputs.h"
#include "tools/image/provenance.h"

static const char *const words[] = { "/bin/x", "--name", "\xc3\xa9\n\"", "" };
static char why[METADATA_WHY_MAX];

static struct provenance sample(enum source_kind source, bool is_signed)
{
	struct provenance p = { .eif = "x.eif",
		                .is_signed = is_signed,
		                .name = "n",
		                .version = "1.0",
		                .channel = "open",
		                .arch = "x86_64",
		                .ref = source == SOURCE_OCI ? "it" : NULL,
		                .epoch = METADATA_EPOCH_MAX,
		                .argc = 4,
		                .argv = words,
		                .source = source };

	memset(p.sha256, 1, sizeof p.sha256);
	memset(p.sha384, 2, sizeof p.sha384);
	memset(&p.pcrs, 3, sizeof p.pcrs);
	memset(p.pcr8, 4, sizeof p.pcr8);
	memset(p.kernel, 5, sizeof p.kernel);
	memset(p.cmdline, 6, sizeof p.cmdline);
	memset(p.ramdisk, 7, sizeof p.ramdisk);
	memset(p.root, 0xab, sizeof p.root);
	memset(p.config, 9, sizeof p.config);
	memset(p.oci_manifest, 10, sizeof p.oci_manifest);
	return p;
}

static struct provenance with_manifest(struct slice text)
{
	struct provenance p = sample(SOURCE_FOLDER, false);

	p.manifest = text;
	p.channel = NULL;
	p.argc = 0;
	return p;
}

static bool same_words(const struct provenance *a, const struct provenance *b)
{
	for (size_t i = 0; i < a->argc && a->argc == b->argc; i++)
		if (strcmp(a->argv[i], b->argv[i]) != 0)
			return false;
	return a->argc == b->argc;
}

static bool same_maybe(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static void check_same(const struct provenance *a, const struct provenance *b)
{
	CHECK(strcmp(a->eif, b->eif) == 0 && strcmp(a->name, b->name) == 0);
	CHECK(strcmp(a->version, b->version) == 0 && same_maybe(a->channel, b->channel));
	CHECK(strcmp(a->arch, b->arch) == 0 && a->epoch == b->epoch && same_words(a, b));
	CHECK(same_maybe(a->ref, b->ref) && slice_eq(a->manifest, b->manifest));
	CHECK((a->manifest.p == NULL) == (b->manifest.p == NULL));
	CHECK(a->source == b->source && a->is_signed == b->is_signed);
	CHECK(a->source == SOURCE_FOLDER || memcmp(a->config, b->config, DIGEST_LEN) == 0);
	CHECK(a->source != SOURCE_OCI || memcmp(a->oci_manifest, b->oci_manifest, DIGEST_LEN) == 0);
}

static void check_round_trip(struct provenance p)
{
	struct provenance q;
	char *text = provenance_print(&p, why), *again;
	const char *differs;

	if (!CHECK(text != NULL))
		return;
	CHECK(text[strlen(text) - 1] == '\n');
	CHECK(provenance_load(slice_str(text), &q, why) == RC_OK);
	CHECK(provenance_compare(&p, &q, &differs) == RC_OK);
	check_same(&p, &q);
	again = provenance_print(&q, why);
	CHECK(again != NULL && strcmp(text, again) == 0);
	provenance_free(&q);
	provenance_free(&q);
	free(again);
	free(text);
}

/* What escapes make longest, as long as it may be; one byte more is not read. */
static void test_long_manifest(void)
{
	static uint8_t text[YAML_MAX + 2];
	struct provenance p = with_manifest(slice_of(text, YAML_MAX)), q;
	char *printed;

	for (size_t i = 0; i < sizeof text; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	check_round_trip(p);
	p.manifest.len += 2;
	printed = provenance_print(&p, why);
	CHECK(printed != NULL && provenance_load(slice_str(printed), &q, why) == RC_BAD);
	provenance_free(&q);
	free(printed);
}

static void test_manifests(void)
{
	struct provenance p;

	check_round_trip(with_manifest(slice_str("")));
	check_round_trip(
		with_manifest(slice_str("channel: off # \xc3\xa9 \xf0\x9f\x98\x80\t\"\\\r\n")));
	test_long_manifest();
	p = with_manifest(slice_str("a: caf\xe9"));
	CHECK(provenance_print(&p, why) == NULL);
	CHECK(provenance_is_text("") && provenance_is_text("caf\xc3\xa9"));
	CHECK(!provenance_is_text("caf\xe9") && !provenance_is_text("\xed\xa0\x80"));
}

static void check_prefixes(struct provenance p)
{
	struct provenance q;
	char *text = provenance_print(&p, why);

	/* All but the last newline is needed. */
	for (size_t n = 0; text != NULL && n + 1 < strlen(text); n++) {
		struct slice s = test_guard(slice_of(text, n));

		*why = '\0';
		CHECK(provenance_load(s, &q, why) == RC_BAD && *why != '\0');
		provenance_free(&q);
		test_unguard(s);
	}
	free(text);
}

/* A change of any byte is refused, or what was read is seen to be otherwise. */
static void check_changes(struct provenance p)
{
	struct provenance q;
	char *text = provenance_print(&p, why), *again;
	size_t len = text != NULL ? strlen(text) : 0, read = 0;

	for (size_t i = 0; i < len; i++) {
		text[i] ^= 1;
		if (provenance_load(slice_of(text, len), &q, why) == RC_OK) {
			again = provenance_print(&q, why);
			text[i] ^= 1;
			CHECK(again != NULL);
			/* All that may change without a trace is white space, the case of
			 * hexadecimal digits and this program's version. */
			CHECK(strcmp(again, text) != 0 || text[i] == ' ' || text[i] == '\n' ||
			      strchr("0123456789.", text[i]) != NULL);
			free(again);
			read++;
		} else {
			text[i] ^= 1;
		}
		provenance_free(&q);
	}
	CHECK(read > 500);
	free(text);
}

/* Each pair in place of what is in the statement of p; of the first it has nothing. */
static void check_refused(struct provenance p, const char *const (*wrong)[2], size_t n)
{
	struct provenance q;
	char *text = provenance_print(&p, why);

	for (size_t i = 0; text != NULL && i < n; i++) {
		char *copy = strdup(text), *at = strstr(copy, wrong[i][0]);

		CHECK((at != NULL) == (i > 0));
		CHECK(strlen(wrong[i][0]) == strlen(wrong[i][1]));
		if (at != NULL) {
			memcpy(at, wrong[i][1], strlen(wrong[i][1]));
			CHECK(provenance_load(slice_str(copy), &q, why) == RC_BAD);
			provenance_free(&q);
		}
		free(copy);
	}
	free(text);
}

static void test_refused(void)
{
	static const char *const wrong[][2] = {
		{ "statement/v1", "statement/v2" }, /* nothing: the case differs */
		{ "Statement/v1", "Statement/v2" },
		{ "provenance/v1", "provenance/v2" },
		{ "image-build:1", "image-build:2" },
		{ "casemate:casemate-image", "casemate:casemate-imagf" },
		{ "\"folder\"", "\"folded\"" },
		{ "\"ref\": null", "\"ref\": true" },
		{ "\"channel\"", "\"chbnnel\"" },
		{ "253402300799", "953402300799" },
		{ "253402300799", "-53402300799" },
		{ "\"PCR1\"", "\"PCR2\"" },
		{ "\"root.erofs\"", "\"root.erofz\"" },
		{ "\"version\": \"1.0\"", "\"version\": 12345" },
		{ "\"version\": \"1.0\"", "\"channel\": \"1.0\"" },
		{ "ababab", "ababag" },
		{ "\"channel\": \"open\"", "\"channel\": null  " },
	};
	static const char *const wrong_manifest[][2] = {
		{ "\"text\": \"main", "\"text\": \"mail" }, /* nothing: there is none */
		{ "\"text\": \"channel", "\"text\": \"chbnnel" },
		{ "\"text\": \"channel", "\"tegt\": \"channel" },
		{ "\"channel\": null", "\"channel\": \"no\"" },
		{ "\"channel\": null", "\"channel\": 1234" },
		{ "\"command\": []", "\"command\": 12" },
	};

	check_refused(sample(SOURCE_FOLDER, false), wrong, sizeof wrong / sizeof *wrong);
	check_refused(with_manifest(slice_str("channel: off\n")), wrong_manifest,
	              sizeof wrong_manifest / sizeof *wrong_manifest);
}

static void test_unprintable(void)
{
	static const char *const latin[] = { "caf\xe9" };
	struct provenance p = sample(SOURCE_FOLDER, false);

	p.argv = latin;
	p.argc = 1;
	CHECK(provenance_print(&p, why) == NULL && strstr(why, "UTF-8") != NULL);
	p.argc = 0;
	p.eif = latin[0];
	CHECK(provenance_print(&p, why) == NULL);
}

static void test_compare(void)
{
	struct provenance p = sample(SOURCE_FOLDER, true), q = p;
	uint8_t *const parts[] = { q.sha256, q.sha384, q.pcrs.pcr[0], q.pcrs.pcr[1], q.pcrs.pcr[2],
		                   q.pcr8,   q.kernel, q.cmdline,     q.ramdisk,     q.root };
	const char *reason;

	CHECK(provenance_compare(&p, &q, &reason) == RC_OK);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		parts[i][31] ^= 0x80;
		CHECK(provenance_compare(&p, &q, &reason) == RC_MISMATCH && *reason != '\0');
		parts[i][31] ^= 0x80;
	}
	q.is_signed = false;
	CHECK(provenance_compare(&p, &q, &reason) == RC_MISMATCH);
	/* Of a container image the root file system is not an input. */
	p.source = SOURCE_OCI;
	q = p;
	q.root[0] ^= 1;
	CHECK(provenance_compare(&p, &q, &reason) == RC_OK);
}

static void test_paths(void)
{
	char path[PATH_MAX], long_name[PATH_MAX];

	CHECK(outputs_path("a/x.eif", OUTPUT_SBOM, path) == RC_OK);
	CHECK(strcmp(path, "a/x.cdx.json") == 0);
	CHECK(outputs_path("x.eif.old", OUTPUT_SEAL, path) == RC_OK);
	CHECK(strcmp(path, "x.eif.old.intoto.cose") == 0);
	memset(long_name, 'n', sizeof long_name);
	long_name[PATH_MAX - 1] = '\0';
	CHECK(outputs_path(long_name, OUTPUT_STATEMENT, path) != RC_OK);
}

int main(void)
{
	for (int source = 0; source < 3; source++) {
		check_round_trip(sample((enum source_kind)source, false));
		check_round_trip(sample((enum source_kind)source, true));
	}
	test_manifests();
	check_prefixes(sample(SOURCE_OCI, true));
	check_prefixes(with_manifest(slice_str("channel: off\n")));
	check_changes(sample(SOURCE_FOLDER, true));
	check_changes(with_manifest(slice_str("channel: off\n")));
	test_refused();
	test_unprintable();
	test_compare();
	test_paths();
	return test_end();
}
