/* Theory of operation.
 *
 * A flow is in a bucket of the hash table by what the app sees of it, and in the list
 * of all, the one that was silent longest last. epoll tells once that a socket has
 * something (edges); it is ready from then on until a read finds nothing. Datagrams
 * are read straight into the link's buffer, behind their headers.
 */
#include "tools/casemate/datagrams.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/epoll.h>

#include "appliance/base/io.h"
#include "net/packet_put.h"
#include "net/stack.h"
#include "net/tun.h"
#include "tools/casemate/address.h"
#include "tools/casemate/gateway_refuse.h"
#include "tools/casemate/text.h"

enum {
	BUDGET = 64, /* datagrams of a socket in one turn */
	BUCKETS = DATAGRAMS_MAX,
	PROBES = 64, /* ports to try for a client */
};

struct key {
	uint8_t address[PACKET_ADDRESS];
	uint16_t port, enclave_port; /* an echo's: 0 and the identifier */
	uint8_t proto;
};

struct flow {
	bool used;
	struct key key;
	int link;
	int fd;   /* the app's own */
	bool raw; /* fd is of ICMP and gives everything */
	/* A client's: of which port, and where it is. */
	const struct publish *via;
	struct address client;
	int64_t heard_ms;
	struct flow *in_bucket, *older, *newer;
};

static struct {
	struct flow flow[DATAGRAMS_MAX], *bucket[BUCKETS], *oldest, *newest;
	const struct publish *published[PUBLISH_MAX];
	size_t publishing;
	unsigned count;
	bool ready[DATAGRAMS_TAGS]; /* a flow's socket, a port's */
	size_t turn;                /* who is first */
	int epoll;
	uint32_t first;
	const struct destinations *destinations;
	bool no_echo_said;
} d;

void datagrams_init(int epoll, uint32_t first, const struct destinations *destinations)
{
	memset(&d, 0, sizeof d);
	d.epoll = epoll;
	d.first = first;
	d.destinations = destinations;
	for (size_t i = 0; i < DATAGRAMS_MAX; i++)
		d.flow[i].fd = -1;
}

static bool watch(int fd, size_t n)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u32 = d.first + (uint32_t)n };

	return epoll_ctl(d.epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

bool datagrams_publish(const struct publish *p)
{
	if (!watch(p->fd, DATAGRAMS_MAX + d.publishing))
		return false;
	d.published[d.publishing++] = p;
	return true;
}

/* --- flows ------------------------------------------------------------------------ */

static struct flow **bucket_of(const struct key *k)
{
	uint64_t h = (uint64_t)k->port << 24 | (uint64_t)k->enclave_port << 8 | k->proto;

	for (size_t i = 0; i < PACKET_ADDRESS; i++)
		h = (h ^ k->address[i]) * UINT64_C(0x100000001b3);
	return &d.bucket[(h >> 20) % BUCKETS];
}

static struct flow *find(const struct key *k)
{
	struct flow *f = *bucket_of(k);

	while (f != NULL &&
	       (memcmp(f->key.address, k->address, PACKET_ADDRESS) != 0 || f->key.port != k->port ||
	        f->key.enclave_port != k->enclave_port || f->key.proto != k->proto))
		f = f->in_bucket;
	return f;
}

static void leave_list(struct flow *f)
{
	*(f->older != NULL ? &f->older->newer : &d.oldest) = f->newer;
	*(f->newer != NULL ? &f->newer->older : &d.newest) = f->older;
}

static void join_list(struct flow *f, int64_t now_ms)
{
	f->heard_ms = now_ms;
	f->older = d.newest;
	f->newer = NULL;
	*(d.newest != NULL ? &d.newest->newer : &d.oldest) = f;
	d.newest = f;
}

static void heard(struct flow *f, int64_t now_ms)
{
	if (f != d.newest) {
		leave_list(f);
		join_list(f, now_ms);
	}
	f->heard_ms = now_ms;
}

static void end_flow(struct flow *f)
{
	struct flow **at = bucket_of(&f->key);

	while (*at != f)
		at = &(*at)->in_bucket;
	*at = f->in_bucket;
	leave_list(f);
	io_close(&f->fd);
	f->used = d.ready[f - d.flow] = false;
	d.count--;
}

static struct flow *new_flow(const struct key *k, int link, int64_t now_ms)
{
	struct flow *f = d.flow, **bucket = bucket_of(k);

	if (d.count == DATAGRAMS_MAX)
		end_flow(d.oldest);
	while (f->used)
		f++;
	*f = (struct flow){ .used = true, .key = *k, .link = link, .fd = -1 };
	f->in_bucket = *bucket;
	*bucket = f;
	join_list(f, now_ms);
	d.count++;
	return f;
}

/* --- from the app ------------------------------------------------------------------ */

static bool is_icmp(const struct key *k)
{
	return k->proto != IPPROTO_UDP;
}

/* As the kernel gives it to anyone, or to root. */
static int echo_socket(bool v6, bool *raw)
{
	int family = v6 ? AF_INET6 : AF_INET, proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);

	*raw = fd < 0;
	if (fd < 0)
		fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	if (fd < 0 && !d.no_echo_said)
		say("echo requests (ping) of the app are refused: %m; "
		    "net.ipv4.ping_group_range of this host says who may send them");
	d.no_echo_said = d.no_echo_said || fd < 0;
	return fd;
}

static int open_socket(const struct key *k, const uint8_t *real, bool *raw)
{
	bool v6 = !packet_is_v4(real);
	struct address to;
	int fd;

	if (is_icmp(k))
		fd = echo_socket(v6, raw);
	else
		fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	address_put(&to, real, k->port);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to.at, to.len) != 0)
		io_close(&fd);
	return fd;
}

/* NULL: it was refused. */
static struct flow *begin(int link, const struct packet *p, const struct key *k, int64_t now_ms)
{
	uint8_t real[PACKET_ADDRESS];
	struct flow *f;
	bool raw = false;
	int fd;

	if (!destinations_find(d.destinations, p->to, real)) {
		gateway_refuse_prohibited(link, p);
		return NULL;
	}
	fd = open_socket(k, real, &raw);
	if (fd < 0) {
		gateway_refuse(link, p, gateway_refuse_why(errno));
		return NULL;
	}
	f = new_flow(k, link, now_ms);
	f->fd = fd;
	f->raw = raw;
	if (watch(fd, (size_t)(f - d.flow)))
		return f;
	end_flow(f);
	return NULL;
}

static ssize_t send_body(const struct flow *f, struct slice body)
{
	if (f->via == NULL)
		return send(f->fd, body.p, body.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sendto(f->via->fd, body.p, body.len, MSG_DONTWAIT | MSG_NOSIGNAL,
	              (const struct sockaddr *)&f->client.at, f->client.len);
}

/* Which flow it is of. False: it is neither UDP nor an echo request. */
static bool key_of(const struct packet *p, struct key *k)
{
	*k = (struct key){ .port = p->to_port, .enclave_port = p->from_port, .proto = p->proto };
	memcpy(k->address, p->to, PACKET_ADDRESS);
	if (p->proto == IPPROTO_UDP)
		return true;
	if (p->proto != (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) ||
	    p->ip.p[p->head] != (p->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO))
		return false;
	memcpy(&k->enclave_port, p->ip.p + p->head + offsetof(struct icmphdr, un.echo.id), 2);
	return true;
}

void datagrams_packet(int link, const struct packet *p, int64_t now_ms)
{
	struct slice body = slice_of(p->ip.p + p->body, p->ip.len - p->body);
	struct flow *f;
	struct key k;

	if (!key_of(p, &k))
		return;
	f = find(&k);
	if (f == NULL)
		f = begin(link, p, &k, now_ms);
	if (f == NULL)
		return;
	heard(f, now_ms);
	if (send_body(f, body) >= 0 || errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return;
	gateway_refuse(link, p, gateway_refuse_why(errno));
	/* That was told of one before; now it is this one's turn. */
	if (errno == ECONNREFUSED)
		(void)send_body(f, body);
}

/* --- to the app -------------------------------------------------------------------- */

/* The link's header in front of a datagram or an echo's answer of n bytes, behind
 * head, from f's far end; on its way. */
static void deliver(const struct flow *f, uint8_t *out, size_t head, size_t n)
{
	bool v6 = !packet_is_v4(f->key.address);
	struct packet_ends ends = { .v6 = v6,
		                    .from = f->key.address,
		                    .to = v6 ? tun_enclave6 : tun_enclave4,
		                    .from_port = f->key.port,
		                    .to_port = f->key.enclave_port };
	uint8_t *ip = out + LINK_VNET;

	memset(out, 0, LINK_VNET);
	if (is_icmp(&f->key)) {
		packet_put_ip(ip, v6, f->key.proto, n, ends.from, ends.to);
		packet_put_icmp_sum(ip + head, n, &ends);
	} else {
		packet_put_udp(ip, &ends, n);
	}
	wire_put(stack_link(f->link), LINK_APP, LINK_VNET + head + n);
}

/* Tells the app what its socket was told of a datagram that it sent. */
static void tell_error(const struct flow *f, int error)
{
	bool v6 = !packet_is_v4(f->key.address);
	struct packet_ends ends = { .v6 = v6,
		                    .from = v6 ? tun_enclave6 : tun_enclave4,
		                    .to = f->key.address,
		                    .from_port = f->key.enclave_port,
		                    .to_port = f->key.port };
	uint8_t sent[PACKET_PUT_MAX];
	struct packet p;
	size_t n = packet_put_udp(sent, &ends, 0);

	if (!is_icmp(&f->key) && packet_parse(slice_of(sent, n), &p) == RC_OK)
		gateway_refuse(f->link, &p, gateway_refuse_why(error));
}

/* Is it the answer to an echo request of the flow? Then it has the app's identifier. */
static bool take_echo(const struct flow *f, uint8_t *icmp, size_t n)
{
	uint8_t reply = f->key.proto == IPPROTO_ICMPV6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	uint8_t *id = icmp + offsetof(struct icmphdr, un.echo.id);

	if (n < sizeof(struct icmphdr) || icmp[0] != reply ||
	    (f->raw && memcmp(id, &f->key.enclave_port, 2) != 0))
		return false;
	memcpy(id, &f->key.enclave_port, 2);
	return true;
}

/* One datagram; false: there is none now, or no room. */
static bool receive(struct flow *f, int64_t now_ms)
{
	bool v6 = !packet_is_v4(f->key.address), icmp = is_icmp(&f->key);
	size_t head = (v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr)) +
	              (icmp ? 0 : sizeof(struct udphdr));
	/* Raw sockets of IPv4 give the header, too. */
	size_t skip = f->raw && !v6 ? head : 0, max = LINK_PACKET_MAX - head + skip;
	uint8_t *out = wire_room(stack_link(f->link), LINK_PAYLOAD_MAX), *at;
	ssize_t n;

	if (out == NULL)
		return false;
	at = out + LINK_VNET + head;
	n = recv(f->fd, at - skip, max, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0) {
		d.ready[f - d.flow] = errno != EAGAIN && errno != EINTR;
		if (d.ready[f - d.flow])
			tell_error(f, errno);
		return d.ready[f - d.flow];
	}
	if ((size_t)n > max || (size_t)n < skip || (skip > 0 && (at - skip)[0] != 0x45) ||
	    (icmp && !take_echo(f, at, (size_t)n - skip)))
		return true;
	heard(f, now_ms);
	deliver(f, out, head, (size_t)n - skip);
	return true;
}

/* --- published ports ------------------------------------------------------------------ */

/* The flow of a client; NULL: all ports that it could have for the app are taken. */
static struct flow *client_flow(int link, const struct publish *p, const struct address *client,
                                int64_t now_ms)
{
	struct key k = { .enclave_port = p->port, .proto = IPPROTO_UDP };
	struct flow *f;

	k.port = address_get(client, k.address);
	if (!destinations_is_client(k.address))
		memcpy(k.address, packet_is_v4(k.address) ? tun_gateway4 : tun_gateway6,
		       PACKET_ADDRESS);
	for (int i = 0; i < PROBES; i++, k.port = k.port == UINT16_MAX ? 1 : k.port + 1) {
		f = find(&k);
		if (f == NULL) {
			f = new_flow(&k, link, now_ms);
			f->via = p;
			f->client = *client;
			return f;
		}
		if (f->via == p && f->client.len == client->len &&
		    memcmp(&f->client.at, &client->at, client->len) == 0)
			return f;
	}
	return NULL;
}

static bool receive_published(int link, size_t i, int64_t now_ms)
{
	const struct publish *p = d.published[i];
	bool v6 = p->at.ss_family == AF_INET6;
	size_t head = (v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr)) + sizeof(struct udphdr);
	struct address client = { .len = sizeof client.at };
	uint8_t *out = wire_room(stack_link(link), LINK_PAYLOAD_MAX);
	struct flow *f;
	ssize_t n;

	if (out == NULL)
		return false;
	n = recvfrom(p->fd, out + LINK_VNET + head, LINK_PACKET_MAX - head,
	             MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&client.at, &client.len);
	if (n < 0) {
		d.ready[DATAGRAMS_MAX + i] = errno != EAGAIN && errno != EINTR;
		return d.ready[DATAGRAMS_MAX + i];
	}
	if ((size_t)n > LINK_PACKET_MAX - head)
		return true;
	f = client_flow(link, p, &client, now_ms);
	if (f != NULL) {
		heard(f, now_ms);
		deliver(f, out, head, (size_t)n);
	}
	return true;
}

/* --- for the loop ---------------------------------------------------------------------- */

void datagrams_io(uint32_t n)
{
	d.ready[n] = n >= DATAGRAMS_MAX || d.flow[n].used;
}

static void serve_one(int link, size_t n, int64_t now_ms)
{
	for (int i = 0; i < BUDGET; i++) {
		if (!(n < DATAGRAMS_MAX ? receive(&d.flow[n], now_ms)
		                        : receive_published(link, n - DATAGRAMS_MAX, now_ms)))
			return;
	}
}

static void serve_from(int link, size_t first, size_t end, int64_t now_ms)
{
	const bool *at = d.ready + first;

	while ((at = memchr(at, 1, (size_t)(d.ready + end - at))) != NULL)
		serve_one(link, (size_t)(at++ - d.ready), now_ms);
}

void datagrams_serve(int link, int64_t now_ms)
{
	size_t begin = d.turn;

	if (link < 0 || memchr(d.ready, 1, DATAGRAMS_TAGS) == NULL)
		return;
	serve_from(link, begin, DATAGRAMS_TAGS, now_ms);
	serve_from(link, 0, begin, now_ms);
	d.turn = (begin + 1) % DATAGRAMS_TAGS;
}

bool datagrams_busy(int link)
{
	return memchr(d.ready, 1, sizeof d.ready) != NULL && link >= 0 &&
	       wire_room(stack_link(link), LINK_PAYLOAD_MAX) != NULL;
}

void datagrams_over(int link)
{
	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		if (d.flow[i].used && d.flow[i].link == link)
			end_flow(&d.flow[i]);
	}
}

int64_t datagrams_deadline(void)
{
	return d.oldest != NULL ? d.oldest->heard_ms + DATAGRAMS_IDLE_MS : INT64_MAX;
}

void datagrams_tick(int64_t now_ms)
{
	while (now_ms >= datagrams_deadline())
		end_flow(d.oldest);
}

unsigned datagrams_count(void)
{
	return d.count;
}
