/* tools/casemate/nitro: the scanner of what nitro-cli prints. */
#include "tests/unit/test.h"

#include "tools/casemate/nitro.h"

static const char run_output[] =
	"{\n  \"EnclaveName\": \"EnclaveID\",\n  \"EnclaveID\": \"i-0abc-enc18f\",\n"
	"  \"ProcessID\": 4711,\n  \"EnclaveCID\": 16,\n  \"NumberOfCPUs\": 2,\n"
	"  \"CPUIDs\": [\n    1,\n    3\n  ],\n  \"MemoryMiB\": 256\n}\n";

static bool field_is(const char *json, const char *key, const char *expect)
{
	struct slice g = test_guard(slice_str(json));
	char out[32];
	size_t at = 0;
	bool ok = nitro_field(g, &at, key, out, sizeof out) && strcmp(out, expect) == 0;

	test_unguard(g);
	return ok;
}

static bool has_no(const char *json, const char *key)
{
	struct slice g = test_guard(slice_str(json));
	char out[32];
	size_t at = 0;
	bool ok = !nitro_field(g, &at, key, out, sizeof out);

	test_unguard(g);
	return ok;
}

static void test_fields(void)
{
	/* A value that looks like the key is none. */
	CHECK(field_is(run_output, "EnclaveID", "i-0abc-enc18f"));
	CHECK(field_is(run_output, "EnclaveCID", "16"));
	CHECK(field_is(run_output, "ProcessID", "4711"));
	CHECK(field_is("{\"a\\\"EnclaveCID\":1,\"EnclaveCID\" : 7}", "EnclaveCID", "7"));
	CHECK(field_is("{\"x\":\"\\\\\",\"EnclaveCID\":7}", "EnclaveCID", "7"));
	CHECK(field_is("Started.\n{\"EnclaveCID\":7}", "EnclaveCID", "7"));
	CHECK(has_no(run_output, "Enclave"));
	CHECK(has_no("{\"EnclaveCID\":-1}", "EnclaveCID"));
	CHECK(has_no("{\"EnclaveCID\":null}", "EnclaveCID"));
	CHECK(has_no("{\"EnclaveID\":\"a\\u0000\"}", "EnclaveID"));
	CHECK(has_no("{\"EnclaveID\":\"0123456789012345678901234567890123456789\"}", "EnclaveID"));
	CHECK(has_no("", "EnclaveID"));
}

static void test_several(void)
{
	struct slice s = slice_str("[{\"EnclaveID\":\"a\"},{\"EnclaveID\":\"b\"}]");
	char out[8];
	size_t at = 0;

	CHECK(nitro_field(s, &at, "EnclaveID", out, sizeof out) && strcmp(out, "a") == 0);
	CHECK(nitro_field(s, &at, "EnclaveID", out, sizeof out) && strcmp(out, "b") == 0);
	CHECK(!nitro_field(s, &at, "EnclaveID", out, sizeof out));
	at = 0;
	CHECK(!nitro_field(slice_str("[]"), &at, "EnclaveID", out, sizeof out));
}

/* No prefix reads behind its end or gives a value that is not whole. */
static void test_prefixes(void)
{
	size_t whole = (size_t)(strstr(run_output, "enc18f\"") - run_output) + 7;

	for (size_t n = 0; n < sizeof run_output - 1; n++) {
		struct slice g = test_guard(slice_of(run_output, n));
		char out[32] = "";
		size_t at = 0;
		bool found = nitro_field(g, &at, "EnclaveID", out, sizeof out);

		CHECK(at <= n + 1 && found == (n >= whole));
		CHECK(!found || strcmp(out, "i-0abc-enc18f") == 0);
		test_unguard(g);
	}
}

int main(void)
{
	test_fields();
	test_several();
	test_prefixes();
	return test_end();
}
