#include "tools/image/netrule.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "tools/image/nearest.h"
#include "tools/image/notes.h"

enum { V4_BITS = 96 };

#define EGRESS  "any, icmp:TO, or tcp, udp or tls with TO and port such as tcp:10.0.0.0/8:5432"
#define INGRESS "tcp:PORT or udp:PORT, such as tcp:8080 or udp:9000-9010"
#define PORTS   "a port such as 443, or a range such as 8000-8100"

static const char *const protos[] = { [POLICY_ANY] = "any",
	                              [POLICY_TCP] = "tcp",
	                              [POLICY_UDP] = "udp",
	                              [POLICY_ICMP] = "icmp",
	                              [POLICY_TLS] = "tls" };

__attribute__((format(printf, 2, 3))) static bool refuse(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, NETRULE_WHY_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* --- protocol and ports --- */

static bool take_proto(struct slice word, bool ingress, enum policy_proto *out, char *why)
{
	static const char *const wanted[] = { EGRESS, INGRESS };
	struct nearest near = nearest_of(word);

	for (size_t i = ingress ? POLICY_TCP : POLICY_ANY; i <= POLICY_TLS; i++) {
		if (ingress && i > POLICY_UDP)
			break;
		if (slice_is(word, protos[i])) {
			*out = (enum policy_proto)i;
			return true;
		}
		nearest_try(&near, slice_str(protos[i]));
	}
	if (near.best.len > 0)
		return refuse(why, "unknown word '%.*s': did you mean '%.*s'? Expected %s",
		              SHOW(word), SHOW(near.best), wanted[ingress]);
	return refuse(why, "unknown word '%.*s': expected %s", SHOW(word), wanted[ingress]);
}

/* One of the ports in all. */
static bool take_port(struct slice s, struct slice all, uint16_t *out, char *why)
{
	uint64_t v;

	if (!slice_decimal(s, UINT16_MAX + 1, &v) || (s.len > 1 && *s.p == '0'))
		return refuse(why, "'%.*s' is no port: expected " PORTS, SHOW(all));
	if (v == 0 || v > UINT16_MAX)
		return refuse(why, "no port has the number %.*s: expected 1 to 65535", SHOW(s));
	*out = (uint16_t)v;
	return true;
}

static bool take_ports(struct slice s, struct policy_rule *r, char *why)
{
	struct slice all = s, first;
	bool range = slice_cut(&s, '-', &first);

	if (first.len == 0 && !range)
		return refuse(why, "there is no port: expected " PORTS);
	if (!take_port(first, all, &r->first, why))
		return false;
	r->last = r->first;
	if (range && !take_port(s, all, &r->last, why))
		return false;
	if (r->first > r->last)
		return refuse(why, "the range %u-%u ends before it begins: did you mean %u-%u?",
		              r->first, r->last, r->last, r->first);
	return true;
}

/* --- addresses --- */

static void mask(uint8_t address[16], unsigned prefix)
{
	for (unsigned bit = prefix; bit < 128; bit++)
		address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static void print_address(char text[NETRULE_TEXT_MAX], const uint8_t address[16], bool v4)
{
	inet_ntop(v4 ? AF_INET : AF_INET6, address + (v4 ? 12 : 0), text, NETRULE_TEXT_MAX);
}

static bool take_prefix(struct slice s, unsigned bits, unsigned *out, char *why)
{
	uint64_t v;

	if (!slice_decimal(s, bits + 1, &v) || v > bits || (s.len > 1 && *s.p == '0'))
		return refuse(why, "the prefix length '%.*s': expected 0 to %u", SHOW(s), bits);
	*out = (unsigned)v;
	return true;
}

static bool convert(struct slice s, bool v4, uint8_t address[16])
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (s.len >= sizeof text || (s.len > 0 && memchr(s.p, 0, s.len)))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	memcpy(address, mapped, 16);
	return inet_pton(v4 ? AF_INET : AF_INET6, text, address + (v4 ? 12 : 0)) == 1;
}

static bool take_address(struct slice to, bool v4, struct policy_rule *r, char *why)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct slice s = to, whole;
	unsigned bits = v4 ? 32 : 128, prefix = bits;
	bool has_prefix = slice_cut(&s, '/', &whole);
	uint8_t masked[16];
	char good[NETRULE_TEXT_MAX];

	if (!convert(whole, v4, r->address))
		return refuse(why, "'%.*s' is no %s address: expected one such as %s", SHOW(whole),
		              v4 ? "IPv4" : "IPv6", v4 ? "192.0.2.7" : "2001:db8::1");
	if (has_prefix && !take_prefix(s, bits, &prefix, why))
		return false;
	r->prefix = prefix + (v4 ? V4_BITS : 0);
	if (!v4 && r->prefix >= V4_BITS && memcmp(r->address, mapped, sizeof mapped) == 0) {
		print_address(good, r->address, true);
		return refuse(why, "[%.*s] is IPv4: expected %s, without brackets%s", SHOW(to),
		              good, has_prefix ? " and with its own prefix length" : "");
	}
	memcpy(masked, r->address, 16);
	mask(masked, r->prefix);
	if (memcmp(masked, r->address, 16) == 0)
		return true;
	print_address(good, masked, v4);
	return refuse(why, "'%.*s' has bits behind its prefix: expected %s/%u", SHOW(to), good,
	              prefix);
}

static void set_all(struct policy_rule out[2])
{
	out[1] = out[0];
	memset(out[0].address, 0, 16);
	memset(out[0].address + 10, 0xff, 2);
	out[0].prefix = V4_BITS;
	memset(out[1].address, 0, 16);
	out[1].prefix = 0;
}

/* --- names --- */

static bool has(struct slice s, uint8_t c)
{
	return s.len > 0 && memchr(s.p, c, s.len);
}

/* Of what is no name, why. */
static bool refuse_name(struct slice name, char *why)
{
	char lower[SHOW_MAX + 1] = "";
	bool upper = false;

	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.p[i];
		bool is_upper = c >= 'A' && c <= 'Z';

		if (c >= 0x80)
			return refuse(why,
			              "the name '%.*s': letters beyond ASCII are written as DNS "
			              "does: expected it in its form with xn--",
			              SHOW(name));
		if (i < SHOW_MAX)
			lower[i] = (char)(is_upper ? c | 32 : c);
		upper = upper || is_upper;
	}
	if (upper)
		return refuse(why, "the name '%.*s' has capitals: expected %s", SHOW(name), lower);
	if (has(name, '*'))
		return refuse(why,
		              "the name '%.*s': a * stands in front alone, for one label or more: "
		              "expected one such as *.example.com",
		              SHOW(name));
	if (name.len > POLICY_NAME_MAX)
		return refuse(why, "the name has %zu bytes: at most %d", name.len, POLICY_NAME_MAX);
	return refuse(why,
	              "the name '%.*s': expected labels of 1 to 63 of a-z, 0-9, - and _, dots "
	              "between them and none at the end",
	              SHOW(name));
}

static bool take_name(struct slice name, struct policy_rule *r, char *why)
{
	size_t wild = name.len > 2 && memcmp(name.p, "*.", 2) == 0 ? 2 : 0;

	if (r->proto == POLICY_ICMP)
		return refuse(why, "icmp has no rules by name: '%.*s': expected an address or *",
		              SHOW(name));
	if (name.len > POLICY_NAME_MAX || !policy_is_name(slice_of(name.p + wild, name.len - wild)))
		return refuse_name(name, why);
	r->prefix = POLICY_BY_NAME;
	r->name = name;
	return true;
}

/* --- a rule --- */

/* Nothing but digits and dots, or with a prefix length: no name ends with a number. */
static bool is_v4(struct slice to)
{
	size_t last = to.len;

	while (last > 0 && to.p[last - 1] >= '0' && to.p[last - 1] <= '9')
		last--;
	return has(to, '/') || (last < to.len && (last == 0 || to.p[last - 1] == '.'));
}

/* n is how many rules it came to. */
static bool take_to(struct slice to, bool brackets, struct policy_rule out[2], size_t *n, char *why)
{
	bool all = !brackets && slice_is(to, "*"), address = all || brackets || is_v4(to);

	if (to.len == 0)
		return refuse(why, "there is no address and no name: expected %s", EGRESS);
	if (out->proto == POLICY_TLS && address)
		return refuse(why, "tls is for names, '%.*s' is none: for addresses there is tcp",
		              SHOW(to));
	if (all)
		set_all(out);
	*n = all ? 2 : 1;
	return all || (address ? take_address(to, !brackets, out, why) : take_name(to, out, why));
}

/* Cuts "TO:PORTS", or "TO", into two. */
static bool cut_to(struct slice *s, struct slice *to, bool *brackets, bool *ports, char *why)
{
	size_t at = s->len;
	struct slice open;

	*brackets = s->len > 0 && *s->p == '[';
	if (*brackets) {
		(void)slice_take(s, 1, &open);
		if (!slice_cut(s, ']', to))
			return refuse(why, "the bracket is not closed: expected one such as "
			                   "[2001:db8::/32]");
		*ports = slice_cut(s, ':', &open);
		if (open.len > 0)
			return refuse(why,
			              "'%.*s' behind the bracket: the prefix length stands in "
			              "it, as in [2001:db8::/32]",
			              SHOW(open));
		return true;
	}
	while (at > 0 && s->p[at - 1] != ':')
		at--;
	*ports = at > 0;
	*to = slice_of(s->p, *ports ? at - 1 : s->len);
	*s = slice_of(s->p + at, s->len - at);
	if (has(*to, ':'))
		return refuse(why, "an IPv6 address stands in brackets, as in [2001:db8::/32]");
	return true;
}

static bool egress(struct slice s, struct policy_rule out[2], size_t *n, char *why)
{
	struct slice word, to;
	bool more = slice_cut(&s, ':', &word), brackets = false, ports = false;

	if (!take_proto(word, false, &out->proto, why))
		return false;
	if (out->proto == POLICY_ANY && more)
		return refuse(why, "any is everything, nothing follows it");
	out->last = UINT16_MAX;
	if (out->proto == POLICY_ANY) {
		set_all(out);
		*n = 2;
		return true;
	}
	if (!cut_to(&s, &to, &brackets, &ports, why))
		return false;
	if (out->proto == POLICY_ICMP && ports)
		return refuse(why, "icmp has no ports: expected icmp:%s%.*s%s", brackets ? "[" : "",
		              SHOW(to), brackets ? "]" : "");
	if (out->proto != POLICY_ICMP && !ports && to.len > 0)
		return refuse(why, "there is no port: expected %.*s:%s%.*s%s:PORT", SHOW(word),
		              brackets ? "[" : "", SHOW(to), brackets ? "]" : "");
	if (out->proto != POLICY_ICMP && ports && !take_ports(s, out, why))
		return false;
	return take_to(to, brackets, out, n, why);
}

size_t netrule_egress(struct slice text, struct policy_rule out[2], char why[NETRULE_WHY_MAX])
{
	size_t n = 0;

	memset(out, 0, 2 * sizeof *out);
	return egress(text, out, &n, why) ? n : 0;
}

size_t netrule_ingress(struct slice text, struct policy_rule out[2], char why[NETRULE_WHY_MAX])
{
	struct slice word;
	bool more = slice_cut(&text, ':', &word);

	memset(out, 0, 2 * sizeof *out);
	if (!take_proto(word, true, &out->proto, why))
		return 0;
	if (!more)
		return refuse(why, "there is no port: expected %.*s:PORT", SHOW(word));
	if (!take_ports(text, out, why))
		return 0;
	if (out->first <= POLICY_OWN_PORT && out->last >= POLICY_OWN_PORT)
		return refuse(why, "port %d is the appliance's own", POLICY_OWN_PORT);
	if (out->last >= POLICY_OWN_FIRST)
		return refuse(why, "ports from %d on are the appliance's own", POLICY_OWN_FIRST);
	return 1;
}

/* --- printing --- */

static void print_ports(char *text, const struct policy_rule *r)
{
	size_t used = strlen(text);

	if (r->first == r->last)
		snprintf(text + used, NETRULE_TEXT_MAX - used, ":%u", r->first);
	else
		snprintf(text + used, NETRULE_TEXT_MAX - used, ":%u-%u", r->first, r->last);
}

static void print_to(char *text, const struct policy_rule *r)
{
	bool v4 = r->prefix >= V4_BITS && r->address[10] == 0xff && r->address[11] == 0xff &&
	          memcmp(r->address, (const uint8_t[10]){ 0 }, 10) == 0;
	unsigned prefix = r->prefix - (v4 ? V4_BITS : 0), bits = v4 ? 32 : 128;
	size_t used = strlen(text);
	char address[NETRULE_TEXT_MAX], length[8] = "";

	print_address(address, r->address, v4);
	if (prefix < bits)
		snprintf(length, sizeof length, "/%u", prefix);
	snprintf(text + used, NETRULE_TEXT_MAX - used, v4 ? ":%.40s%s" : ":[%.40s%s]", address,
	         length);
}

/* Are both together what set_all() makes? */
static bool are_all(const struct policy_rule r[2])
{
	struct policy_rule all[2] = { r[0] };

	set_all(all);
	return r[0].proto == r[1].proto && r[0].first == r[1].first && r[0].last == r[1].last &&
	       r[0].prefix == all[0].prefix && r[1].prefix == all[1].prefix &&
	       memcmp(r[0].address, all[0].address, 16) == 0 &&
	       memcmp(r[1].address, all[1].address, 16) == 0;
}

size_t netrule_print_egress(char text[NETRULE_TEXT_MAX], const struct policy_rule *r, size_t n)
{
	bool all = n > 1 && are_all(r);

	snprintf(text, NETRULE_TEXT_MAX, "%s", protos[r->proto]);
	if (r->proto == POLICY_ANY)
		return all ? 2 : 1;
	if (all)
		snprintf(text + strlen(text), 3, ":*");
	else if (r->prefix == POLICY_BY_NAME)
		snprintf(text + strlen(text), NETRULE_TEXT_MAX - 8, ":%.*s", (int)r->name.len,
		         (const char *)r->name.p);
	else
		print_to(text, r);
	if (r->proto != POLICY_ICMP)
		print_ports(text, r);
	return all ? 2 : 1;
}

void netrule_print_ingress(char text[NETRULE_TEXT_MAX], const struct policy_rule *r)
{
	snprintf(text, NETRULE_TEXT_MAX, "%s", protos[r->proto]);
	print_ports(text, r);
}
