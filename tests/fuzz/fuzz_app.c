/* The switch of the app's packets: the app's kernel and the host send what they like,
 * in any order. Nothing leaves to the host that is not from the enclave's addresses,
 * nothing reaches the kernel that is not to them, and what is let out belongs to a
 * flow that a rule allows.
 *
 * The input is a row of steps: a byte that says which, one for the template, a length,
 * and so many bytes that are laid over the template from an offset on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "net/app.h"
#include "net/dns.h"
#include "net/flow.h"
#include "net/packet_put.h"
#include "net/tun.h"

#include <fcntl.h>
#include <netinet/in.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEMPLATE_MAX = 256, PACKETS_MAX = 65536 };

static const uint8_t good4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
static const uint8_t good6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static struct policy policy;
static int kernel, host = -1, number;
static int64_t now = 1000;

static void begin(void)
{
	int pair[2];

	policy.egress[0] =
		(struct policy_rule){ .proto = POLICY_TCP, .first = 80, .last = 80, .prefix = 128 };
	memcpy(policy.egress[0].address, good4, 16);
	policy.egress[1] =
		(struct policy_rule){ .proto = POLICY_UDP, .first = 80, .last = 80, .prefix = 32 };
	memcpy(policy.egress[1].address, good6, 4);
	policy.egress[2] = (struct policy_rule){ .proto = POLICY_TLS,
		                                 .first = 80,
		                                 .last = 90,
		                                 .prefix = POLICY_BY_NAME,
		                                 .name = slice_str("a.b") };
	policy.egresses = 3;
	policy.tls = 4;
	policy.ingress[0] = (struct policy_rule){ .proto = POLICY_TCP, .first = 80, .last = 80 };
	policy.ingresses = 1;
	log_to(open("/dev/null", O_WRONLY));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	kernel = pair[0];
	app_init(pair[1], &policy, now);
	stack_init(STACK_ENCLAVE, &app_hooks);
}

static void open_link(void)
{
	int pair[2];

	if (host >= 0)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	host = pair[0];
	number = stack_link_add(pair[1]);
}

/* What has come is for whom it may be. */
static void drain(void)
{
	static uint8_t m[4 * LINK_FRAME_MAX];
	struct slice in, payload;
	enum link_kind kind;
	struct packet p;
	ssize_t n;

	while ((n = recv(kernel, m, sizeof m, MSG_DONTWAIT)) > 0) {
		if (packet_parse(slice_of(m + LINK_VNET, (size_t)n - LINK_VNET), &p) != RC_OK ||
		    memcmp(p.to, p.v6 ? tun_enclave6 : tun_enclave4, 16) != 0)
			abort();
	}
	n = host < 0 ? 0 : recv(host, m, sizeof m, MSG_DONTWAIT);
	in = slice_of(m, n > 0 ? (size_t)n : 0);
	while (link_next(&in, &kind, &payload) == RC_OK) {
		size_t skip = kind == LINK_APP ? LINK_VNET : 0;

		if (packet_parse(slice_of(payload.p + skip, payload.len - skip), &p) != RC_OK)
			abort();
		/* Refusals say that they are from whoever the host wrote to. */
		if (kind == LINK_APP && p.proto == IPPROTO_TCP && (p.flags & 4) == 0 &&
		    memcmp(p.from, p.v6 ? tun_enclave6 : tun_enclave4, 16) != 0)
			abort();
		if (kind == LINK_APP && p.proto == IPPROTO_TCP && (p.flags & 0x16) == 2 &&
		    p.to_port != 80 && (p.to_port > 90 || p.to_port < 80))
			abort();
	}
}

static size_t make(uint8_t *out, unsigned which, bool from_app)
{
	bool v6 = which & 1;
	const uint8_t *ours = v6 ? tun_enclave6 : tun_enclave4, *theirs = v6 ? good6 : good4;
	uint8_t proto = which & 2   ? IPPROTO_TCP
	                : which & 4 ? IPPROTO_UDP
	                : v6        ? IPPROTO_ICMPV6
	                            : IPPROTO_ICMP;
	size_t n = which & 2 ? 20 : 8, head;

	n += which & 8 ? 64 : 0;
	head = packet_put_ip(out, v6, proto, n, from_app ? ours : theirs, from_app ? theirs : ours);
	memset(out + head, 0, n);
	out[head + 1] = out[head + 3] = 80;
	out[head + (which & 2 ? 12 : 5)] = which & 2 ? 5 << 4 : (uint8_t)n;
	if (which & 2)
		out[head + 13] = which & 16 ? 2 : 16;
	return head + n;
}

static void step(unsigned what, unsigned which, struct slice over)
{
	uint8_t m[LINK_HEAD + LINK_VNET + TEMPLATE_MAX] = { 0 };
	uint8_t *ip = m + LINK_HEAD + LINK_VNET;
	size_t n = make(ip, which, what == 0), at = over.len > 0 ? over.p[0] % n : 0;

	for (size_t i = 1; i < over.len && at < n; i++)
		ip[at++] ^= over.p[i];
	link_head(m, LINK_APP, LINK_VNET + n);
	if (what == 0) {
		if (send(kernel, m + LINK_HEAD, LINK_VNET + n, MSG_DONTWAIT) > 0 && app_takes())
			app_io();
	} else if (what == 1 && host >= 0) {
		if (send(host, m, LINK_HEAD + LINK_VNET + n, MSG_DONTWAIT) < 0)
			return;
		if (!stack_link_io(number, EPOLLIN))
			io_close(&host);
	} else if (what == 2 && host >= 0) {
		(void)!send(host, "\3\0\0\1\1", 5, MSG_DONTWAIT);
		(void)stack_link_io(number, EPOLLIN);
	} else if (what == 3 && host >= 0) {
		io_close(&host);
		(void)stack_link_io(number, EPOLLIN);
	} else if (what == 4) {
		open_link();
	} else {
		now += which * 100;
		app_tick(now);
		stack_tick();
	}
	stack_flush();
	drain();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), head, over;
	static bool begun;

	if (!begun)
		begin();
	begun = true;
	open_link();
	step(2, 0, slice_of(NULL, 0));
	while (slice_take(&in, 3, &head) && slice_take(&in, head.p[2] % 64, &over))
		step(head.p[0] % 6, head.p[1], over);
	for (struct flow *f = flow_after(NULL); f != NULL; f = flow_after(f))
		flow_end(f);
	return 0;
}
