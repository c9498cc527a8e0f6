/* [ADDR:]HOST:ENCLAVE: what it says and what it is not. */
#include "tests/unit/test.h"
#include "tools/casemate/publish.h"

static void check_text(const char *arg, const char *want)
{
	char text[PUBLISH_TEXT_MAX];
	struct publish p;

	if (!CHECK(publish_parse(arg, &p)))
		printf("  %s\n", arg);
	publish_text(text, &p);
	if (!CHECK(strcmp(text, want) == 0))
		printf("  %s gave %s\n", arg, text);
}

static void test_good(void)
{
	check_text("8443:1", "127.0.0.1:8443->1");
	check_text("0:60999", "127.0.0.1:0->60999");
	check_text("0.0.0.0:80:8443", "0.0.0.0:80->8443");
	check_text("[::]:80:8443", "[::]:80->8443");
	check_text("[::1]:65535:8443", "[::1]:65535->8443");
	check_text("53:53/udp", "127.0.0.1:53->53/udp");
	check_text("[::]:0:60999/udp", "[::]:0->60999/udp");
	check_text("0.0.0.0:80:8080/tcp", "0.0.0.0:80->8080");
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"8443",
		":",
		"::",
		"8443:",
		":8443",
		"8443:0",
		"8443:65536",
		"8443:61000",
		"65536:8443",
		"-1:80",
		"80:80:80",
		"host:80:80",
		"::1:80:80",
		"[::1:80:80",
		"[127.0.0.1]:80:80",
		"[]:80:80",
		"1.2.3:80:80",
		"80:80 ",
		" 80:80",
		"80:0x50",
		"80:80/",
		"80:80/sctp",
		"80:80/UDP",
		"80:80/udp/tcp",
		"80:/udp",
		"80/udp:80",
		"/udp",
		"+80:80",
		"1.2.3.4:80:",
		":80:80",
		"000000080:80",
		"[::1]80:80",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80:80",
	};
	struct publish p;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (!CHECK(!publish_parse(bad[i], &p)))
			printf("  %s\n", bad[i]);
	}
}

/* Two do not share one. */
static void test_udp(void)
{
	char arg[PUBLISH_TEXT_MAX], text[PUBLISH_TEXT_MAX];
	struct publish p, other;
	unsigned port;

	CHECK(publish_parse("0:1/udp", &p) && publish_open(&p, 1));
	publish_text(text, &p);
	CHECK(sscanf(text, "127.0.0.1:%u->1/udp", &port) == 1 && port != 0);
	snprintf(arg, sizeof arg, "%u:2/udp", port);
	CHECK(publish_parse(arg, &other) && !publish_open(&other, 1));
	publish_close(&p, 1);
}

/* The second of two fails, and neither stays open. */
static void test_in_use(void)
{
	struct publish p[2], other;
	char arg[PUBLISH_TEXT_MAX], text[PUBLISH_TEXT_MAX];
	unsigned port;

	CHECK(publish_parse("0:1", &p[0]) && publish_open(p, 1));
	publish_text(text, &p[0]);
	CHECK(sscanf(text, "127.0.0.1:%u->1", &port) == 1 && port != 0);
	snprintf(arg, sizeof arg, "%u:2", port);
	CHECK(publish_parse(arg, &other));
	CHECK(!publish_open(&other, 1) && other.fd == -1);
	CHECK(publish_parse("0:1", &p[1]));
	publish_close(p, 1);
	p[0] = p[1];
	CHECK(publish_parse("192.0.2.1:80:1", &p[1])); /* no address of ours */
	CHECK(!publish_open(p, 2) && p[0].fd == -1 && p[1].fd == -1);
}

int main(void)
{
	test_good();
	test_bad();
	test_udp();
	test_in_use();
	return test_end();
}
