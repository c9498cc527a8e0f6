#include "net/app.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "appliance/base/log.h"
#include "net/flow.h"
#include "net/hello.h"
#include "net/packet_put.h"
#include "net/refuse.h"
#include "net/resolver.h"
#include "net/tun.h"

enum {
	/* Lines about what was refused, of which there can be any number. */
	LINES_MAX = 16,
	LINES_MS = 10000,
	/* What is not TCP has no end but silence (RFC 4787 §4.3: two minutes or more). */
	SILENT_MS = 180000,
	TO_APP = -2, /* no link's number, and not that of none */
};

static struct {
	int tun, link;                /* link: that carries the app's packets; -1: none */
	bool offers[STACK_LINKS_MAX]; /* links that have said that they do */
	const struct policy *policy;
	int64_t now_ms;
	int64_t gone_ms; /* when there was a gateway last */
	unsigned lines;
	int64_t lines_ms; /* when they were counted from */
	struct app_counters count;
} a;

/* --- sending ------------------------------------------------------------------------ */

/* To the kernel: payload has room for the header before the packet. */
static void write_tun(struct packet *p, uint8_t *payload)
{
	tun_prepare(p, payload);
	/* A kernel that is short of memory drops packets, as any network may. */
	if (write(a.tun, payload, LINK_VNET + p->ip.len) < 0)
		a.count.dropped++;
}

/* A packet of ours to a link or the app, n bytes behind the room for the header. */
static void send_own(int to, uint8_t *payload, size_t n)
{
	struct packet p;
	uint8_t *out;

	memset(payload, 0, LINK_VNET);
	if (n == 0 || packet_parse(slice_of(payload + LINK_VNET, n), &p) != RC_OK)
		return;
	if (to == TO_APP) {
		write_tun(&p, payload);
	} else if (to >= 0 && (out = wire_room(stack_link(to), LINK_VNET + n)) != NULL) {
		memcpy(out, payload, LINK_VNET + n);
		wire_put(stack_link(to), LINK_APP, LINK_VNET + n);
	}
}

static void answer(int to, const struct packet *p, enum refuse_why why)
{
	uint8_t out[LINK_VNET + REFUSE_MAX];

	send_own(to, out, refuse(p, why, out + LINK_VNET));
}

/* --- what is refused --------------------------------------------------------------- */

/* Is a line about something refused worth writing? Counted from now on. */
static bool may_explain(void)
{
	if (a.now_ms - a.lines_ms >= LINES_MS) {
		if (a.lines > LINES_MAX)
			log_line("network: refused %u more", a.lines - LINES_MAX);
		a.lines = 0;
		a.lines_ms = a.now_ms;
	}
	return a.lines++ < LINES_MAX;
}

static void explain(const struct packet *p, const char *why, struct slice name)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	int family = p->v6 ? AF_INET6 : AF_INET, skip = p->v6 ? 0 : PACKET_V4;

	if (!may_explain())
		return;
	inet_ntop(family, p->from + skip, from, sizeof from);
	inet_ntop(family, p->to + skip, to, sizeof to);
	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP)
		log_line("network: refused %s from %s port %u to %s port %u: %s%.*s",
		         p->proto == IPPROTO_TCP ? "TCP" : "UDP", from, p->from_port, to,
		         p->to_port, why, (int)name.len, (const char *)name.p);
	else
		log_line("network: refused protocol %u from %s to %s: %s", p->proto, from, to, why);
}

static void deny(const struct packet *p, bool from_app)
{
	(*(from_app ? &a.count.out_refused : &a.count.in_refused))++;
	explain(p, from_app ? "no rule of egress" : "no rule of ingress", slice_of(NULL, 0));
	answer(from_app ? TO_APP : a.link, p, REFUSE_PROHIBITED);
}

/* There is no gateway, and has not been one for a while. */
static bool is_offline(void)
{
	return a.link < 0 && a.now_ms - a.gone_ms >= APP_GRACE_MS;
}

/* --- flows -------------------------------------------------------------------------- */

static bool asks(const struct packet *p)
{
	return p->proto != IPPROTO_TCP || (p->flags & (TH_SYN | TH_ACK)) == TH_SYN;
}

static struct flow *find(const struct flow_key *key)
{
	struct flow *f = flow_find(key);

	return f == NULL || key->proto == IPPROTO_TCP || a.now_ms - f->heard_ms < SILENT_MS ? f
	                                                                                    : NULL;
}

/* What stands behind an IPv6 extension header (RFC 8200 §4) has a protocol and ports that
 * no rule was asked about: such packets are no flow, whatever a rule allows. */
static bool is_extension(const struct packet *p)
{
	uint8_t next = p->v6 ? p->proto : IPPROTO_NONE;

	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS || next == IPPROTO_AH || next == IPPROTO_MH;
}

/* A packet with which no flow goes on begins one, if a rule allows it; else NULL. */
static struct flow *begin(const struct packet *p, const struct flow_key *key, bool from_app)
{
	uint64_t rules = 0;
	struct flow *f;

	if (!from_app && policy_ingress(a.policy, p->proto, p->to_port) != POLICY_NONE)
		return flow_begin(key, FLOW_IN, a.now_ms);
	if (from_app && !is_extension(p) && !packet_tells(p))
		rules = policy_egress(a.policy, p->proto, p->to, p->to_port, a.now_ms);
	if (rules == 0)
		return NULL;
	f = flow_begin(key, FLOW_OUT, a.now_ms);
	f->hello = (rules & ~a.policy->tls) == 0;
	f->rules = rules;
	return f;
}

/* What the app's kernel is to be told when the way is gone, and whether that is
 * over anyway. */
static void note(struct flow *f, const struct packet *p, bool from_app)
{
	uint32_t end = packet_end(p);

	f->heard_ms = a.now_ms;
	f->met = f->met || (p->proto == IPPROTO_TCP ? (p->flags & TH_SYN) == 0
	                                            : from_app == (f->kind == FLOW_IN));
	if (p->proto != IPPROTO_TCP)
		return;
	f->ended = f->ended || (p->flags & (TH_FIN | TH_RST)) != 0;
	if (from_app && !f->answered) {
		f->next = p->seq;
	} else if (!from_app && (!f->answered || (int32_t)(end - f->next) > 0)) {
		f->answered = true;
		f->next = end;
	}
}

/* The app's end of a flow hears that the other is gone. */
static void reset_app(const struct flow *f)
{
	bool v6 = !packet_is_v4(f->key.remote);
	struct packet p = { .v6 = v6,
		            .proto = IPPROTO_TCP,
		            .from_port = f->key.local_port,
		            .to_port = f->key.remote_port,
		            .flags = f->answered ? TH_ACK : TH_SYN,
		            .seq = f->next,
		            .ack = f->next };

	memcpy(p.from, v6 ? tun_enclave6 : tun_enclave4, PACKET_ADDRESS);
	memcpy(p.to, f->key.remote, PACKET_ADDRESS);
	if (f->key.proto == IPPROTO_TCP)
		answer(TO_APP, &p, REFUSE_NET);
}

static void link_gone(void)
{
	for (struct flow *f = flow_after(NULL); f != NULL; f = flow_after(f)) {
		reset_app(f);
		flow_end(f);
		a.count.reset++;
	}
	resolver_reset();
	a.link = -1;
	a.gone_ms = a.now_ms;
}

/* --- the resolver ------------------------------------------------------------------- */

enum { DNS_AT = LINK_VNET + 20 + 8 /* the headers of IPv4 and UDP */ };

static uint8_t dns_out[DNS_AT + DNS_REPLY_MAX];

/* The message of n bytes at DNS_AT. */
static void send_dns(size_t n, const struct resolver_to *to)
{
	struct packet_ends e = { .v6 = false,
		                 .from = to->host ? tun_enclave4 : tun_gateway4,
		                 .to = to->host ? tun_gateway4 : tun_enclave4,
		                 .from_port = to->host ? to->port : DNS_PORT,
		                 .to_port = to->host ? DNS_PORT : to->port };

	if (n > 0)
		send_own(to->host ? a.link : TO_APP, dns_out,
		         packet_put_udp(dns_out + LINK_VNET, &e, n) + n);
	if (to->host && is_offline())
		resolver_reset();
}

static void on_dns(const struct packet *p, bool from_app)
{
	struct slice message = slice_of(p->ip.p + p->body, p->ip.len - p->body);
	struct resolver_to to = { 0 };
	size_t n = from_app ? resolver_ask(message, p->from_port, a.now_ms, dns_out + DNS_AT, &to)
	                    : resolver_answer(message, p->to_port, a.now_ms, dns_out + DNS_AT, &to);

	send_dns(n, &to);
	if (to.refused.len > 0 && may_explain())
		log_line("network: refused the name %.*s: no rule of egress", (int)to.refused.len,
		         (const char *)to.refused.p);
}

static bool is_dns(const struct packet *p, const uint8_t *server, uint16_t port)
{
	return p->proto == IPPROTO_UDP && packet_same(server, tun_gateway4) && port == DNS_PORT;
}

/* --- what passes --------------------------------------------------------------------- */

static bool is_own(const struct packet *p, uint16_t port)
{
	return (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) &&
	       (port == POLICY_OWN_PORT || port >= POLICY_OWN_FIRST);
}

/* Only TCP is to know: it makes smaller segments. Of datagrams the kernel would make
 * fragments, and a link carries none: the gateway makes them. */
static bool is_too_big(const struct packet *p)
{
	return p->v6 ? p->type == ICMP6_PACKET_TOO_BIG
	             : p->type == ICMP_DEST_UNREACH && p->ip.p[p->head + 1] == ICMP_FRAG_NEEDED;
}

/* The flow that lets p pass. Who connects anew is judged anew: the app always, others
 * once what was before has ended. */
static struct flow *flow_of(const struct packet *p, bool from_app)
{
	struct flow_key key = flow_key_of(p, from_app);
	struct flow *f = find(&key);
	bool connects = p->proto == IPPROTO_TCP && asks(p);
	struct packet about;

	if (f != NULL && (!connects || !(from_app || f->ended)))
		return f;
	if (packet_quoted(p, &about) == RC_OK) {
		key = flow_key_of(&about, !from_app);
		return !from_app && is_too_big(p) && about.proto != IPPROTO_TCP ? NULL
		                                                                : flow_find(&key);
	}
	return asks(p) ? begin(p, &key, from_app) : NULL;
}

/* May what the app says pass? Only a ClientHello, whole, and only with a right name:
 * else both ends learn that it is over. */
static bool hello_passes(struct flow *f, const struct packet *p)
{
	struct slice said = slice_of(p->ip.p + p->body, p->ip.len - p->body);
	uint8_t out[LINK_VNET + REFUSE_MAX], name[HELLO_NAME_MAX];
	size_t n = 0;

	if (!f->hello || p->proto != IPPROTO_TCP || said.len == 0)
		return true;
	if ((p->flags & TH_SYN) == 0 && hello_name(said, name, &n) == RC_OK &&
	    (policy_named(a.policy, slice_of(name, n)) & f->rules) != 0) {
		f->hello = false;
		return true;
	}
	a.count.hello_refused++;
	if (!policy_is_name(slice_of(name, n)))
		n = 0;
	explain(p,
	        n > 0 ? "no rule with tls: is of " : "tls: wants a ClientHello with a name first",
	        slice_of(name, n));
	answer(TO_APP, p, REFUSE_PROHIBITED);
	send_own(a.link, out, refuse_forward(p, out + LINK_VNET));
	flow_end(f);
	return false;
}

/* Else it was refused. */
static bool passes(const struct packet *p, bool from_app)
{
	struct flow *f = from_app && is_own(p, p->from_port) ? NULL : flow_of(p, from_app);

	if (f == NULL && asks(p)) {
		deny(p, from_app);
	} else if (f == NULL) {
		a.count.dropped++; /* of a flow that is over: known at both ends */
		answer(from_app ? TO_APP : a.link, p, REFUSE_PORT);
	}
	if (f == NULL || (from_app && !hello_passes(f, p)))
		return false;
	if (f->key.proto == p->proto)
		note(f, p, from_app);
	return true;
}

/* --- from the link -------------------------------------------------------------------- */

static void on_packet(int link, uint8_t *payload, size_t len)
{
	uint8_t *ip = payload + LINK_VNET;
	struct packet p;

	if (packet_parse(slice_of(ip, len - LINK_VNET), &p) != RC_OK ||
	    !packet_same(p.to, p.v6 ? tun_enclave6 : tun_enclave4) || packet_same(p.from, p.to))
		a.count.dropped++;
	else if (link != a.link)
		answer(link, &p, REFUSE_PORT); /* another gateway has taken over */
	else if (is_dns(&p, p.from, p.from_port) && is_own(&p, p.to_port))
		on_dns(&p, false);
	else if (p.proto == IPPROTO_TCP && is_own(&p, p.to_port) && !p.v6)
		stack_input(link, &p, ip);
	else if (is_own(&p, p.to_port))
		deny(&p, false);
	else if (a.tun >= 0 && passes(&p, false)) {
		a.count.in_packets++;
		a.count.in_bytes += p.ip.len;
		write_tun(&p, payload);
	}
}

static void on_hello(int link)
{
	if (a.link >= 0 && a.link != link) {
		log_line("network: another gateway has the app's packets now");
		link_gone();
	}
	a.link = link;
	a.offers[link] = true;
}

static void on_over(int link)
{
	a.offers[link] = false;
	if (a.link != link)
		return;
	link_gone();
	for (int i = 0; i < STACK_LINKS_MAX; i++)
		if (a.offers[i])
			a.link = i;
}

const struct stack_app app_hooks = { .packet = on_packet, .hello = on_hello, .over = on_over };

/* --- from the app ----------------------------------------------------------------------- */

/* Not the app's doing: what its kernel says to its neighbours. */
static bool is_local(const struct packet *p)
{
	return p->v6 ? p->to[0] == 0xff || (p->to[0] == 0xfe && (p->to[1] & 0xc0) == 0x80)
	             : p->to[PACKET_V4] >= 224;
}

/* True: it is to go out by the link. */
static bool goes_out(const struct packet *p)
{
	if (!packet_same(p->from, p->v6 ? tun_enclave6 : tun_enclave4) || is_local(p)) {
		a.count.dropped++;
		return false;
	}
	if (is_dns(p, p->to, p->to_port)) {
		on_dns(p, true);
		return false;
	}
	if (a.link < 0) {
		a.count.dropped++;
		if (is_offline())
			answer(TO_APP, p, REFUSE_NET);
		return false;
	}
	return passes(p, true);
}

bool app_takes(void)
{
	return a.link < 0 || !stack_link(a.link)->refused;
}

void app_io(void)
{
	static uint8_t nowhere[LINK_PAYLOAD_MAX];

	for (int i = 0; i < APP_BATCH; i++) {
		uint8_t *out = a.link < 0 ? nowhere
		                          : wire_room(stack_link(a.link), LINK_PAYLOAD_MAX);
		struct packet p;
		ssize_t n = out == NULL ? 0 : read(a.tun, out, LINK_PAYLOAD_MAX);

		if (n <= LINK_VNET)
			return;
		if (packet_parse(slice_of(out + LINK_VNET, (size_t)n - LINK_VNET), &p) != RC_OK) {
			a.count.dropped++;
		} else if (goes_out(&p)) {
			a.count.out_packets++;
			a.count.out_bytes += p.ip.len;
			wire_put(stack_link(a.link), LINK_APP, (size_t)n);
		}
	}
}

/* --- start, time ---------------------------------------------------------------------------- */

void app_init(int tun, const struct policy *policy, int64_t now_ms)
{
	a.tun = tun;
	a.link = -1;
	a.policy = policy;
	a.now_ms = a.gone_ms = now_ms;
	flow_init();
	resolver_init(policy);
}

void app_tick(int64_t now_ms)
{
	struct resolver_to to;
	size_t n;

	a.now_ms = now_ms;
	while ((n = resolver_tick(now_ms, dns_out + DNS_AT, &to)) > 0)
		send_dns(n, &to);
}

int64_t app_deadline(void)
{
	return resolver_deadline();
}

const struct app_counters *app_counters(void)
{
	return &a.count;
}
