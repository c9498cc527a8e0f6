/* What the app may reach, and what may reach it: the measured manifest's network
 * policy (appliance/base/manifest.h, key 8), as the gate applies it to each new
 * flow. What no rule allows is refused.
 *
 * Addresses are 16 bytes everywhere in net/: IPv6 as it is, IPv4 as
 * ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), so that an IPv4 prefix of n bits is one of
 * 96 + n. A rule of a shorter prefix means IPv6 alone, whatever it begins with:
 * `any` is two rules, of ::ffff:0:0/96 and of ::/0.
 *
 * A rule of a name allows the addresses that the resolver (net/resolver.h) was
 * told for that name, for as long as they were good for. The host tells those: it
 * can lie, and a name rule then allows an address of its choice. With POLICY_TLS
 * the app must ask whoever answers there for that name (net/hello.h), so that the
 * certificate it checks is that name's.
 *
 * The encoding is a record (base/dcbor.h) with two keys, mandatory both:
 *
 *   1  egress, array of 0 to POLICY_RULES_MAX arrays of 5:
 *        protocol, enum policy_proto
 *        first and last port, 1 to 65535; 0 and 65535 of ICMP and POLICY_ANY
 *        prefix length, 0 to 128, not of POLICY_TLS; or POLICY_BY_NAME, not of
 *        ICMP and POLICY_ANY
 *        address, 16 bytes, zero behind the prefix; or the name, text
 *   2  ingress, the published ports, array of 0 to POLICY_RULES_MAX arrays of 3:
 *        protocol, POLICY_TCP or POLICY_UDP; first and last port, 1 to 65535,
 *        none of them the appliance's own (POLICY_OWN_PORT, and from
 *        POLICY_OWN_FIRST on)
 *
 * A name is 1 to POLICY_NAME_MAX bytes of lower-case a-z, 0-9, -, _ in labels of
 * 1 to 63, between them dots, none at the end; "*." may stand in front, and
 * allows whatever has one label or more in its place, and not the name itself.
 *
 * Pure but for the table of addresses that names have had, which is the one
 * instance of a process. The encoding is measured but is checked as if hostile;
 * names come from the app, addresses from the host, which can make a look-up as
 * long as that table and not longer.
 */
#ifndef NET_POLICY_H
#define NET_POLICY_H

#include <stdint.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum policy_proto { POLICY_ANY, POLICY_TCP, POLICY_UDP, POLICY_ICMP, POLICY_TLS };

enum {
	POLICY_RULES_MAX = 64, /* of a direction: a set of them is a uint64_t */
	POLICY_MAX = 16384,    /* bytes of the encoding */
	POLICY_NAME_MAX = 253, /* RFC 1035 §2.3.4, as text */
	POLICY_BY_NAME = 129,
	POLICY_OWN_PORT = 8443,   /* the attestation server's */
	POLICY_OWN_FIRST = 61000, /* the gate's own ports, beyond the kernel's */
	POLICY_NONE = -1,
	/* Addresses that names have had. When all are taken the one that ends
	 * soonest gives way. One that rules of different names share is there for each. */
	POLICY_ADMITTED_MAX = 1024,
};

struct policy_rule {
	enum policy_proto proto;
	uint16_t first, last;
	unsigned prefix;
	uint8_t address[16];
	struct slice name; /* into the input; empty: an address */
};

struct policy {
	size_t egresses, ingresses;
	struct policy_rule egress[POLICY_RULES_MAX], ingress[POLICY_RULES_MAX];
	uint64_t tls; /* the egress rules of POLICY_TLS */
};

/* RC_OK, RC_BAD, RC_LIMIT or RC_EOF as dcbor.h; *p is unspecified on error. An empty
 * input is a policy without rules. */
RC_CHECK enum rc policy_parse(struct slice in, struct policy *p);

/* Is it a name as above, without "*."? */
bool policy_is_name(struct slice s);

/* The ingress rule that lets somebody reach port; POLICY_NONE. proto is
 * IPPROTO_TCP or IPPROTO_UDP. */
int policy_ingress(const struct policy *p, uint8_t proto, uint16_t port);

/* The set (bit N: egress rule N) of rules that allow a flow to an address; 0: none.
 * proto as in an IP header, IPPROTO_ICMP and IPPROTO_ICMPV6 alike; port 0 for what
 * has none. Those of p->tls allow it only once its ClientHello names a name of
 * theirs (policy_named). */
uint64_t policy_egress(const struct policy *p, uint8_t proto, const uint8_t address[16],
                       uint16_t port, int64_t now_ms);

/* The set of rules that let it be asked for name: those of POLICY_ANY, and those by
 * name that match it: dotted text, lower-case, without a dot at the end. None match
 * what is no name. */
uint64_t policy_named(const struct policy *p, struct slice name);

/* A name that rules match, of policy_named, has this address until then, which is not
 * yet; said again, the later time counts. No rules: nothing is done. */
void policy_admit(uint64_t rules, const uint8_t address[16], int64_t until_ms);

/* The builder's half (policy_put.c): appends the encoding; w->over when it does not
 * fit. */
void policy_put(struct wbuf *w, const struct policy *p);

#endif
