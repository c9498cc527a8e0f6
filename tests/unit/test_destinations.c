/* Where the app may go by default and with --allow, and where that is. */
#include "tools/casemate/destinations.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include "tests/unit/test.h"
#include "tools/casemate/address.h"

static void address(uint8_t out[PACKET_ADDRESS], const char *text)
{
	uint8_t four[4];

	if (inet_pton(AF_INET, text, four) == 1)
		packet_v4(out, four);
	else
		CHECK(inet_pton(AF_INET6, text, out) == 1);
}

/* want: where it leads, NULL: nowhere. */
static void check(const struct destinations *d, const char *to, const char *want)
{
	uint8_t a[PACKET_ADDRESS], real[PACKET_ADDRESS], wanted[PACKET_ADDRESS] = { 0 };
	bool ok;

	address(a, to);
	ok = destinations_find(d, a, real);
	if (want != NULL)
		address(wanted, want);
	if (!CHECK(ok == (want != NULL)) || (ok && !CHECK(memcmp(real, wanted, sizeof real) == 0)))
		printf("  %s\n", to);
}

static void allow(struct destinations *d, const char *text)
{
	if (!CHECK(destinations_parse(text, &d->allowed[d->n++])))
		printf("  %s\n", text);
}

static const char *const never[] = { "10.7.0.0",          "10.7.0.2",
	                             "10.7.0.255",        "fd07:ca5e:3a7e::",
	                             "fd07:ca5e:3a7e::2", "fd07:ca5e:3a7e:0:1::1" };
static const char *const special[] = {
	"0.0.0.0",
	"0.255.255.255",
	"127.0.0.1",
	"127.255.255.255",
	"169.254.0.0",
	"169.254.169.254",
	"169.254.255.255",
	"224.0.0.0",
	"239.255.255.255",
	"255.255.255.255",
	"::",
	"::1",
	"::7f00:1",
	"fe80::1",
	"febf::1",
	"ff02::1",
	"fd00:ec2::254",
	"fd00:ec2::23",
};
static const char *const ordinary[] = {
	"1.0.0.0",         "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
	"223.255.255.255", "240.0.0.1",       "10.7.1.1",  "10.6.255.255",    "192.168.1.1",
	"2001:db8::1",     "fd00:ec1::254",   "fec0::1",   "fe7f::1",         "fd07:ca5e:3a7e:1::1",
	"0:0:0:0:1::",     "64:ff9b::1",
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static void test_default(void)
{
	struct destinations none = { .n = 0 };
	uint8_t a[PACKET_ADDRESS];

	for (size_t i = 0; i < COUNT(ordinary); i++) {
		check(&none, ordinary[i], ordinary[i]);
		address(a, ordinary[i]);
		CHECK(destinations_is_client(a));
	}
	for (size_t i = 0; i < COUNT(special); i++) {
		check(&none, special[i], NULL);
		address(a, special[i]);
		CHECK(!destinations_is_client(a));
	}
	for (size_t i = 0; i < COUNT(never); i++) {
		check(&none, never[i], NULL);
		address(a, never[i]);
		CHECK(!destinations_is_client(a));
	}
	check(&none, "10.7.0.1", NULL);
	check(&none, "fd07:ca5e:3a7e::1", NULL);
}

static void test_allowed(void)
{
	struct destinations d = { .n = 0 }, v4 = { .n = 0 }, all = { .n = 0 };

	allow(&d, "127.0.0.1");
	check(&d, "10.7.0.1", "127.0.0.1");
	check(&d, "127.0.0.1", "127.0.0.1");
	check(&d, "127.0.0.2", NULL);
	check(&d, "fd07:ca5e:3a7e::1", NULL);
	allow(&d, "::1/128");
	check(&d, "fd07:ca5e:3a7e::1", "::1");
	allow(&d, "169.254.169.252/30");
	check(&d, "169.254.169.254", "169.254.169.254");
	check(&d, "169.254.169.251", NULL);
	check(&d, "169.254.170.0", NULL);
	allow(&d, "fe80::/10");
	check(&d, "febf::1", "febf::1");
	check(&d, "ff02::1", NULL);
	/* One of IPv6 that is as short as IPv4's beginning does not mean that. */
	allow(&all, "::/0");
	check(&all, "ff02::1", "ff02::1");
	check(&all, "127.0.0.1", NULL);
	allow(&v4, "0.0.0.0/0");
	check(&v4, "127.0.0.1", "127.0.0.1");
	check(&v4, "::1", NULL);
	for (size_t i = 0; i < COUNT(never); i++) {
		check(&v4, never[i], NULL);
		check(&all, never[i], NULL);
	}
}

/* This host's own: of the first device that has one and is no loopback. */
static void test_here(void)
{
	struct destinations d = { .n = 0 };
	struct ifaddrs *all = NULL, *one;
	char text[INET_ADDRSTRLEN] = "";

	CHECK(getifaddrs(&all) == 0);
	for (one = all; one != NULL && *text == '\0'; one = one->ifa_next) {
		const struct sockaddr_in *a = (const void *)one->ifa_addr;

		if (a != NULL && a->sin_family == AF_INET && (one->ifa_flags & IFF_LOOPBACK) == 0)
			inet_ntop(AF_INET, &a->sin_addr, text, sizeof text);
	}
	freeifaddrs(all);
	if (*text == '\0') {
		printf("skipped: this machine has no address but loopback's\n");
		return;
	}
	check(&d, text, NULL);
	allow(&d, text);
	check(&d, text, text);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"localhost",
		"127.0.0.1/33",
		"127.0.0.1/8",
		"127.0.0.1/",
		"::1/129",
		"::1/64",
		"/8",
		"127.1",
		"::ffff:127.0.0.1",
		"::1%lo",
		"[::1]",
		"10.0.0.0/-1",
		"10.0.0.0/8/8",
		"1.2.3.4 ",
		"fe80::/8",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1",
	};
	struct prefix p;

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (!CHECK(!destinations_parse(bad[i], &p)))
			printf("  %s\n", bad[i]);
	}
}

static void test_address(void)
{
	static const char *const both[] = { "192.0.2.7", "2001:db8::7" };

	for (size_t i = 0; i < COUNT(both); i++) {
		uint8_t a[PACKET_ADDRESS], b[PACKET_ADDRESS];
		struct address at;

		address(a, both[i]);
		address_put(&at, a, 8443);
		CHECK(at.at.ss_family == (i == 0 ? AF_INET : AF_INET6));
		CHECK(address_get(&at, b) == 8443 && memcmp(a, b, sizeof a) == 0);
		CHECK(packet_is_v4(a) == (i == 0));
	}
}

int main(void)
{
	test_default();
	test_allowed();
	test_here();
	test_bad();
	test_address();
	return test_end();
}
