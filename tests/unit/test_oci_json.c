/* The JSON of a container image: what is read of it, and what is refused. The corpus
 * of tests/vectors/oci tries the same from outside; here every prefix is tried, and
 * what a struct holds is looked at. */
#include "tests/unit/test.h"
#include "tools/image/oci_config.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "\"digest\":\"sha256:" HEX64 "\",\"size\":7"
#define LAYER  "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\"," DIGEST "}"
#define CONFIG "{\"mediaType\":\"application/vnd.oci.image.config.v1+json\"," DIGEST "}"

static const char index_text[] =
	"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1"
	"+json\"," DIGEST ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},"
	"\"annotations\":{\"org.opencontainers.image.ref.name\":\"one\"}},"
	"{\"mediaType\":\"application/else\"," DIGEST "}]}";
static const char manifest_text[] = "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER
				    "," LAYER "]}";
static const char saves_text[] =
	"[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],\"Layers\":[\"l/layer.tar\"]},"
	"{\"Config\":\"d.json\",\"RepoTags\":null,\"Layers\":[]}]";
static const char config_text[] =
	"{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":"
	"["
	"\"sha256:" HEX64 "\"]},\"config\":{\"Entrypoint\":[\"/a\",\"b\"],\"Cmd\":[\"c\"],"
	"\"Env\":[\"A=b=c\",\"D=\"],\"WorkingDir\":\"/w\",\"User\":\"app:disk\","
	"\"StopSignal\":\"SIGRTMIN+3\",\"ExposedPorts\":{\"80\":{},\"53/udp\":{},\"53/tcp\":{},"
	"\"8080/tcp\":{}},\"Volumes\":{\"/v\":{}},\"Healthcheck\":{}}}";

static struct oci_index index_of;
static struct oci_manifest manifest;
static struct oci_config config;
static char why[OCI_WHY_MAX];

static enum rc load_index(struct slice s)
{
	enum rc rc = oci_index_load(s, &index_of, why);

	if (rc == RC_OK)
		oci_index_free(&index_of);
	return rc;
}

static enum rc load_manifest(struct slice s)
{
	enum rc rc = oci_manifest_load(s, &manifest, why);

	if (rc == RC_OK)
		oci_manifest_free(&manifest);
	return rc;
}

static enum rc load_saves(struct slice s)
{
	struct oci_saves saves;
	enum rc rc = oci_saves_load(s, &saves, why);

	if (rc == RC_OK)
		oci_saves_free(&saves);
	return rc;
}

static enum rc load_config(struct slice s)
{
	enum rc rc = oci_config_load(s, &config, why);

	if (rc == RC_OK)
		oci_config_free(&config);
	return rc;
}

static void every_prefix(enum rc (*load)(struct slice), const char *text)
{
	for (size_t n = 0; n <= strlen(text); n++) {
		struct slice s = test_guard(slice_of(text, n));

		why[0] = '\0';
		CHECK((load(s) == RC_OK) == (n == strlen(text)));
		CHECK((why[0] == '\0') == (n == strlen(text)));
		test_unguard(s);
	}
}

static void read_index(void)
{
	const struct oci_descriptor *d = index_of.entry;

	CHECK(oci_index_load(slice_str(index_text), &index_of, why) == RC_OK);
	CHECK(index_of.n == 2 && d[0].media == OCI_MEDIA_MANIFEST && d[1].media == OCI_MEDIA_OTHER);
	CHECK(d[0].size == 7 && d[0].digest[0] == 0x01 && d[0].digest[31] == 0xef);
	CHECK(strcmp(d[0].os, "linux") == 0 && strcmp(d[0].arch, "amd64") == 0);
	CHECK(strcmp(d[0].ref, "one") == 0 && d[1].ref == NULL && d[1].os == NULL);
	oci_index_free(&index_of);

	CHECK(oci_manifest_load(slice_str(manifest_text), &manifest, why) == RC_OK);
	CHECK(manifest.layers == 2 && manifest.layer[1].media == OCI_MEDIA_TAR_GZIP);
	oci_manifest_free(&manifest);
}

static void read_saves(void)
{
	struct oci_saves s;

	CHECK(oci_saves_load(slice_str(saves_text), &s, why) == RC_OK);
	CHECK(s.n == 2 && s.image[0].tags == 2 && strcmp(s.image[0].tag[1], "b:2") == 0);
	CHECK(s.image[0].layers == 1 && strcmp(s.image[0].layer[0], "l/layer.tar") == 0);
	CHECK(s.image[1].tags == 0 && s.image[1].layers == 0);
	oci_saves_free(&s);
}

static void read_config(void)
{
	const struct oci_config *c = &config;

	CHECK(oci_config_load(slice_str(config_text), &config, why) == RC_OK);
	CHECK(c->layers == 1 && c->diff_id[0][1] == 0x23);
	CHECK(c->entrypoint.n == 2 && strcmp(c->entrypoint.v[1], "b") == 0);
	CHECK(c->cmd.n == 1 && c->env.n == 2 && strcmp(c->env.v[0], "A=b=c") == 0);
	CHECK(strcmp(c->cwd, "/w") == 0 && strcmp(c->user, "app:disk") == 0);
	CHECK(c->stop_signal == 37 && c->volumes && c->healthcheck);
	CHECK(c->ports == 4 && c->port[0].port == 53 && !c->port[0].udp && c->port[1].udp);
	CHECK(c->port[2].port == 80 && c->port[3].port == 8080);
	oci_config_free(&config);
}

#define ROOTFS                                                                                     \
	"\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_"      \
	"ids\":[]}"

/* A member of "config", and its StopSignal, or the reason against it. */
static const struct {
	const char *member, *reason;
	int stop_signal;
} members[] = {
	{ "\"StopSignal\":\"SIGTERM\"", "", 15 },
	{ "\"StopSignal\":\"TERM\"", "", 15 },
	{ "\"StopSignal\":\"9\"", "", 9 },
	{ "\"StopSignal\":\"64\"", "", 64 },
	{ "\"StopSignal\":\"RTMIN\"", "", 34 },
	{ "\"StopSignal\":\"SIGRTMIN+30\"", "", 64 },
	{ "\"StopSignal\":null", "", 0 },
	{ "\"StopSignal\":\"\"", "", 0 },
	{ "\"StopSignal\":\"SIGRTMIN+31\"", "the StopSignal 'SIGRTMIN+31' is not known", 0 },
	{ "\"StopSignal\":\"SIGRTMIN+\"", "the StopSignal 'SIGRTMIN+' is not known", 0 },
	{ "\"StopSignal\":\"0\"", "the StopSignal '0' is not known", 0 },
	{ "\"StopSignal\":\"65\"", "the StopSignal '65' is not known", 0 },
	{ "\"StopSignal\":\"99999999999999999999\"",
	  "the StopSignal '99999999999999999999' is not known", 0 },
	{ "\"StopSignal\":\"sigterm\"", "the StopSignal 'sigterm' is not known", 0 },
	{ "\"StopSignal\":15", "StopSignal is of the wrong type", 0 },
	{ "\"Env\":[\"A\"]", "the variable 'A' is not NAME=VALUE", 0 },
	{ "\"Env\":{}", "Env is of the wrong type", 0 },
	{ "\"Cmd\":[null]", "Cmd has an element that is not a string", 0 },
	{ "\"Cmd\":[\"a\\u0000b\"]",
	  "not JSON, line 1: \\u0000 is not allowed without JSON_ALLOW_NUL", 0 },
	{ "\"User\":[]", "User is of the wrong type", 0 },
	{ "\"ExposedPorts\":{\"\":{}}", "the exposed port '' is not NUMBER/tcp or NUMBER/udp", 0 },
	{ "\"ExposedPorts\":{\"0\":{}}", "the exposed port '0' is not NUMBER/tcp or NUMBER/udp",
	  0 },
	{ "\"ExposedPorts\":{\"1/\":{}}", "the exposed port '1/' is not NUMBER/tcp or NUMBER/udp",
	  0 },
	{ "\"ExposedPorts\":{\"+1\":{}}", "the exposed port '+1' is not NUMBER/tcp or NUMBER/udp",
	  0 },
	{ "\"ExposedPorts\":{\"655361/tcp\":{}}",
	  "the exposed port '655361/tcp' is not NUMBER/tcp or NUMBER/udp", 0 },
	{ "\"WorkingDir\":\"x\"", "the WorkingDir 'x' is not an absolute path", 0 },
};

static void config_members(void)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		char text[512];
		enum rc rc;

		snprintf(text, sizeof text, "{" ROOTFS ",\"config\":{%s}}", members[i].member);
		why[0] = '\0';
		rc = oci_config_load(slice_str(text), &config, why);
		CHECK((rc == RC_OK) == (*members[i].reason == '\0'));
		if (!CHECK(strncmp(why, members[i].reason, strlen(members[i].reason)) == 0))
			printf("  %s: %s\n", members[i].member, why);
		CHECK(rc != RC_OK || config.stop_signal == members[i].stop_signal);
		CHECK(rc != RC_OK || strcmp(config.cwd, "/") == 0);
		if (rc == RC_OK)
			oci_config_free(&config);
		CHECK(config.root == NULL);
	}
}

static const struct {
	const char *user;
	enum rc rc;
	uint32_t uid, gid;
	size_t groups;
	const char *home;
} users[] = {
	{ "", RC_OK, 0, 0, 0, "HOME=/root" },         { "root", RC_OK, 0, 0, 0, "HOME=/rooty" },
	{ "app", RC_OK, 7, 8, 1, "HOME=/data" },      { "7", RC_OK, 7, 8, 1, "HOME=/data" },
	{ "app:disk", RC_OK, 7, 6, 0, "HOME=/data" }, { "4711", RC_OK, 4711, 0, 0, "HOME=/" },
	{ "1:2", RC_OK, 1, 2, 0, "HOME=/" },          { "nobody", RC_ABSENT, 0, 0, 0, NULL },
	{ "app:no", RC_ABSENT, 0, 0, 0, NULL },       { ":", RC_BAD, 0, 0, 0, NULL },
};

static void users_are_numbers(void)
{
	static const char passwd[] = "root:x:0:0::/rooty:/bin/sh\napp:x:7:8::/data:/bin/sh\n";
	static const char group[] = "root:x:0:\napp:x:8:\ndisk:x:6:app\n";

	for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
		char text[512];

		snprintf(text, sizeof text, "{" ROOTFS ",\"config\":{\"User\":\"%s\"}}",
		         users[i].user);
		CHECK(oci_config_load(slice_str(text), &config, why) == RC_OK);
		CHECK(oci_config_user(&config, slice_str(passwd), slice_str(group), why) ==
		      users[i].rc);
		if (users[i].rc == RC_OK) {
			CHECK(config.ids[0] == users[i].uid && config.ids[1] == users[i].gid);
			CHECK(config.idc == 2 + users[i].groups);
			CHECK(strcmp(config.home, users[i].home) == 0);
		}
		CHECK(oci_config_user(&config, slice_of(NULL, 0), slice_of(NULL, 0), why) != RC_IO);
		oci_config_free(&config);
	}
}

static void digests(void)
{
	static const char *const bad[] = { "",
		                           "sha256:",
		                           HEX64,
		                           "sha256:" HEX64 "0",
		                           "sha512:" HEX64,
		                           "sha256:G" HEX64,
		                           "SHA256:" HEX64 };
	/* FIPS 180-4's example */
	static const char abc[] =
		"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	uint8_t digest[DIGEST_LEN];
	char text[DIGEST_TEXT_MAX];
	struct digest d;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!digest_parse(bad[i], digest));
	digest_init(&d);
	digest_update(&d, "a", 1);
	digest_update(&d, "bc", 2);
	digest_final(&d, digest);
	digest_print(digest, text);
	CHECK(strcmp(text, abc) == 0);
	memset(digest, 0, sizeof digest);
	CHECK(digest_parse(text, digest) && digest[0] == 0xba && digest[31] == 0xad);
}

int main(void)
{
	every_prefix(load_index, index_text);
	every_prefix(load_manifest, manifest_text);
	every_prefix(load_saves, saves_text);
	every_prefix(load_config, config_text);
	read_index();
	read_saves();
	read_config();
	config_members();
	users_are_numbers();
	digests();
	return test_end();
}
