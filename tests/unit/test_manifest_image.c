/* What a manifest has of the image, where its text says nothing: command, variables,
 * directory, user; and the command line's words, without a text.
 */
#include "tests/unit/manifest_steps.h"

static void inherited(void)
{
	struct oci_config c = config_of(IMAGE(
		"\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\"],\"Env\":[\"A=1\",\"PATH=/p\",\"B=2\"],"
		"\"WorkingDir\":\"/w\",\"User\":\"app\",\"StopSignal\":\"SIGQUIT\""));
	struct plan *p = good("channel: open\n", &c);

	CHECK(m.services == 1 && m.main == 0 && slice_is(service[0].name, "app"));
	CHECK(service[0].argc == 2 && slice_is(service[0].argv[0], "/e"));
	CHECK(service[0].envc == 4 && slice_is(service[0].env[1], "PATH=/p") &&
	      slice_is(service[0].env[3], "HOME=/home/app"));
	CHECK(slice_is(service[0].cwd, "/w") && service[0].idc == 3 && service[0].ids[2] == 4);
	CHECK(service[0].policy.stop_signal == 3 && service[0].policy.caps == 0);
	plan_free(p);
	p = good("services:\n"
	         "  one: {command: [x], environment: {C: 3, A: 9}, directory: /d, user: root,\n"
	         "        stop-signal: 1}\n"
	         "  two: {}\n",
	         &c);
	CHECK(service[0].argc == 1 && service[0].envc == 5 &&
	      slice_is(service[0].env[0], "PATH=/p"));
	CHECK(slice_is(service[0].env[1], "B=2") && slice_is(service[0].env[2], "C=3") &&
	      slice_is(service[0].env[3], "A=9") && slice_is(service[0].env[4], "HOME=/root"));
	CHECK(slice_is(service[0].cwd, "/d") && service[0].ids[0] == 0 &&
	      service[0].policy.stop_signal == 1 && service[0].policy.caps == PLAN_CAPABILITIES);
	CHECK(service[1].argc == 2 && service[1].envc == 4 && service[1].ids[0] == 1000);
	plan_free(p);
	p = good("main: app\nwhen-main-ends: keep\n", &c);
	CHECK(m.main == 0 && m.keep);
	plan_free(p);
	oci_config_free(&c);
	/* A real-time signal is none to stop by. */
	c = config_of(IMAGE("\"Cmd\":[\"c\"],\"StopSignal\":\"SIGRTMIN+3\""));
	p = good("", &c);
	CHECK(service[0].policy.stop_signal == 15 && service[0].argc == 1);
	plan_free(p);
	oci_config_free(&c);
}

/* The command line's words, without a file. */
static void no_file(void)
{
	char a[] = "x", *words[] = { a };
	struct oci_config c = config_of(IMAGE("\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\"]"));
	struct plan *p = plan_new();
	struct slice bytes = { 0 };

	plan_default(p, CHANNEL_OPEN);
	CHECK(plan_inherit(p, &c, 1, words) == RC_OK);
	CHECK(plan_users(p, &c, slice_str(""), slice_str("")) == RC_OK);
	CHECK(plan_encode(p, &bytes) == RC_OK && accepted(bytes));
	CHECK(m.channel == CHANNEL_OPEN && m.services == 1 && m.main == 0 && m.stop_ms == 10000);
	CHECK(service[0].argc == 2 && slice_is(service[0].argv[1], "x"));
	plan_free(p);
	oci_config_free(&c);
	p = plan_new();
	plan_default(p, CHANNEL_OFF);
	CHECK(plan_inherit(p, NULL, 0, NULL) == RC_OK);
	CHECK(plan_users(p, NULL, slice_str(""), slice_str("")) == RC_OK);
	CHECK(plan_encode(p, &bytes) == RC_OK && accepted(bytes) && m.services == 0);
	plan_free(p);
	p = plan_new();
	plan_default(p, CHANNEL_OFF);
	a[0] = '\0';
	CHECK(plan_inherit(p, NULL, 1, words) == RC_BAD);
	CHECK(strcmp(p->notes.text[0], "the command's first word is empty") == 0);
	plan_free(p);
}

/* Every service has the image's variables: together they are too long. */
static void too_long(void)
{
	static char json[1 << 15], text[2048];
	size_t n = (size_t)snprintf(json, sizeof json, "%s", IMAGE("\"Cmd\":[\"c\"],\"Env\":["));
	struct oci_config c;
	struct plan *p = plan_new();
	struct slice bytes;

	n -= 2; /* the braces come below */
	n += (size_t)snprintf(json + n, sizeof json - n, "\"A=%04000d\"]}}", 0);
	c = config_of(json);
	n = (size_t)snprintf(text, sizeof text, "services:\n");
	for (int i = 0; i < 9; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "  s%d: {}\n", i);
	CHECK(compile(p, "long", slice_str(text), &c, &bytes) == RC_LIMIT);
	CHECK(strstr(p->notes.text[0], "long:2:3: longer than a manifest's 32768 bytes") != NULL);
	plan_free(p);
	oci_config_free(&c);
}

int main(void)
{
	inherited();
	no_file();
	too_long();
	return test_end();
}
