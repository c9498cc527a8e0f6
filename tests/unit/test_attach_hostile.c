/* channel/attach against an enclave that plays given bytes.
 */
#include "tests/unit/attach_tool.h"

#define ACCEPT   "\x02\0\0\0"
#define EXIT0    "\x17\0\0\x08\0\0\0\0\0\0\0\0"
#define BYTES(s) s, sizeof(s) - 1

struct play {
	const char *name;
	const char *bytes;
	size_t len;
	bool in, tty;
	int status;
	const char *err; /* in standard error */
};

static const struct play plays[] = {
	{ "good", BYTES(ACCEPT "\x11\0\0\x02hi" EXIT0), 0, 0, 0, "" },
	{ "killed", BYTES(ACCEPT "\x17\0\0\x08\0\0\0\0\0\0\x01\x0f"), 0, 0, 128 + 15, "" },
	{ "nothing", BYTES(""), 0, 0, 125, "without an answer" },
	{ "no EXIT", BYTES(ACCEPT), 0, 0, 125, "ended before the command did" },
	{ "EXIT before ACCEPT", BYTES(EXIT0), 0, 0, 125, "protocol error" },
	{ "ACCEPT twice", BYTES(ACCEPT ACCEPT), 0, 0, 125, "protocol error" },
	{ "ACCEPT malformed", BYTES("\x02\0\0\x01\xff"), 0, 0, 125, "protocol error" },
	{ "unknown type", BYTES(ACCEPT "\x7f\0\0\0"), 0, 0, 125, "protocol error" },
	{ "STDIN", BYTES(ACCEPT "\x10\0\0\x01x"), 0, 0, 125, "protocol error" },
	{ "empty STDOUT", BYTES(ACCEPT "\x11\0\0\0"), 0, 0, 125, "empty frame" },
	{ "STDOUT too long", BYTES(ACCEPT "\x11\x04\0\x01"), 0, 0, 125, "over its limit" },
	{ "ERROR too long", BYTES("\x03\0\x20\x01"), 0, 0, 125, "over its limit" },
	{ "STDERR on a terminal", BYTES(ACCEPT "\x12\0\0\x01x" EXIT0), 0, 1, 125,
	  "protocol error" },
	{ "CREDIT without -i", BYTES(ACCEPT "\x16\0\0\x08\0\0\0\0\0\0\0\x01"), 0, 0, 125,
	  "CREDIT" },
	{ "CREDIT without end", BYTES(ACCEPT "\x16\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff"), 1, 0,
	  125, "CREDIT" },
	{ "CREDIT of none", BYTES(ACCEPT "\x16\0\0\x08\0\0\0\0\0\0\0\0"), 1, 0, 125, "CREDIT" },
	{ "CREDIT short", BYTES(ACCEPT "\x16\0\0\x04\0\0\0\1"), 1, 0, 125, "CREDIT" },
	{ "EXIT short", BYTES(ACCEPT "\x17\0\0\x01\0"), 0, 0, 125, "EXIT" },
	{ "EXIT over its limit", BYTES(ACCEPT "\x17\0\0\x08\0\0\0\0\0\0\x02\0"), 0, 0, 125,
	  "EXIT" },
	{ "ENTRY", BYTES(ACCEPT "\x20\0\0\x01\xa0"), 0, 0, 125, "protocol error" },
	{ "ERROR",
	  BYTES("\x03\0\0\x09\xa2\x01\x05\x02\x44"
	        "a\x1b b"),
	  0, 0, 127, "test: exec: box: not found: a\x1b b\n" },
	{ "ERROR malformed", BYTES("\x03\0\0\x01\xa0"), 0, 0, 125, "malformed" },
	{ "ERROR of an unknown code",
	  BYTES("\x03\0\0\x06\xa2\x01\x0f\x02\x41"
	        "a"),
	  0, 0, 125, "malformed" },
	{ "ERROR afterwards",
	  BYTES(ACCEPT "\x03\0\0\x09\xa2\x01\x04\x02\x44"
	               "gone"),
	  0, 0, 125, "denied: gone" },
};

static void play_one(const struct play *p, size_t len)
{
	struct attach a = { .argv = args("x", NULL, NULL), .in = p->in, .tty = p->tty };
	int pair[2];
	struct tool t;
	pid_t server;

	sockets(pair);
	server = fake_enclave(pair[1], p->bytes, len);
	t = tool(pair[0], &a, -1);
	close(pair[0]);
	close(pair[1]);
	drive(&t, "", 0, 0, 0);
	CHECK(status_of(server) == 0);
}

static void misbehaves(void)
{
	for (size_t i = 0; i < sizeof plays / sizeof *plays; i++) {
		play_one(&plays[i], plays[i].len);
		if (!CHECK(got.status == plays[i].status && strstr(got.err, plays[i].err)))
			printf("  %s: status %d, '%s'\n", plays[i].name, got.status, got.err);
		CHECK((got.err_len == 0) == (*plays[i].err == 0));
		CHECK(got.err_len == 0 || strchr(got.err, '\n') == got.err + got.err_len - 1);
	}
}

/* A good conversation cut at every byte. */
static void cut_everywhere(void)
{
	for (size_t i = 0; i < plays[0].len; i++) {
		play_one(&plays[0], i);
		CHECK(got.status == ATTACH_FAILED &&
		      err_has("test: exec: box: system error: the "));
	}
}

int main(int argc, char **argv)
{
	tool_main(argc, argv);
	misbehaves();
	cut_everywhere();
	return test_end();
}
