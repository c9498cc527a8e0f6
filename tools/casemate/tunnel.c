/* Theory of operation.
 *
 * One epoll: the device, the link, the resolver's sockets. The device is read right
 * into the link's buffer, a batch of packets to one write; once the buffer is full
 * the device is not watched before half of it is free, its queue fills, and senders
 * slow down. The link is
 * always read: what comes from it goes into the device at once or is lost, as on any
 * wire. Without a link, the device is read and the packets are dropped.
 */
#include "tools/casemate/tunnel.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/pass.h"
#include "net/checksum.h"
#include "net/packet_put.h"
#include "net/stack.h"
#include "net/tun.h"
#include "net/wire.h"
#include "tools/casemate/fragments.h"
#include "tools/casemate/gateway.h"
#include "tools/casemate/resolve.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	EVENTS = 64,
	BATCH = 64, /* packets of the device in one turn */
	STEADY_MS = 2000,
	NAME_PORT = 53,

	TAG_TUN = RESOLVE_MAX,
	TAG_LINK,
};

struct tunnel {
	const struct target *target;
	int epoll, tun, dialler;
	uint32_t tun_events, link_events;
	bool over, lost; /* lost: said that there is no link */
	int64_t now_ms, since_ms, retry_ms;
	int status;
	struct wire wire; /* fd -1: no link */
};

static void watch(struct tunnel *t, int how, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event e = { .events = events, .data.u32 = tag };

	if (epoll_ctl(t->epoll, how, fd, &e) == 0)
		return;
	say("epoll: %m");
	t->over = true;
	t->status = STATUS_FAILED;
}

/* --- the link --------------------------------------------------------------------- */

static void take_link(struct tunnel *t, int fd)
{
	uint8_t *hello;

	wire_open(&t->wire, fd);
	hello = wire_room(&t->wire, 1);
	*hello = LINK_VERSION;
	wire_put(&t->wire, LINK_HELLO, 1);
	t->link_events = EPOLLIN;
	t->since_ms = t->now_ms;
	watch(t, EPOLL_CTL_ADD, fd, EPOLLIN, TAG_LINK);
	if (t->lost)
		say("%s: connected again", t->target->text);
	t->lost = false;
}

bool tunnel_asks(int tunnel)
{
	uint8_t m;

	return recv(tunnel, &m, sizeof m, MSG_DONTWAIT) > 0;
}

void tunnel_dial(const struct target *t, int tunnel)
{
	int fd = -1;
	uint8_t m = (uint8_t)target_connect(t, STACK_PORT_LINK, &fd);

	/* Without room for it, whoever asked is not waiting. */
	if (m != RC_OK)
		(void)send(tunnel, &m, sizeof m, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (pass_send(tunnel, &m, sizeof m, fd) != RC_OK)
		say("%s: cannot pass the link on: %m", t->text);
	io_close(&fd);
}

static enum rc ask(int dialler, int *fd)
{
	uint8_t m = 0;

	*fd = -1;
	if (send(dialler, &m, sizeof m, MSG_NOSIGNAL) != sizeof m ||
	    pass_recv(dialler, &m, sizeof m, 0, fd) != sizeof m)
		return RC_IO;
	return m != RC_OK || *fd >= 0 ? (enum rc)m : RC_IO;
}

static void dial(struct tunnel *t)
{
	int fd;
	enum rc rc = ask(t->dialler, &fd);

	t->now_ms = clock_mono_ms();
	t->retry_ms = t->now_ms + GATEWAY_RETRY_MS;
	if (rc == RC_OK)
		take_link(t, fd);
	if (rc != RC_ABSENT)
		return;
	say("%s has ended", t->target->text);
	t->over = true;
	t->status = STATUS_FAILED;
}

static void link_over(struct tunnel *t)
{
	io_close(&t->wire.fd);
	resolve_reset();
	t->retry_ms = t->now_ms - t->since_ms >= STEADY_MS ? t->now_ms
	                                                   : t->now_ms + GATEWAY_RETRY_MS;
	if (!t->lost)
		say("%s: the link has ended; connecting again", t->target->text);
	t->lost = true;
}

/* --- from the enclave ------------------------------------------------------------------ */

static bool is_enclave(const uint8_t address[PACKET_ADDRESS])
{
	return memcmp(address, tun_enclave4, PACKET_ADDRESS) == 0 ||
	       memcmp(address, tun_enclave6, PACKET_ADDRESS) == 0;
}

static void to_device(const struct tunnel *t, const uint8_t *payload, size_t len)
{
	/* No room, or the kernel does not like it: it is lost. */
	if (write(t->tun, payload, len) < 0)
		return;
}

static void on_app(const struct tunnel *t, uint8_t *payload, size_t len)
{
	struct packet p;

	if (len <= LINK_VNET ||
	    packet_parse(slice_of(payload + LINK_VNET, len - LINK_VNET), &p) != RC_OK ||
	    !is_enclave(p.from))
		return;
	if (p.proto == IPPROTO_UDP && p.to_port == NAME_PORT &&
	    memcmp(p.to, tun_gateway4, PACKET_ADDRESS) == 0) {
		(void)resolve_ask(slice_of(p.ip.p + p.body, p.ip.len - p.body), p.from_port,
		                  t->now_ms);
		return;
	}
	if (p.proto == IPPROTO_UDP && p.ip.len > FRAGMENTS_WHOLE &&
	    fragments_send(t->tun, &p, payload + LINK_VNET))
		return;
	tun_prepare(&p, payload);
	to_device(t, payload, len);
}

/* What the gate's own stack sends has no header of a device's before it. */
static void on_packet(const struct tunnel *t, const uint8_t *payload, size_t len)
{
	static uint8_t whole[LINK_PAYLOAD_MAX];

	memset(whole, 0, LINK_VNET);
	memcpy(whole + LINK_VNET, payload, len);
	on_app(t, whole, LINK_VNET + len);
}

static void from_link(struct tunnel *t)
{
	enum link_kind kind;
	uint8_t *payload;
	size_t len;
	enum rc rc;

	if (!wire_read(&t->wire)) {
		link_over(t);
		return;
	}
	while ((rc = wire_next(&t->wire, &kind, &payload, &len)) == RC_OK) {
		if (kind == LINK_APP)
			on_app(t, payload, len);
		else if (kind == LINK_PACKET)
			on_packet(t, payload, len);
	}
	if (rc != RC_MORE)
		link_over(t);
}

/* --- to the enclave ---------------------------------------------------------------------- */

/* Is it for the enclave, and has somebody looked at its checksum? The kernel says so,
 * or that it is still to be computed, which is as good. */
static bool is_fit(const uint8_t *payload, size_t len)
{
	struct virtio_net_hdr h;
	struct packet p;

	if (packet_parse(slice_of(payload + LINK_VNET, len - LINK_VNET), &p) != RC_OK ||
	    !is_enclave(p.to))
		return false;
	memcpy(&h, payload, sizeof h);
	return (p.proto != IPPROTO_TCP && p.proto != IPPROTO_UDP) ||
	       (h.flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) != 0 ||
	       checksum_good(&p);
}

static void from_device(struct tunnel *t)
{
	static uint8_t nobody[LINK_PAYLOAD_MAX];

	for (int i = 0; i < BATCH; i++) {
		uint8_t *out = t->wire.fd < 0 ? nobody : wire_room(&t->wire, LINK_PAYLOAD_MAX);
		ssize_t n = out == NULL ? -1 : read(t->tun, out, LINK_PAYLOAD_MAX);

		size_t len = n > LINK_VNET ? fragments_join(out, (size_t)n) : 0;
		if (n < 0)
			return;
		if (t->wire.fd >= 0 && len > 0 && is_fit(out, len))
			wire_put(&t->wire, LINK_APP, len);
	}
}

/* A reply of the name server, to the port that asked. */
static void answer(struct tunnel *t, struct slice message, uint64_t port)
{
	const struct packet_ends ends = { false, tun_gateway4, tun_enclave4, NAME_PORT,
		                          (uint16_t)port };
	size_t len = LINK_VNET + PACKET_PUT_MAX + message.len;
	uint8_t *out = message.len == 0 ? NULL : wire_room(&t->wire, len);

	if (out == NULL)
		return;
	memset(out, 0, LINK_VNET);
	len = LINK_VNET + packet_put_udp(out + LINK_VNET, &ends, message.len);
	memcpy(out + len, message.p, message.len);
	wire_put(&t->wire, LINK_APP, len + message.len);
}

static void tick(struct tunnel *t)
{
	struct slice message;
	uint64_t port;

	while ((message = resolve_tick(t->now_ms, &port)).len > 0)
		answer(t, message, port);
}

/* --- the loop ------------------------------------------------------------------------------ */

static int timeout(const struct tunnel *t)
{
	int64_t next = resolve_deadline();

	if (t->wire.fd < 0 && t->retry_ms < next)
		next = t->retry_ms;
	if (next == INT64_MAX)
		return -1;
	return next > t->now_ms ? (int)(next - t->now_ms) : 0;
}

static void dispatch(struct tunnel *t, uint32_t tag, uint32_t events)
{
	struct slice message;
	uint64_t port = 0;

	if (tag == TAG_TUN) {
		from_device(t);
	} else if (tag == TAG_LINK) {
		if ((events & EPOLLOUT) != 0)
			t->wire.full = false;
		if (t->wire.fd >= 0 && (events & ~(uint32_t)EPOLLOUT) != 0)
			from_link(t);
	} else {
		message = resolve_io(tag, t->now_ms, &port);
		answer(t, message, port);
	}
}

static void watch_again(struct tunnel *t)
{
	uint32_t link = t->wire.out_len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
	uint32_t tun = t->wire.fd < 0 || !t->wire.refused ? EPOLLIN : 0;

	if (tun != t->tun_events)
		watch(t, EPOLL_CTL_MOD, t->tun, tun, TAG_TUN);
	t->tun_events = tun;
	if (t->wire.fd < 0)
		return;
	if (link != t->link_events)
		watch(t, EPOLL_CTL_MOD, t->wire.fd, link, TAG_LINK);
	t->link_events = link;
}

static void turn(struct tunnel *t)
{
	struct epoll_event events[EVENTS];
	int n;

	if (t->wire.fd < 0 && t->now_ms >= t->retry_ms)
		dial(t);
	(void)wire_write(&t->wire);
	(void)wire_relieved(&t->wire);
	watch_again(t);
	n = epoll_wait(t->epoll, events, EVENTS, timeout(t));
	t->now_ms = clock_mono_ms();
	for (int i = 0; i < n && !t->over; i++)
		dispatch(t, events[i].data.u32, events[i].events);
	tick(t);
}

int tunnel_serve(const struct target *target, int tun, int link, int dialler)
{
	static struct tunnel t;

	t.target = target;
	t.tun = tun;
	t.dialler = dialler;
	t.epoll = epoll_create1(EPOLL_CLOEXEC);
	t.now_ms = clock_mono_ms();
	t.tun_events = EPOLLIN;
	resolve_init(t.epoll, 0, "/etc/resolv.conf", NAME_PORT);
	watch(&t, EPOLL_CTL_ADD, tun, EPOLLIN, TAG_TUN);
	take_link(&t, link);
	while (!t.over)
		turn(&t);
	io_close(&t.wire.fd);
	io_close(&t.tun);
	io_close(&t.dialler);
	io_close(&t.epoll);
	return t.status;
}
