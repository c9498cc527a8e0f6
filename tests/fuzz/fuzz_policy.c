/* The policy's parser: what it accepts has one encoding, the input, and its answers
 * are of rules that there are. What is not the encoding is tried as a name. */
#include <netinet/in.h>
#include <stdlib.h>

#include "net/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static uint64_t all(size_t n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

/* Each rule, asked for its own, allows it. */
static void try_rules(const struct policy *p)
{
	static const uint8_t protos[] = { [POLICY_ANY] = IPPROTO_SCTP,
		                          [POLICY_TCP] = IPPROTO_TCP,
		                          [POLICY_UDP] = IPPROTO_UDP,
		                          [POLICY_ICMP] = IPPROTO_ICMPV6,
		                          [POLICY_TLS] = IPPROTO_TCP };
	static int64_t now;

	for (size_t i = 0; i < p->egresses; i++) {
		const struct policy_rule *r = &p->egress[i];
		uint64_t bit = UINT64_C(1) << i, rules = policy_named(p, r->name);
		bool wild = r->name.len > 0 && *r->name.p == '*';

		if (r->prefix == POLICY_BY_NAME) {
			must(wild ? rules == 0 : (rules & bit) != 0);
			policy_admit(bit, r->address, ++now + 1);
		}
		rules = policy_egress(p, protos[r->proto], r->address, r->last, now);
		must((rules & ~all(p->egresses)) == 0);
		/* A short prefix of ::ffff:0:0 is not IPv4. */
		must((rules & bit) != 0 || r->prefix < 96);
	}
	for (size_t i = 0; i < p->ingresses; i++) {
		int rule = policy_ingress(p, protos[p->ingress[i].proto], p->ingress[i].first);

		must(rule >= 0 && (size_t)rule <= i);
	}
	must(policy_ingress(p, IPPROTO_TCP, POLICY_OWN_PORT) == POLICY_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t wild[] = "\xa2\x01\x82\x85\x01\x01\x01\x18\x81\x63*.a"
				      "\x85\x01\x01\x01\x18\x81\x61x\x02\x80";
	static uint8_t buf[POLICY_MAX];
	static struct policy p;
	struct wbuf w = wbuf_of(buf, sizeof buf);
	struct slice in = slice_of(data, size);

	if (policy_parse(in, &p) == RC_OK) {
		must(p.egresses <= POLICY_RULES_MAX && p.ingresses <= POLICY_RULES_MAX);
		policy_put(&w, &p);
		must(size == 0 || (!w.over && slice_eq(wbuf_slice(&w), in)));
		try_rules(&p);
	}
	must(policy_parse(slice_of(wild, sizeof wild - 1), &p) == RC_OK);
	if (policy_named(&p, in) == 1)
		must(size > 2 && data[size - 2] == '.' && (data[size - 1] | 32) == 'a');
	else
		must(policy_named(&p, in) == 0 || (size == 1 && (*data | 32) == 'x'));
	return 0;
}
