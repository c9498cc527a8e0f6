/* The resolver between a program and a host, over a policy of its own that knows
 * two names: what it asks, what opens something and what does not, deadlines, a
 * full table, a link that goes. */
#include "net/resolver.h"
#include "tests/unit/test.h"

#include <ctype.h>

enum { CLIENT = 40000, ADMITTED_MAX = 16 };

static struct {
	uint64_t rules;
	uint8_t address[16];
	int64_t until_ms;
} admitted[ADMITTED_MAX];
static size_t admissions;
static const struct policy *policy_seen;
static const struct policy policy;

uint64_t policy_named(const struct policy *p, struct slice name)
{
	policy_seen = p;
	return slice_is(name, "good.example") ? 5 : slice_is(name, "other.example") ? 2 : 0;
}

void policy_admit(uint64_t rules, const uint8_t address[16], int64_t until_ms)
{
	if (!CHECK(admissions < ADMITTED_MAX))
		return;
	admitted[admissions].rules = rules;
	memcpy(admitted[admissions].address, address, 16);
	admitted[admissions++].until_ms = until_ms;
}

static uint8_t out[DNS_REPLY_MAX];
static struct resolver_to to;
static const struct resolver_counters *count;

static void begin(void)
{
	resolver_init(&policy);
	count = resolver_counters();
	admissions = 0;
	memset(&to, 0xff, sizeof to);
}

static size_t make(uint8_t *m, unsigned id, const char *name)
{
	struct wbuf w = wbuf_of(m, 512);

	wbuf_u32_be(&w, id << 16 | 0x0100);
	wbuf_u32_be(&w, 1 << 16);
	wbuf_u32_be(&w, 0);
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		wbuf_u8(&w, (uint8_t)n);
		wbuf_put(&w, name, n);
		name += n + (name[n] == '.');
	}
	wbuf_u8(&w, 0);
	wbuf_u32_be(&w, 1 << 16 | 1);
	return w.len;
}

static size_t ask(unsigned id, const char *name, uint16_t port, int64_t now)
{
	uint8_t m[512];
	struct slice g = test_guard(slice_of(m, make(m, id, name)));
	size_t n = resolver_ask(g, port, now, out, &to);

	test_unguard(g);
	return n;
}

/* What out holds: its answer, with an address. */
static size_t answer(uint8_t *m, size_t asked, uint32_t ttl)
{
	struct wbuf w = wbuf_of(m, 512);

	wbuf_put(&w, out, asked - 11); /* without the OPT */
	m[2] = 0x81;
	m[3] = 0x80;
	m[7] = 1;
	m[11] = 0;
	wbuf_put(&w, "\xc0\x0c\0\1\0\1", 6);
	wbuf_u32_be(&w, ttl);
	wbuf_put(&w, "\0\4\xc0\0\2\7", 6);
	return w.len;
}

static size_t give(const uint8_t *m, size_t len, uint16_t port, int64_t now)
{
	struct slice g = test_guard(slice_of(m, len));
	size_t n = resolver_answer(g, port, now, out, &to);

	test_unguard(g);
	return n;
}

static void test_round(void)
{
	static const uint8_t address[16] = { [10] = 0xff, 0xff, 192, 0, 2, 7 };
	uint8_t m[512];
	uint16_t port;
	size_t n;

	begin();
	CHECK(resolver_deadline() == INT64_MAX);
	n = ask(0x2222, "Good.Example", CLIENT, 1000);
	CHECK(n > 0 && to.host && to.port >= POLICY_OWN_FIRST && policy_seen == &policy);
	CHECK(resolver_deadline() == 1000 + RESOLVER_WAIT_MS);
	port = to.port;
	n = answer(m, n, 100);
	n = give(m, n, port, 1500);
	CHECK(n > 0 && !to.host && to.port == CLIENT && out[0] == 0x22 && out[1] == 0x22);
	CHECK(memcmp(out + 12, "\4Good\7Example", 13) == 0 && out[7] == 1);
	CHECK(admissions == 1 && admitted[0].rules == 5 &&
	      memcmp(admitted[0].address, address, 16) == 0 &&
	      admitted[0].until_ms == 1500 + 100 * 1000 + RESOLVER_GRACE_MS);
	CHECK(resolver_deadline() == INT64_MAX);
	CHECK(give(m, answer(m, n, 100), port, 1500) == 0 && admissions == 1); /* once */
	CHECK(count->asked == 1 && count->answered == 1 && count->dropped == 1);
}

/* What nobody can guess differs from question to question, and lies in its range. */
static void test_random(void)
{
	bool id[65536] = { false }, seen_port[65536] = { false };
	unsigned ids = 0, ports = 0, upper = 0;

	begin();
	for (unsigned i = 0; i < 1000; i++) {
		uint16_t got;

		CHECK(ask(i, "good.example", CLIENT, 0) > 0 && to.host && to.port >= 61000);
		got = (uint16_t)(out[0] << 8 | out[1]);
		ids += !id[got];
		ports += !seen_port[to.port];
		id[got] = seen_port[to.port] = true;
		for (size_t k = 13; k < 25; k++)
			upper += isupper(out[k]) != 0;
		resolver_reset();
		CHECK(resolver_tick(0, out, &to) > 0);
	}
	CHECK(ids > 900 && ports > 700 && upper > 4000 && upper < 7000);
}

static void test_denied(void)
{
	static const char *names[] = { "evil.example", "good.example.evil", "example", "" };
	uint8_t m[512];
	size_t n;

	begin();
	for (size_t i = 0; i < 4; i++) {
		n = ask(0x3333, names[i], CLIENT, 0);
		CHECK(n > 0 && !to.host && to.port == CLIENT && (out[3] & 15) == DNS_REFUSED);
		CHECK(to.refused.len == strlen(names[i]));
		CHECK(out[0] == 0x33 && (out[2] & 0x80) != 0 && count->denied == i + 1);
	}
	n = make(m, 1, "good.example");
	m[n - 3] = 255; /* ANY */
	CHECK(resolver_ask(slice_of(m, n), CLIENT, 0, out, &to) > 0 && !to.host &&
	      (out[3] & 15) == DNS_REFUSED);
	m[2] |= 0x80; /* a reply */
	CHECK(resolver_ask(slice_of(m, n), CLIENT, 0, out, &to) == 0 && count->ignored == 1);
	CHECK(resolver_ask(slice_of(m, 12), CLIENT, 0, out, &to) == 0);
	CHECK(resolver_deadline() == INT64_MAX && admissions == 0 && count->denied == 5);
}

/* Each of what it must have is wrong once: nothing opens, and the right one still
 * comes through. */
static void test_wrong(void)
{
	uint8_t m[512], wrong[512];
	size_t n;

	begin();
	n = ask(1, "good.example", CLIENT, 0);
	n = answer(m, n, 60);
	CHECK(give(m, n, to.port ^ 1, 0) == 0);
	for (size_t i = 0; i < 12 + 14; i++) {
		if (i == 3 || (i > 5 && i < 12))
			continue;
		memcpy(wrong, m, n);
		wrong[i] ^= i == 2 ? 0x80 : 0x20; /* letters: only their case */
		CHECK(give(wrong, n, to.port, 0) == 0);
	}
	CHECK(admissions == 0 && count->dropped == 20 && count->answered == 0);
	CHECK(give(m, n, to.port, 0) > 0 && admissions == 1);
}

/* An answer to the question that is not to be believed ends it. */
static void test_disproved(void)
{
	uint8_t m[512];
	size_t n;

	begin();
	n = ask(0x4444, "good.example", CLIENT, 0);
	n = answer(m, n, 60);
	m[n - 4] = 127;
	n = give(m, n, to.port, 0);
	CHECK(n > 0 && !to.host && to.port == CLIENT && (out[3] & 15) == DNS_SERVFAIL);
	CHECK(out[0] == 0x44 && out[7] == 0 && admissions == 0 && resolver_deadline() == INT64_MAX);
	n = ask(1, "good.example", CLIENT, 0); /* the host has none */
	n = answer(m, n, 60);
	m[3] = 0x85;
	CHECK(give(m, n, to.port, 0) > 0 && (out[3] & 15) == DNS_SERVFAIL && admissions == 0);
	CHECK(count->failed == 2 && count->disproved == 1 && count->answered == 0);
}

/* Several at a time: each answer goes to who asked, whatever the order. */
static void test_many(void)
{
	static uint8_t m[RESOLVER_MAX][512];
	static size_t len[RESOLVER_MAX];
	static uint16_t ports[RESOLVER_MAX];

	begin();
	for (unsigned i = 0; i < RESOLVER_MAX; i++) {
		len[i] = ask(i, i % 2 == 0 ? "good.example" : "other.example",
		             (uint16_t)(CLIENT + i), i);
		CHECK(len[i] > 0 && to.host);
		len[i] = answer(m[i], len[i], 60);
		ports[i] = to.port;
	}
	CHECK(ask(999, "good.example", CLIENT, 0) > 0 && !to.host && to.port == CLIENT);
	CHECK((out[3] & 15) == DNS_SERVFAIL && out[1] == (999 & 255) && count->failed == 1);
	for (unsigned k = 0; k < RESOLVER_MAX; k++) {
		unsigned i = (k * 37 + 5) % RESOLVER_MAX;

		admissions = 0;
		CHECK(give(m[i], len[i], ports[i], 200) > 0);
		CHECK(to.port == CLIENT + i && out[1] == i);
		CHECK(admissions == 1 && admitted[0].rules == (i % 2 == 0 ? 5 : 2));
	}
	CHECK(resolver_deadline() == INT64_MAX && count->answered == RESOLVER_MAX);
	CHECK(ask(1, "good.example", CLIENT, 0) > 0 && to.host);
}

static void test_deadlines(void)
{
	uint8_t m[512];
	uint16_t port;
	size_t n;

	begin();
	n = answer(m, ask(0x5555, "good.example", CLIENT, 100), 60);
	port = to.port;
	CHECK(ask(0x6666, "other.example", CLIENT + 1, 300) > 0);
	CHECK(resolver_deadline() == 100 + RESOLVER_WAIT_MS);
	CHECK(resolver_tick(99 + RESOLVER_WAIT_MS, out, &to) == 0);
	CHECK(resolver_tick(100 + RESOLVER_WAIT_MS, out, &to) > 0);
	CHECK(!to.host && to.port == CLIENT && out[0] == 0x55 && (out[3] & 15) == DNS_SERVFAIL);
	CHECK(resolver_tick(100 + RESOLVER_WAIT_MS, out, &to) == 0);
	CHECK(resolver_deadline() == 300 + RESOLVER_WAIT_MS);
	CHECK(give(m, n, port, 6000) == 0 && admissions == 0); /* too late */
	resolver_reset();
	CHECK(resolver_deadline() <= 6000 && resolver_tick(6000, out, &to) > 0);
	CHECK(to.port == CLIENT + 1 && out[0] == 0x66 && resolver_tick(6000, out, &to) == 0);
	CHECK(resolver_deadline() == INT64_MAX && count->failed == 2);
}

int main(void)
{
	test_round();
	test_random();
	test_denied();
	test_wrong();
	test_disproved();
	test_many();
	test_deadlines();
	return test_end();
}
