#include "tools/casemate/gateway_app.h"

#include <netinet/in.h>

#include "appliance/base/io.h"
#include "net/packet_put.h"
#include "net/stack_connect.h"
#include "net/tun.h"
#include "tools/casemate/peers.h"

void gateway_app_init(int epoll, const struct gateway *g)
{
	const char *conf = g->resolv_conf != NULL ? g->resolv_conf : "/etc/resolv.conf";

	flows_init(epoll, &g->destinations);
	datagrams_init(epoll, GATEWAY_APP_DATAGRAMS, &g->destinations);
	stack_peers(peers_to_app);
	resolve_init(epoll, GATEWAY_APP_RESOLVE, conf, GATEWAY_APP_NAMES);
}

/* --- names -------------------------------------------------------------------------- */

/* A question's tag: who asked. */
static uint64_t tag_of(int link, const struct packet *p)
{
	return (uint64_t)link << 32 | (uint64_t)p->v6 << 16 | p->from_port;
}

static void answer(struct slice message, uint64_t tag)
{
	bool v6 = (tag >> 16 & 1) != 0;
	struct packet_ends ends = { .v6 = v6,
		                    .from = v6 ? tun_gateway6 : tun_gateway4,
		                    .to = v6 ? tun_enclave6 : tun_enclave4,
		                    .from_port = GATEWAY_APP_NAMES,
		                    .to_port = (uint16_t)tag };
	int link = (int)(tag >> 32);
	uint8_t *out = wire_room(stack_link(link), LINK_VNET + PACKET_PUT_MAX + message.len);
	size_t head;

	if (out == NULL)
		return; /* the question is asked again */
	memset(out, 0, LINK_VNET);
	head = LINK_VNET + packet_put_udp(out + LINK_VNET, &ends, message.len);
	memcpy(out + head, message.p, message.len);
	wire_put(stack_link(link), LINK_APP, head + message.len);
}

static bool is_question(const struct packet *p)
{
	return p->proto == IPPROTO_UDP && p->to_port == GATEWAY_APP_NAMES &&
	       memcmp(p->to, p->v6 ? tun_gateway6 : tun_gateway4, PACKET_ADDRESS) == 0;
}

/* --- packets -------------------------------------------------------------------------- */

static void on_packet(int link, uint8_t *payload, size_t len)
{
	uint8_t *ip = payload + LINK_VNET;
	int64_t now_ms = clock_mono_ms();
	struct packet p;

	if (packet_parse(slice_of(ip, len - LINK_VNET), &p) != RC_OK ||
	    memcmp(p.from, p.v6 ? tun_enclave6 : tun_enclave4, PACKET_ADDRESS) != 0)
		return;
	if (p.proto == IPPROTO_TCP)
		flows_packet(link, &p, ip);
	else if (is_question(&p))
		(void)resolve_ask(slice_of(ip + p.body, p.ip.len - p.body), tag_of(link, &p),
		                  now_ms);
	else
		datagrams_packet(link, &p, now_ms);
}

static void on_hello(int link)
{
	(void)link; /* the enclave does not say it */
}

static void on_over(int link)
{
	flows_over(link);
	datagrams_over(link);
	resolve_reset();
}

const struct stack_app gateway_app = { .packet = on_packet, .hello = on_hello, .over = on_over };

/* --- for the loop ------------------------------------------------------------------------ */

void gateway_app_io(uint32_t tag, uint32_t events, int64_t now_ms)
{
	struct slice message;
	uint64_t asked;

	if (tag < GATEWAY_APP_DATAGRAMS) {
		flows_io(tag - GATEWAY_APP_FLOWS, events);
	} else if (tag < GATEWAY_APP_RESOLVE) {
		datagrams_io(tag - GATEWAY_APP_DATAGRAMS);
	} else {
		message = resolve_io(tag - GATEWAY_APP_RESOLVE, now_ms, &asked);
		if (message.len > 0)
			answer(message, asked);
	}
}

void gateway_app_serve(int link, int64_t now_ms)
{
	struct slice message;
	uint64_t asked;

	flows_serve(now_ms);
	while ((message = resolve_tick(now_ms, &asked)).len > 0)
		answer(message, asked);
	datagrams_tick(now_ms);
	datagrams_serve(link, now_ms);
}

int64_t gateway_app_deadline(int link, int64_t now_ms)
{
	int64_t first = flows_deadline(), other = datagrams_deadline();

	if (flows_busy() || datagrams_busy(link))
		return now_ms;
	first = other < first ? other : first;
	other = resolve_deadline();
	return other < first ? other : first;
}
