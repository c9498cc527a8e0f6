#include "net/resolver.h"

#include <sys/random.h>

enum { PORTS = UINT16_MAX - POLICY_OWN_FIRST + 1 };

struct pending {
	int64_t deadline_ms;
	uint64_t rules;
	uint16_t port, our_port; /* port: the program's */
	struct dns_query query, asked;
};

static struct {
	const struct policy *policy;
	struct pending pending[RESOLVER_MAX]; /* in the order they came: of their deadlines */
	size_t n;
	struct resolver_counters count;
} rs;

void resolver_init(const struct policy *p)
{
	rs.policy = p;
	rs.n = 0;
	rs.count = (struct resolver_counters){ 0 };
}

static size_t fail(const struct dns_query *q, uint8_t out[DNS_REPLY_MAX])
{
	rs.count.failed++;
	return dns_reply(q, DNS_SERVFAIL, out);
}

static size_t ask_host(const struct dns_query *q, uint64_t rules, int64_t now_ms,
                       uint8_t out[DNS_REPLY_MAX], struct resolver_to *to)
{
	struct pending *e = &rs.pending[rs.n];
	struct {
		uint16_t id, port;
		uint8_t letters[DNS_NAME_MAX / 8 + 1];
	} random;

	if (rs.n == RESOLVER_MAX || getrandom(&random, sizeof random, 0) != sizeof random)
		return fail(q, out);
	rs.n++;
	*e = (struct pending){ now_ms + RESOLVER_WAIT_MS,
		               rules,
		               to->port,
		               (uint16_t)(POLICY_OWN_FIRST + random.port % PORTS),
		               *q,
		               *q };
	dns_disguise(&e->asked, random.id, random.letters);
	*to = (struct resolver_to){ .host = true, .port = e->our_port };
	return dns_ask(&e->asked, out);
}

size_t resolver_ask(struct slice message, uint16_t port, int64_t now_ms, uint8_t out[DNS_REPLY_MAX],
                    struct resolver_to *to)
{
	static struct dns_name name;
	enum dns_rcode rcode;
	uint64_t rules = 0;
	struct dns_query q;

	*to = (struct resolver_to){ .port = port };
	rs.count.asked++;
	if (dns_parse(message, &q, &name, &rcode) != RC_OK) {
		rs.count.ignored++;
		return 0;
	}
	if (rcode == DNS_OK && name.len > 0)
		rules = policy_named(rs.policy, slice_of(name.p, name.len));
	if (rules != 0)
		return ask_host(&q, rules, now_ms, out, to);
	rs.count.denied++;
	if (rcode == DNS_OK)
		to->refused = slice_of(name.p, name.len);
	return dns_reply(&q, rcode == DNS_OK ? DNS_REFUSED : rcode, out);
}

static void take_out(struct pending *e, struct pending *to)
{
	*to = *e;
	memmove(e, e + 1, (size_t)(rs.pending + rs.n - (e + 1)) * sizeof *e);
	rs.n--;
}

size_t resolver_answer(struct slice message, uint16_t port, int64_t now_ms,
                       uint8_t out[DNS_REPLY_MAX], struct resolver_to *to)
{
	struct pending *e = rs.pending, was;
	enum rc rc = RC_MISMATCH;
	struct dns_answer a;
	size_t len = 0;

	for (; rc == RC_MISMATCH && e < rs.pending + rs.n; e++) {
		if (e->our_port == port)
			rc = dns_answer(message, &e->asked, &e->query, out, &len, &a);
	}
	rs.count.dropped += rc == RC_MISMATCH;
	rs.count.disproved += rc == RC_BAD;
	if (rc == RC_MISMATCH)
		return 0;
	take_out(e - 1, &was);
	*to = (struct resolver_to){ .port = was.port };
	if (rc != RC_OK)
		return fail(&was.query, out);
	for (size_t i = 0; i < a.addresses; i++)
		policy_admit(was.rules, a.address[i].address,
		             now_ms + (int64_t)a.address[i].ttl_s * 1000 + RESOLVER_GRACE_MS);
	rs.count.answered++;
	return len;
}

int64_t resolver_deadline(void)
{
	return rs.n > 0 ? rs.pending[0].deadline_ms : INT64_MAX;
}

size_t resolver_tick(int64_t now_ms, uint8_t out[DNS_REPLY_MAX], struct resolver_to *to)
{
	struct pending was;

	if (resolver_deadline() > now_ms)
		return 0;
	take_out(rs.pending, &was);
	*to = (struct resolver_to){ .port = was.port };
	return fail(&was.query, out);
}

void resolver_reset(void)
{
	for (struct pending *e = rs.pending; e < rs.pending + rs.n; e++)
		e->deadline_ms = 0;
}

const struct resolver_counters *resolver_counters(void)
{
	return &rs.count;
}
