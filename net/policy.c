#include "net/policy.h"

#include <netinet/in.h>

#include "appliance/base/dcbor.h"
#include "net/packet.h"

enum { ADDRESS = PACKET_ADDRESS, V4_BITS = 8 * PACKET_V4, LABEL_MAX = 63 };

/* --- the rules --- */

bool policy_is_name(struct slice s)
{
	size_t label = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == '.' ? label == 0
		             : !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
		                       c != '_')
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0 && s.len <= POLICY_NAME_MAX;
}

static bool is_wild(struct slice name)
{
	return name.len > 2 && name.p[0] == '*' && name.p[1] == '.';
}

static bool is_within(const uint8_t address[ADDRESS], const uint8_t net[ADDRESS], unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(address, net, whole) == 0 &&
	       (rest == 0 || (address[whole] ^ net[whole]) >> (8 - rest) == 0);
}

static bool ends_at(const uint8_t address[ADDRESS], unsigned bits)
{
	for (; bits < 8 * ADDRESS; bits++)
		if (address[bits / 8] & 0x80 >> bits % 8)
			return false;
	return true;
}

static bool has_ports(const struct policy_rule *r)
{
	return r->proto == POLICY_ANY || r->proto == POLICY_ICMP
	               ? r->first == 0 && r->last == UINT16_MAX
	               : r->first > 0 && r->first <= r->last;
}

static bool is_egress(const struct policy_rule *r)
{
	size_t wild = is_wild(r->name) ? 2 : 0;

	if (!has_ports(r))
		return false;
	if (r->prefix != POLICY_BY_NAME)
		return r->proto != POLICY_TLS && ends_at(r->address, r->prefix);
	return r->first > 0 && policy_is_name(slice_of(r->name.p + wild, r->name.len - wild));
}

static bool is_ingress(const struct policy_rule *r)
{
	return (r->proto == POLICY_TCP || r->proto == POLICY_UDP) && has_ports(r) &&
	       r->last < POLICY_OWN_FIRST &&
	       (r->first > POLICY_OWN_PORT || r->last < POLICY_OWN_PORT);
}

/* The fields that both directions have, of an array of n. */
static void parse_head(struct dcbor *d, size_t n, struct policy_rule *r)
{
	if (dcbor_array(d, n) != n)
		dcbor_fail(d, RC_BAD);
	r->proto = (enum policy_proto)dcbor_uint(d, POLICY_TLS);
	r->first = (uint16_t)dcbor_uint(d, UINT16_MAX);
	r->last = (uint16_t)dcbor_uint(d, UINT16_MAX);
}

static void parse_egress(struct dcbor *d, struct policy_rule *r)
{
	parse_head(d, 5, r);
	r->prefix = (unsigned)dcbor_uint(d, POLICY_BY_NAME);
	if (r->prefix == POLICY_BY_NAME)
		r->name = dcbor_text(d, POLICY_NAME_MAX);
	else
		dcbor_copy(d, r->address, ADDRESS);
	if (d->rc == RC_OK && !is_egress(r))
		dcbor_fail(d, RC_BAD);
}

enum rc policy_parse(struct slice in, struct policy *p)
{
	struct dcbor d = dcbor_of(in);

	memset(p, 0, sizeof *p);
	if (in.len == 0 || in.len > POLICY_MAX)
		return in.len == 0 ? RC_OK : RC_LIMIT;
	dcbor_record(&d);
	p->egresses = dcbor_array(dcbor_need(&d, 1), POLICY_RULES_MAX);
	for (size_t i = 0; i < p->egresses; i++) {
		parse_egress(&d, &p->egress[i]);
		p->tls |= (uint64_t)(p->egress[i].proto == POLICY_TLS) << i;
	}
	p->ingresses = dcbor_array(dcbor_need(&d, 2), POLICY_RULES_MAX);
	for (size_t i = 0; i < p->ingresses; i++) {
		parse_head(&d, 3, &p->ingress[i]);
		if (d.rc == RC_OK && !is_ingress(&p->ingress[i]))
			dcbor_fail(&d, RC_BAD);
	}
	return dcbor_end(&d);
}

/* --- addresses that names have had --- */

/* Each is there once for each set of rules it was admitted to: one name's time says
 * nothing of another's. */
static struct admitted {
	uint8_t address[ADDRESS];
	uint64_t rules;
	int64_t until_ms;
} admitted[POLICY_ADMITTED_MAX];
static size_t admitted_n; /* ever used, at the table's beginning */

void policy_admit(uint64_t rules, const uint8_t address[16], int64_t until_ms)
{
	struct admitted *a = admitted, *end = admitted + admitted_n, *place = admitted;

	if (rules == 0)
		return;
	for (; a < end && (a->rules != rules || !packet_same(a->address, address)); a++)
		if (a->until_ms < place->until_ms)
			place = a;
	if (a == end) {
		a = admitted_n < POLICY_ADMITTED_MAX ? &admitted[admitted_n++] : place;
		*a = (struct admitted){ .rules = rules };
		memcpy(a->address, address, ADDRESS);
	}
	if (a->until_ms < until_ms)
		a->until_ms = until_ms;
}

/* --- the answers --- */

static bool is_for(const struct policy_rule *r, uint8_t proto, uint16_t port)
{
	static const uint8_t protos[] = { [POLICY_TCP] = IPPROTO_TCP,
		                          [POLICY_UDP] = IPPROTO_UDP,
		                          [POLICY_ICMP] = IPPROTO_ICMP,
		                          [POLICY_TLS] = IPPROTO_TCP };

	if (proto == IPPROTO_ICMPV6)
		proto = IPPROTO_ICMP;
	return (r->proto == POLICY_ANY || protos[r->proto] == proto) && port >= r->first &&
	       port <= r->last;
}

int policy_ingress(const struct policy *p, uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < p->ingresses; i++)
		if (is_for(&p->ingress[i], proto, port))
			return (int)i;
	return POLICY_NONE;
}

uint64_t policy_egress(const struct policy *p, uint8_t proto, const uint8_t address[16],
                       uint16_t port, int64_t now_ms)
{
	uint64_t named = 0, allowing = 0;

	for (const struct admitted *a = admitted; a < admitted + admitted_n; a++)
		if (packet_same(a->address, address) && a->until_ms > now_ms)
			named |= a->rules;
	for (size_t i = 0; i < p->egresses; i++) {
		const struct policy_rule *r = &p->egress[i];
		bool match = r->prefix == POLICY_BY_NAME
		                     ? named >> i & 1
		                     : (r->prefix >= V4_BITS || !packet_is_v4(address)) &&
		                               is_within(address, r->address, r->prefix);

		allowing |= (uint64_t)(match && is_for(r, proto, port)) << i;
	}
	return allowing;
}

uint64_t policy_named(const struct policy *p, struct slice name)
{
	uint64_t rules = 0;

	if (!policy_is_name(name))
		return 0;
	for (size_t i = 0; i < p->egresses; i++) {
		struct slice end = p->egress[i].name;
		bool wild = is_wild(end);

		/* Of *.b.c the end is .b.c, and no name begins with a dot. */
		if (wild)
			end = slice_of(end.p + 1, end.len - 1);
		if (p->egress[i].proto == POLICY_ANY ||
		    ((wild ? name.len > end.len : name.len == end.len) &&
		     memcmp(name.p + name.len - end.len, end.p, end.len) == 0))
			rules |= UINT64_C(1) << i;
	}
	return rules;
}
