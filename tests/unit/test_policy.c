/* The app's network policy: its codec, and what each kind of rule allows and denies. */
#include "net/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/unit/test.h"

static struct policy rules;

/* An address as text, IPv4 mapped. */
static const uint8_t *at(const char *text)
{
	static uint8_t ring[4][16];
	static unsigned turn;
	uint8_t *a = ring[turn++ % 4];

	memset(a, 0, 16);
	if (inet_pton(AF_INET, text, a + 12) == 1)
		a[10] = a[11] = 0xff;
	else
		CHECK(inet_pton(AF_INET6, text, a) == 1);
	return a;
}

static struct policy_rule by_address(enum policy_proto proto, const char *net, unsigned prefix,
                                     uint16_t first, uint16_t last)
{
	struct policy_rule r = { .proto = proto, .first = first, .last = last, .prefix = prefix };

	memcpy(r.address, at(net), 16);
	return r;
}

static struct policy_rule by_name(enum policy_proto proto, const char *name, uint16_t first,
                                  uint16_t last)
{
	return (struct policy_rule){ .proto = proto,
		                     .first = first,
		                     .last = last,
		                     .prefix = POLICY_BY_NAME,
		                     .name = slice_str(name) };
}

static struct policy_rule port(enum policy_proto proto, uint16_t first, uint16_t last)
{
	return (struct policy_rule){ .proto = proto, .first = first, .last = last };
}

static struct slice encode(const struct policy *p)
{
	static uint8_t buf[2 * POLICY_MAX];
	struct wbuf w = wbuf_of(buf, sizeof buf);

	policy_put(&w, p);
	CHECK(!w.over);
	return wbuf_slice(&w);
}

/* Against a guard page. */
static enum rc parse(struct slice in)
{
	static struct policy out;
	struct slice s = test_guard(in);
	enum rc rc = policy_parse(s, &out);

	test_unguard(s);
	return rc;
}

/* --- the encoding --- */

static struct policy sample(void)
{
	struct policy p = { .egresses = 4, .ingresses = 2 };

	p.egress[0] = by_address(POLICY_TCP, "10.0.0.0", 96 + 8, 5432, 5432);
	p.egress[1] = by_address(POLICY_ANY, "::", 0, 0, 65535);
	p.egress[2] = by_name(POLICY_TLS, "*.e-x_1.com", 443, 443);
	p.egress[3] = by_address(POLICY_ICMP, "2001:db8::", 32, 0, 65535);
	p.ingress[0] = port(POLICY_TCP, 1, 80);
	p.ingress[1] = port(POLICY_UDP, 9000, 9010);
	return p;
}

static const uint8_t sample_bytes[] =
	"\xa2\x01\x84"
	"\x85\x01\x19\x15\x38\x19\x15\x38\x18\x68\x50\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\0"
	"\x85\x00\x00\x19\xff\xff\x00\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\x85\x04\x19\x01\xbb\x19\x01\xbb\x18\x81\x6b*.e-x_1.com"
	"\x85\x03\x00\x19\xff\xff\x18\x20\x50\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0"
	"\x02\x82\x83\x01\x01\x18\x50\x83\x02\x19\x23\x28\x19\x23\x32";

static void round_trip(void)
{
	struct policy p = sample(), back;
	struct slice in = encode(&p), g = test_guard(in);

	CHECK(slice_eq(in, slice_of(sample_bytes, sizeof sample_bytes - 1)));
	CHECK(policy_parse(g, &back) == RC_OK);
	CHECK(back.egresses == 4 && back.ingresses == 2 && back.tls == 4);
	CHECK(slice_is(back.egress[2].name, "*.e-x_1.com") && back.egress[0].name.len == 0);
	CHECK(back.egress[0].proto == POLICY_TCP && back.egress[0].prefix == 104);
	CHECK(back.egress[0].first == 5432 && back.egress[1].last == 65535);
	CHECK(memcmp(back.egress[0].address, at("10.0.0.0"), 16) == 0);
	CHECK(back.ingress[1].proto == POLICY_UDP && back.ingress[1].first == 9000);
	CHECK(slice_eq(encode(&back), in));
	test_unguard(g);
	CHECK(parse(slice_of(NULL, 0)) == RC_OK);
	for (size_t n = 1; n < in.len; n++)
		CHECK(parse(slice_of(in.p, n)) != RC_OK);
	CHECK(parse(slice_of(in.p, in.len + 1)) == RC_BAD);
}

/* Whatever one byte becomes: refused, or another policy whose one encoding it is. */
static void corrupted(void)
{
	static uint8_t buf[sizeof sample_bytes];
	struct slice in = slice_of(buf, sizeof sample_bytes - 1);
	struct policy back;

	memcpy(buf, sample_bytes, sizeof buf);
	for (size_t i = 0; i < in.len; i++)
		for (int v = 0; v < 256; v++) {
			uint8_t keep = buf[i];

			buf[i] = (uint8_t)v;
			if (policy_parse(in, &back) == RC_OK)
				CHECK(slice_eq(encode(&back), in));
			buf[i] = keep;
		}
}

static enum rc egress(struct policy_rule r)
{
	struct policy p = { .egresses = 1, .egress = { r } };

	return parse(encode(&p));
}

static enum rc ingress(struct policy_rule r)
{
	struct policy p = { .ingresses = 1, .ingress = { r } };

	return parse(encode(&p));
}

static void protocols_and_ports(void)
{
	CHECK(egress(by_address(POLICY_TCP, "::", 0, 1, 65535)) == RC_OK);
	CHECK(egress(by_address(POLICY_TCP, "::", 0, 0, 65535)) == RC_BAD);
	CHECK(egress(by_address(POLICY_UDP, "::", 0, 7, 7)) == RC_OK);
	CHECK(egress(by_address(POLICY_UDP, "::", 0, 8, 7)) == RC_BAD);
	CHECK(egress(by_address(POLICY_ICMP, "::", 0, 0, 65535)) == RC_OK);
	CHECK(egress(by_address(POLICY_ICMP, "::", 0, 1, 65535)) == RC_BAD);
	CHECK(egress(by_address(POLICY_ICMP, "::", 0, 0, 65534)) == RC_BAD);
	CHECK(egress(by_address(POLICY_ANY, "::", 0, 0, 65535)) == RC_OK);
	CHECK(egress(by_address(POLICY_ANY, "::", 0, 0, 0)) == RC_BAD);
	CHECK(egress(by_address(POLICY_TLS, "::", 0, 443, 443)) == RC_BAD);
	CHECK(egress(by_address((enum policy_proto)5, "::", 0, 1, 1)) == RC_LIMIT);
	CHECK(ingress(port(POLICY_TCP, 1, 8442)) == RC_OK);
	CHECK(ingress(port(POLICY_TCP, 0, 1)) == RC_BAD);
	CHECK(ingress(port(POLICY_TCP, 2, 1)) == RC_BAD);
	CHECK(ingress(port(POLICY_TCP, 1, 8443)) == RC_BAD);
	CHECK(ingress(port(POLICY_TCP, 8443, 8443)) == RC_BAD);
	CHECK(ingress(port(POLICY_UDP, 8443, 9000)) == RC_BAD);
	CHECK(ingress(port(POLICY_UDP, 8000, 9000)) == RC_BAD);
	CHECK(ingress(port(POLICY_UDP, 8444, 60999)) == RC_OK);
	CHECK(ingress(port(POLICY_UDP, 60999, 61000)) == RC_BAD);
	CHECK(ingress(port(POLICY_TCP, 65535, 65535)) == RC_BAD);
	CHECK(ingress(port(POLICY_ANY, 0, 65535)) == RC_BAD);
	CHECK(ingress(port(POLICY_ANY, 1, 1)) == RC_BAD);
	CHECK(ingress(port(POLICY_ICMP, 0, 65535)) == RC_BAD);
	CHECK(ingress(port(POLICY_TLS, 443, 443)) == RC_BAD);
}

/* With each length: an address of that many ones, and one with a bit more. */
static void prefixes(void)
{
	struct policy_rule r = { .proto = POLICY_TCP, .first = 1, .last = 1 };

	for (unsigned n = 0; n <= 128; n++) {
		r.prefix = n;
		if (n > 0)
			r.address[(n - 1) / 8] |= (uint8_t)(0x80 >> (n - 1) % 8);
		CHECK(egress(r) == RC_OK);
		if (n == 128)
			continue;
		for (unsigned bit = n; bit < 128; bit++) {
			r.address[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			CHECK(egress(r) == RC_BAD);
			r.address[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		}
	}
	r.prefix = 130;
	CHECK(egress(r) == RC_LIMIT);
}

static enum rc name(const char *text)
{
	return egress(by_name(POLICY_TCP, text, 1, 1));
}

static void names(void)
{
	static char label[128], longest[POLICY_NAME_MAX + 2];

	CHECK(name("a") == RC_OK && name("a.b") == RC_OK && name("*.b") == RC_OK);
	CHECK(name("xn--bcher-kva.example") == RC_OK && name("_dmarc.0-9.z") == RC_OK);
	CHECK(name("") == RC_BAD && name(".") == RC_BAD && name("*") == RC_BAD);
	CHECK(name("*.") == RC_BAD && name("*a.b") == RC_BAD && name("a.*.b") == RC_BAD);
	CHECK(name("*.*.b") == RC_BAD && name("**.b") == RC_BAD && name("a*.b") == RC_BAD);
	CHECK(name("a.") == RC_BAD && name(".a") == RC_BAD && name("a..b") == RC_BAD);
	CHECK(name("*..b") == RC_BAD && name("*.b.") == RC_BAD);
	CHECK(name("A") == RC_BAD && name("a b") == RC_BAD && name("b\xc3\xbc") == RC_BAD);
	CHECK(name("a/") == RC_BAD && name("a:") == RC_BAD && name("`") == RC_BAD);
	CHECK(name("{") == RC_BAD && name("a,") == RC_BAD);
	memset(label, 'x', 63);
	CHECK(name(label) == RC_OK);
	label[63] = 'x';
	CHECK(name(label) == RC_BAD);
	for (size_t i = 0; i < POLICY_NAME_MAX; i++)
		longest[i] = i % 2 ? '.' : 'x';
	CHECK(name(longest) == RC_OK);
	longest[0] = '*';
	CHECK(name(longest) == RC_OK);
	memcpy(longest + POLICY_NAME_MAX - 1, "yy", 2);
	CHECK(name(longest) == RC_LIMIT);
	CHECK(egress(by_name(POLICY_UDP, "a", 1, 1)) == RC_OK);
	CHECK(egress(by_name(POLICY_TLS, "a", 1, 65535)) == RC_OK);
	CHECK(egress(by_name(POLICY_ANY, "a", 0, 65535)) == RC_BAD);
	CHECK(egress(by_name(POLICY_ICMP, "a", 0, 65535)) == RC_BAD);
	CHECK(policy_is_name(slice_str("a.b")) && !policy_is_name(slice_str("*.b")));
	CHECK(!policy_is_name(slice_str("")) && !policy_is_name(slice_of("a\0b", 3)));
}

/* Lists as long as they may be, then each is said to have one member more. */
static void counts(void)
{
	static struct policy p = { .egresses = POLICY_RULES_MAX, .ingresses = POLICY_RULES_MAX };
	static uint8_t buf[2 * POLICY_MAX];
	struct slice in;

	for (size_t i = 0; i < POLICY_RULES_MAX; i++) {
		p.egress[i] = by_name(POLICY_TLS, "a", 1, 1);
		p.ingress[i] = port(POLICY_TCP, 1, 1);
	}
	in = encode(&p);
	CHECK(parse(in) == RC_OK && policy_parse(in, &rules) == RC_OK && rules.tls == UINT64_MAX);
	memcpy(buf, in.p, in.len);
	for (size_t i = 0; i + 1 < in.len; i++)
		if (buf[i] == 0x98 && buf[i + 1] == POLICY_RULES_MAX) {
			buf[i + 1]++;
			CHECK(parse(slice_of(buf, in.len)) == RC_LIMIT);
			buf[i + 1]--;
		}
	/* 64 names of 243 bytes fit, and no longer ones. */
	for (size_t n = 0; n <= 1; n++) {
		char longest[POLICY_NAME_MAX] = { 0 };

		memset(longest, 'x', 243 + n);
		for (size_t i = 60; i < 240; i += 60)
			longest[i] = '.';
		for (size_t i = 0; i < POLICY_RULES_MAX; i++)
			p.egress[i].name = slice_str(longest);
		in = encode(&p);
		CHECK((in.len <= POLICY_MAX) == (n == 0));
		CHECK(parse(in) == (n == 0 ? RC_OK : RC_LIMIT));
	}
}

static void keys(void)
{
#define PARSE(text) parse(slice_of(text, sizeof(text) - 1))
	CHECK(PARSE("\xa2\x01\x80\x02\x80") == RC_OK);
	CHECK(PARSE("\xa1\x01\x80") == RC_BAD && PARSE("\xa1\x02\x80") == RC_BAD);
	CHECK(PARSE("\xa3\x01\x80\x02\x80\x03\x80") == RC_BAD);
	CHECK(PARSE("\xa2\x02\x80\x01\x80") == RC_BAD && PARSE("\xa2\x01\x80\x01\x80") == RC_BAD);
	CHECK(PARSE("\x82\x80\x80") == RC_BAD && PARSE("\xa2\x01\x80\x02\x80\x00") == RC_BAD);
	/* Of four and six, two and four; text for an address, 15 and 17 bytes, bytes for a name. */
	CHECK(PARSE("\xa2\x01\x81\x84\x01\x01\x01\x18\x81\x02\x80") == RC_BAD);
	CHECK(PARSE("\xa2\x01\x81\x86\x01\x01\x01\x18\x81\x61x\x00\x02\x80") == RC_LIMIT);
	CHECK(PARSE("\xa2\x01\x80\x02\x81\x82\x01\x01") == RC_BAD);
	CHECK(PARSE("\xa2\x01\x80\x02\x81\x84\x01\x01\x01\x01") == RC_LIMIT);
	CHECK(PARSE("\xa2\x01\x81\x85\x01\x01\x01\x18\x81\x61x\x02\x80") == RC_OK);
	CHECK(PARSE("\xa2\x01\x81\x85\x01\x01\x01\x18\x81\x41x\x02\x80") == RC_BAD);
	CHECK(PARSE("\xa2\x01\x81\x85\x01\x01\x01\x00\x70\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"
	            "\x80") == RC_BAD);
	CHECK(PARSE("\xa2\x01\x81\x85\x01\x01\x01\x00\x4f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x80") ==
	      RC_BAD);
	CHECK(PARSE("\xa2\x01\x81\x85\x01\x01\x01\x00\x51\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"
	            "\x80") == RC_LIMIT);
}

/* --- what rules allow --- */

static int64_t now = 1000;

static void set(size_t n, const struct policy_rule *r)
{
	struct policy p = { .egresses = n };

	memcpy(p.egress, r, n * sizeof *r);
	CHECK(policy_parse(encode(&p), &rules) == RC_OK);
}
#define SET(...)                                                                                   \
	set(sizeof((struct policy_rule[]){ __VA_ARGS__ }) / sizeof(struct policy_rule),            \
	    (struct policy_rule[]){ __VA_ARGS__ })

static uint64_t ask(uint8_t proto, const char *address, uint16_t to)
{
	return policy_egress(&rules, proto, at(address), to, now);
}

static void denied_by_default(void)
{
	CHECK(policy_parse(slice_of(NULL, 0), &rules) == RC_OK);
	CHECK(ask(IPPROTO_TCP, "169.254.169.254", 80) == 0 && ask(IPPROTO_UDP, "::1", 53) == 0);
	CHECK(policy_ingress(&rules, IPPROTO_TCP, 80) == POLICY_NONE);
	CHECK(policy_named(&rules, slice_str("a")) == 0);
}

static void by_protocol(void)
{
	SET(by_address(POLICY_TCP, "10.0.0.0", 104, 80, 90),
	    by_address(POLICY_UDP, "10.0.0.0", 104, 80, 80),
	    by_address(POLICY_ICMP, "10.0.0.0", 104, 0, 65535),
	    by_address(POLICY_ICMP, "2001:db8::", 32, 0, 65535),
	    by_address(POLICY_ANY, "192.0.2.1", 128, 0, 65535),
	    by_address(POLICY_UDP, "192.0.2.1", 128, 1, 65535));
	CHECK(ask(IPPROTO_TCP, "10.1.2.3", 80) == 1 && ask(IPPROTO_TCP, "10.1.2.3", 90) == 1);
	CHECK(ask(IPPROTO_TCP, "10.1.2.3", 79) == 0 && ask(IPPROTO_TCP, "10.1.2.3", 91) == 0);
	CHECK(ask(IPPROTO_TCP, "10.1.2.3", 0) == 0);
	CHECK(ask(IPPROTO_UDP, "10.1.2.3", 80) == 2 && ask(IPPROTO_UDP, "10.1.2.3", 90) == 0);
	CHECK(ask(IPPROTO_ICMP, "10.1.2.3", 0) == 4 && ask(IPPROTO_ICMP, "11.1.2.3", 0) == 0);
	CHECK(ask(IPPROTO_ICMPV6, "2001:db8::1", 0) == 8);
	CHECK(ask(IPPROTO_ICMPV6, "2001:db9::1", 0) == 0);
	CHECK(ask(IPPROTO_TCP, "2001:db8::1", 80) == 0);
	CHECK(ask(IPPROTO_TCP, "192.0.2.1", 7) == 16 && ask(IPPROTO_ICMP, "192.0.2.1", 0) == 16);
	CHECK(ask(IPPROTO_UDP, "192.0.2.1", 65535) == 48 &&
	      ask(IPPROTO_SCTP, "192.0.2.1", 0) == 16);
	CHECK(ask(IPPROTO_SCTP, "10.1.2.3", 0) == 0 && ask(0, "10.1.2.3", 80) == 0);
	CHECK(ask(IPPROTO_TCP, "192.0.2.2", 7) == 0);
}

/* With each length: as many bits are looked at. */
static void by_prefix(void)
{
	for (unsigned n = 0; n <= 128; n++) {
		struct policy_rule r =
			by_address(POLICY_TCP, "2001:db8:5a5a:5a5a:a5a5:a5a5:c3c3:3c3c", n, 1, 1);
		uint8_t whole[16];

		memcpy(whole, r.address, 16);
		for (unsigned bit = n; bit < 128; bit++)
			r.address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		SET(r);
		CHECK(policy_egress(&rules, IPPROTO_TCP, whole, 1, now) == 1);
		for (unsigned bit = 0; bit < 128; bit++) {
			whole[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			CHECK(policy_egress(&rules, IPPROTO_TCP, whole, 1, now) == (bit >= n));
			whole[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		}
	}
}

/* A rule means one family. */
static void by_family(void)
{
	SET(by_address(POLICY_TCP, "::", 0, 1, 1), by_address(POLICY_TCP, "0.0.0.0", 96, 1, 1),
	    by_address(POLICY_TCP, "::fffe:0:0", 95, 1, 1),
	    by_address(POLICY_TCP, "128.0.0.0", 97, 1, 1));
	CHECK(ask(IPPROTO_TCP, "1.2.3.4", 1) == 2 && ask(IPPROTO_TCP, "128.2.3.4", 1) == 10);
	CHECK(ask(IPPROTO_TCP, "2001:db8::1", 1) == 1 && ask(IPPROTO_TCP, "::1", 1) == 1);
	CHECK(ask(IPPROTO_TCP, "::fffe:1:1", 1) == 5 && ask(IPPROTO_TCP, "::1.2.3.4", 1) == 1);
}

static void published(void)
{
	struct policy p = { .ingresses = 3 };

	p.ingress[0] = port(POLICY_TCP, 80, 80);
	p.ingress[1] = port(POLICY_UDP, 80, 90);
	p.ingress[2] = port(POLICY_TCP, 80, 81);
	CHECK(policy_parse(encode(&p), &rules) == RC_OK);
	CHECK(policy_ingress(&rules, IPPROTO_TCP, 80) == 0);
	CHECK(policy_ingress(&rules, IPPROTO_TCP, 81) == 2);
	CHECK(policy_ingress(&rules, IPPROTO_TCP, 82) == POLICY_NONE);
	CHECK(policy_ingress(&rules, IPPROTO_TCP, 79) == POLICY_NONE);
	CHECK(policy_ingress(&rules, IPPROTO_UDP, 90) == 1);
	CHECK(policy_ingress(&rules, IPPROTO_UDP, 91) == POLICY_NONE);
	CHECK(policy_ingress(&rules, IPPROTO_ICMP, 80) == POLICY_NONE);
}

/* --- names --- */

static uint64_t named(const char *text)
{
	struct slice g = test_guard(slice_str(text));
	uint64_t set = policy_named(&rules, g);

	test_unguard(g);
	return set;
}

/* Who may reach everything may ask for everything, but for what is no name. */
static void any_name(void)
{
	SET(by_name(POLICY_TCP, "example.com", 443, 443),
	    by_address(POLICY_ANY, "::", 0, 0, 65535));
	CHECK(named("example.com") == 3 && named("example.net") == 2);
	CHECK(named("*.example.net") == 0 && named("") == 0);
}

static void matching(void)
{
	static char longest[POLICY_NAME_MAX + 2];

	SET(by_name(POLICY_TCP, "example.com", 443, 443),
	    by_name(POLICY_TLS, "*.example.com", 443, 443),
	    by_address(POLICY_TCP, "::", 0, 1, 65535), by_name(POLICY_UDP, "*.b.example.com", 1, 1),
	    by_name(POLICY_UDP, "com", 1, 1));
	CHECK(rules.tls == 2);
	CHECK(named("example.com") == 1 && named("EXAMPLE.cOm") == 0 && named("com") == 16);
	CHECK(named("a.example.com") == 2 && named("A.example.com") == 0);
	CHECK(named("a.b.example.com") == 10 && named("b.example.com") == 2);
	CHECK(named("xexample.com") == 0 && named("example.com.evil") == 0);
	CHECK(named("example.co") == 0 && named("example.comx") == 0 && named("xample.com") == 0);
	CHECK(named("*.example.com") == 0 && named(".example.com") == 0);
	CHECK(named("a..example.com") == 0 && named("a.example.com.") == 0);
	CHECK(named("a\xc3.example.com") == 0 && named("a example.com") == 0);
	CHECK(policy_named(&rules, slice_of("x\0a.example.com", 15)) == 0);
	CHECK(policy_named(&rules, slice_of(NULL, 0)) == 0);
	CHECK(named("[.example.com") == 0 && named("@.example.com") == 0);
	for (size_t i = 0; i <= POLICY_NAME_MAX; i++)
		longest[i] = i % 2 ? '.' : 'x';
	memcpy(longest + POLICY_NAME_MAX - 12, ".example.com", 13);
	longest[POLICY_NAME_MAX - 13] = 'x';
	CHECK(strlen(longest) == POLICY_NAME_MAX && named(longest) == 2);
	memmove(longest + 1, longest, POLICY_NAME_MAX);
	CHECK(named(longest) == 0);
}

static void admitted(void)
{
	SET(by_name(POLICY_TCP, "a", 443, 443), by_name(POLICY_TLS, "a", 443, 500),
	    by_name(POLICY_UDP, "b", 443, 443), by_address(POLICY_TCP, "10.0.0.0", 104, 443, 443));
	CHECK(ask(IPPROTO_TCP, "10.0.0.1", 443) == 8);
	policy_admit(named("a"), at("10.0.0.1"), now + 10);
	policy_admit(named("b"), at("10.0.0.1"), now + 20);
	CHECK(ask(IPPROTO_TCP, "10.0.0.1", 443) == 11 && ask(IPPROTO_TCP, "10.0.0.1", 444) == 2);
	CHECK(ask(IPPROTO_UDP, "10.0.0.1", 443) == 4 && ask(IPPROTO_UDP, "10.0.0.1", 444) == 0);
	CHECK(ask(IPPROTO_TCP, "10.0.0.1", 501) == 0 && ask(IPPROTO_TCP, "10.0.0.2", 443) == 8);
	CHECK(ask(IPPROTO_TCP, "::10.0.0.1", 443) == 0 && ask(IPPROTO_ICMP, "10.0.0.1", 0) == 0);
	now += 9;
	CHECK(ask(IPPROTO_TCP, "10.0.0.1", 443) == 11);
	now += 1;
	CHECK(ask(IPPROTO_TCP, "10.0.0.1", 443) == 8);
	CHECK(ask(IPPROTO_UDP, "10.0.0.1", 443) == 4);
	/* Said again: the later time. */
	policy_admit(named("b"), at("10.0.0.1"), now + 30);
	policy_admit(named("b"), at("10.0.0.1"), now + 5);
	now += 29;
	CHECK(ask(IPPROTO_UDP, "10.0.0.1", 443) == 4);
	now += 1;
	CHECK(ask(IPPROTO_UDP, "10.0.0.1", 443) == 0);
	/* After its end, again. */
	policy_admit(named("a"), at("10.0.0.1"), now + 1);
	CHECK(ask(IPPROTO_TCP, "10.0.0.1", 444) == 2);
	now += 1;
}

static void nth(size_t i, uint8_t a[16])
{
	memcpy(a, at("2001:db8::"), 16);
	a[14] = (uint8_t)(i >> 8);
	a[15] = (uint8_t)i;
}

/* They end in another order than they came; as more come, those that end first go. */
static void full(void)
{
	uint8_t a[16];

	SET(by_name(POLICY_TCP, "a", 1, 1));
	for (size_t i = 0; i < POLICY_ADMITTED_MAX; i++) {
		nth(i, a);
		policy_admit(1, a, now + 1 + (int64_t)(i * 387 % POLICY_ADMITTED_MAX));
	}
	policy_admit(0, at("2001:db8:1::"), now + 10000); /* for no rule: takes no place */
	for (size_t i = 0; i < POLICY_ADMITTED_MAX; i++) {
		nth(i, a);
		CHECK(policy_egress(&rules, IPPROTO_TCP, a, 1, now) == 1);
	}
	for (size_t i = 0; i < 100; i++) {
		nth(POLICY_ADMITTED_MAX + i, a);
		policy_admit(1, a, now + 10000);
	}
	for (size_t i = 0; i < POLICY_ADMITTED_MAX + 100; i++) {
		bool left = i >= POLICY_ADMITTED_MAX || i * 387 % POLICY_ADMITTED_MAX >= 100;

		nth(i, a);
		CHECK(policy_egress(&rules, IPPROTO_TCP, a, 1, now) == left);
	}
	now += 20000;
	CHECK(policy_egress(&rules, IPPROTO_TCP, a, 1, now) == 0);
}

/* As a plain list of what was admitted says it; few addresses, so that they meet. */
static void as_a_list(void)
{
	enum { ADDRESSES = 40, SETS = 8 };
	static int64_t until[ADDRESSES][SETS];
	unsigned random = 1;
	uint8_t a[16];

	SET(by_name(POLICY_TCP, "a", 1, 1), by_name(POLICY_TCP, "b", 1, 1),
	    by_name(POLICY_TCP, "c", 1, 1));
	for (unsigned turn = 0; turn < 20000; turn++) {
		uint64_t want = 0, set;
		size_t i;

		random = random * 1103515245 + 12345;
		i = (random >> 16) % ADDRESSES;
		set = random >> 8 & 7;
		nth(i, a);
		if (set > 0) {
			int64_t to = now + 1 + (int64_t)(random >> 24 & 63);

			policy_admit(set, a, to);
			until[i][set] = to > until[i][set] ? to : until[i][set];
		}
		now += (random >> 11 & 3) == 0;
		for (size_t s = 1; s < SETS; s++)
			want |= until[i][s] > now ? s : 0;
		CHECK(policy_egress(&rules, IPPROTO_TCP, a, 1, now) == want);
	}
}

int main(void)
{
	round_trip();
	corrupted();
	protocols_and_ports();
	prefixes();
	names();
	counts();
	keys();
	denied_by_default();
	by_protocol();
	by_prefix();
	by_family();
	published();
	matching();
	any_name();
	admitted();
	full();
	as_a_list();
	return test_end();
}
