#include "appliance/base/version.h"
#include "tests/unit/test.h"
#include "tools/image/metadata.h"

static const char good[] =
	"{\"ImageName\":\"n\",\"ImageVersion\":\"v\",\"BuildMetadata\":{\"BuildTime\":\"t\","
	"\"BuildTool\":\"b\",\"BuildToolVersion\":\"1\",\"OperatingSystem\":\"o\","
	"\"KernelVersion\":\"k\"},\"DockerInfo\":null,\"CustomMetadata\":null}";

static enum rc load(struct slice s, char why[METADATA_WHY_MAX])
{
	struct slice g = test_guard(s);
	struct json_t *root = NULL;
	enum rc rc = metadata_load(g, &root, why);

	CHECK((rc == RC_OK) == (root != NULL));
	metadata_free(&root);
	test_unguard(g);
	return rc;
}

static void test_good(void)
{
	char why[METADATA_WHY_MAX] = "";

	CHECK(load(slice_str(good), why) == RC_OK);
	for (size_t n = 0; n < sizeof good - 1; n++)
		CHECK(load(slice_of(good, n), why) == RC_BAD);
}

/* Each member taken away by renaming it. */
static void test_members(void)
{
	static const char *const members[] = {
		"ImageName",   "ImageVersion",     "BuildMetadata",   "BuildTime",
		"BuildTool\"", "BuildToolVersion", "OperatingSystem", "KernelVersion",
		"DockerInfo",  "CustomMetadata",
	};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		char text[sizeof good], why[METADATA_WHY_MAX] = "";

		memcpy(text, good, sizeof good);
		strstr(text, members[i])[0] = 'X';
		CHECK(load(slice_str(text), why) == RC_BAD);
		CHECK(strncmp(why, members[i], strcspn(members[i], "\"")) == 0);
	}
}

static void test_refused(void)
{
	static char deep[8192];
	char text[sizeof good + 32], why[METADATA_WHY_MAX];

	CHECK(load(slice_str(""), why) == RC_BAD);
	CHECK(load(slice_str("[]"), why) == RC_BAD);
	CHECK(load(slice_str("{}"), why) == RC_BAD);
	CHECK(load(slice_str("{\"ImageName\":1}"), why) == RC_BAD);
	snprintf(text, sizeof text, "%s x", good);
	CHECK(load(slice_str(text), why) == RC_BAD);
	snprintf(text, sizeof text, "%s", good);
	strstr(text, "\"n\"")[1] = (char)0xff;
	CHECK(load(slice_str(text), why) == RC_BAD);
	snprintf(text, sizeof text, "{\"ImageVersion\":\"1\",%s", good + 1);
	CHECK(load(slice_str(text), why) == RC_BAD && strstr(why, "uplicate") != NULL);
	memset(deep, '[', sizeof deep);
	CHECK(load(slice_of(deep, sizeof deep), why) == RC_BAD);
}

static void test_default(void)
{
	static const struct metadata_info info = { "app", "2.0", "6.12" };
	static const struct metadata_info latin1 = { "\xe9", "1", "6.12" };
	char why[METADATA_WHY_MAX] = "";
	char *text;

	unsetenv("SOURCE_DATE_EPOCH");
	text = metadata_default(&info, why);
	CHECK(text != NULL && load(slice_str(text), why) == RC_OK);
	CHECK(strcmp(text,
	             "{\"ImageName\":\"app\",\"ImageVersion\":\"2.0\",\"BuildMetadata\":"
	             "{\"BuildTime\":\"1970-01-01T00:00:00Z\",\"BuildTool\":\"casemate-image\","
	             "\"BuildToolVersion\":\"" CASEMATE_VERSION "\",\"OperatingSystem\":"
	             "\"Linux\",\"KernelVersion\":\"6.12\"},\"DockerInfo\":null,"
	             "\"CustomMetadata\":null}") == 0);
	free(text);
	setenv("TZ", "Asia/Tokyo", 1);
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	text = metadata_default(&info, why);
	CHECK(text != NULL && strstr(text, "\"2023-11-14T22:13:20Z\"") != NULL);
	free(text);
	setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
	CHECK(metadata_default(&info, why) == NULL && strstr(why, "SOURCE_DATE_EPOCH") != NULL);
	setenv("SOURCE_DATE_EPOCH", "-1", 1);
	CHECK(metadata_default(&info, why) == NULL);
	unsetenv("SOURCE_DATE_EPOCH");
	CHECK(metadata_default(&latin1, why) == NULL && strstr(why, "UTF-8") != NULL);
}

static void test_describe(void)
{
	char text[sizeof good + 64], why[METADATA_WHY_MAX], *out;
	struct pcrs m = { { { 1 }, { 2 }, { 3 } } };
	uint8_t pcr8[SHA384_LEN] = { 8 };
	struct report r = { &m, NULL, NULL };

	snprintf(text, sizeof text, "%.*s{\"Custom\":{\"a\":[1]},\"BuildTime\":\"mine\"}}",
	         (int)(strstr(good, "null}") - good), good);
	CHECK(metadata_load(slice_str(text), &r.metadata, why) == RC_OK);
	out = metadata_print_describe(&r);
	CHECK(out != NULL && strstr(out, "\"IsSigned\": false") != NULL);
	CHECK(strstr(out, "PCR8") == NULL && strstr(out, "SignatureCheck") == NULL);
	CHECK(strstr(out, "\"PCR2\": \"0300") != NULL && strstr(out, "\"EifVersion\": 4") != NULL);
	/* Custom metadata stand beside the others and replace none. */
	CHECK(strstr(out, "\"Custom\": {") != NULL && strstr(out, "mine") == NULL);
	free(out);
	r.pcr8 = pcr8;
	out = metadata_print_describe(&r);
	CHECK(out != NULL && strstr(out, "\"PCR8\": \"0800") != NULL);
	CHECK(strstr(out, "\"IsSigned\": true") && strstr(out, "\"SignatureCheck\": true"));
	free(out);
	out = metadata_print_measurements(&r);
	CHECK(out != NULL && strstr(out, "{\n  \"Measurements\": {\n    \"HashAlgorithm\": "
	                                 "\"Sha384 { ... }\",\n") == out);
	free(out);
	metadata_free(&r.metadata);
}

/* C1 and a turn of the writing direction, as an image's author may put them. */
static void test_terminal(void)
{
	static const char name[] = "\"n\xc2\x9b\xe2\x80\xae\"";
	char text[sizeof good + sizeof name], why[METADATA_WHY_MAX], *out;
	struct pcrs m = { 0 };
	struct report r = { &m, NULL, NULL };

	snprintf(text, sizeof text, "{\"ImageName\":%s%s", name, strstr(good, ",\"ImageVersion"));
	CHECK(metadata_load(slice_str(text), &r.metadata, why) == RC_OK);
	out = metadata_print_describe(&r);
	CHECK(out != NULL && strstr(out, "\"n\\u009B\\u202E\"") != NULL);
	free(out);
	metadata_free(&r.metadata);
	CHECK(load(slice_str(name), why) == RC_BAD);
	for (const char *c = why; *c != '\0'; c++)
		CHECK(*c >= ' ' && *c <= '~');
	CHECK(strstr(why, "n?") != NULL);
}

int main(void)
{
	test_good();
	test_members();
	test_refused();
	test_default();
	test_describe();
	test_terminal();
	return test_end();
}
