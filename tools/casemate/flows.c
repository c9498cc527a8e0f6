#include "tools/casemate/flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/stack_connect.h"
#include "net/tun.h"
#include "tools/casemate/gateway_refuse.h"
#include "tools/casemate/peers.h"

enum {
	BUDGET = 1 << 18,  /* bytes of a flow each way in one turn */
	SYN_MAX = 40 + 60, /* the largest headers */
	PORT = 1,          /* where the stack accepts the app's flows */
	LOOK_MS = 5000,    /* how often for those that were not accepted */
	PROBES = 64,       /* ports to try for a client */
	/* After so long there is no answer to send an acknowledgement with. The app's kernel
	 * may hold back what is small until it comes (RFC 896). */
	ACKNOWLEDGE_MS = 10,
};

struct flow {
	int fd;               /* -1: free */
	struct stack_conn *c; /* NULL: the app's, that the stack has not accepted */
	uint32_t peer;        /* 0: the enclave's stack */
	int link;
	int next_free;
	int64_t asked_ms; /* when the stack got the app's packet */
	/* The app's packet that asks; empty once the stack has it. */
	uint8_t syn[SYN_MAX];
	size_t syn_len;
	/* The socket's, as epoll told (edges) and system calls say since. */
	bool readable, writable;
	bool read_end, write_end; /* the client sends no more; is sent no more */
	bool hung;                /* the client has closed, not only ended: nobody reads */
	bool failed;
};

static struct {
	struct flow flow[FLOWS_MAX];
	bool busy[FLOWS_MAX]; /* a flow's budget was used up */
	int free;             /* the first that is; FLOWS_MAX: none */
	unsigned count;
	unsigned unmet;  /* asked for by the app, and not accepted yet */
	int64_t look_ms; /* when to look for those that waited too long */
	bool heard;      /* something of the app since flows_serve */
	int64_t ack_ms;  /* when to acknowledge it; INT64_MAX: it is */
	int epoll;
	const struct destinations *destinations;
} fl;

void flows_init(int epoll, const struct destinations *d)
{
	if (stack_listen(PORT) != RC_OK)
		abort();
	fl.epoll = epoll;
	fl.ack_ms = INT64_MAX;
	fl.destinations = d;
	for (int i = 0; i < FLOWS_MAX; i++) {
		fl.flow[i].fd = -1;
		fl.flow[i].next_free = i + 1;
	}
}

static void set_busy(const struct flow *f, bool busy)
{
	fl.busy[f - fl.flow] = busy;
}

static bool is_transient(int e)
{
	return e == EAGAIN || e == EINTR || e == ENOBUFS || e == ENOMEM;
}

/* Client to enclave. */
static void pump_in(struct flow *f)
{
	size_t left = BUDGET, room;
	uint8_t *at;

	while (f->readable && !f->read_end && left > 0 && (at = stack_space(f->c, &room)) != NULL) {
		ssize_t n = recv(f->fd, at, room, MSG_DONTWAIT);

		if (n < 0) {
			f->readable = false;
			f->failed = !is_transient(errno);
			return;
		}
		if (n == 0) {
			f->read_end = true;
			f->failed = stack_finish(f->c) != RC_OK;
			return;
		}
		stack_wrote(f->c, (size_t)n);
		left -= (size_t)n < left ? (size_t)n : left;
	}
	if (left == 0)
		set_busy(f, true);
}

/* Enclave to client. */
static void pump_out(struct flow *f)
{
	size_t left = BUDGET;
	struct slice s;

	while (f->writable && left > 0 && (s = stack_peek(f->c)).len > 0) {
		ssize_t n = send(f->fd, s.p, s.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0) {
			f->writable = false;
			f->failed = !is_transient(errno);
			return;
		}
		stack_consume(f->c, (size_t)n);
		left -= (size_t)n < left ? (size_t)n : left;
	}
	if (left == 0)
		set_busy(f, true);
	if (stack_peer_done(f->c) && !f->write_end) {
		f->write_end = true;
		f->failed = f->failed || shutdown(f->fd, SHUT_WR) < 0;
	}
}

static void end_flow(struct flow *f, bool cut)
{
	struct linger reset = { .l_onoff = 1 };

	/* Without it the client would take the cut for an orderly end. */
	if (cut)
		(void)setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (f->c != NULL && cut)
		stack_abort(f->c);
	else if (f->c != NULL)
		stack_close(f->c);
	peers_end(f->peer);
	set_busy(f, false);
	fl.unmet -= f->c == NULL;
	io_close(&f->fd);
	f->c = NULL;
	f->next_free = fl.free;
	fl.free = (int)(f - fl.flow);
	fl.count--;
}

static void pump(struct flow *f)
{
	set_busy(f, false);
	if (!f->c->over && !f->failed)
		pump_in(f);
	if (!f->failed)
		pump_out(f);
	if (f->failed || f->c->over)
		end_flow(f, true);
	else if (f->read_end && (f->write_end || f->hung))
		end_flow(f, false);
}

/* NULL: there is no room, and fd is closed. */
static struct flow *new_flow(int fd, int link)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	int i = fl.free;

	e.data.u32 = (uint32_t)i;
	if (fd < 0 || i == FLOWS_MAX || epoll_ctl(fl.epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		io_close(&fd);
		return NULL;
	}
	fl.free = fl.flow[i].next_free;
	fl.flow[i] = (struct flow){ .fd = fd, .link = link };
	fl.count++;
	fl.unmet++;
	return &fl.flow[i];
}

static void meet(struct flow *f, struct stack_conn *c)
{
	f->c = c;
	c->user = f;
	fl.unmet--;
}

/* peer: 0 or a number, which is the flow's. */
static int add(int fd, int link, uint32_t peer, uint16_t port)
{
	struct flow *f = new_flow(fd, link);
	struct stack_conn *c = f != NULL ? stack_connect(link, peer, port) : NULL;

	if (c != NULL) {
		f->peer = peer;
		meet(f, c);
		return (int)(f - fl.flow);
	}
	if (f != NULL)
		end_flow(f, true);
	return -1;
}

int flows_add(int fd, int link, uint16_t port)
{
	return add(fd, link, 0, port);
}

/* What the client is to the app; false: nothing that is free. */
static bool name_client(const struct address *client, struct peer *p)
{
	p->port = address_get(client, p->address);
	if (!destinations_is_client(p->address))
		memcpy(p->address, packet_is_v4(p->address) ? tun_gateway4 : tun_gateway6,
		       PACKET_ADDRESS);
	for (int i = 0; i < PROBES; i++, p->port = p->port == UINT16_MAX ? 1 : p->port + 1) {
		const struct peer *other = peers_find(p->address, p->port, p->enclave_port);

		if (other == NULL || other->flow < 0)
			return true;
	}
	return false;
}

int flows_add_app(int fd, int link, uint16_t port, const struct address *client)
{
	struct peer p = { .enclave_port = port, .flow = fl.free }, *added;
	uint32_t peer = fl.free < FLOWS_MAX && name_client(client, &p) ? peers_add(&p) : 0;
	int flow;

	if (peer == 0) {
		io_close(&fd);
		return -1;
	}
	flow = add(fd, link, peer, port);
	added = peers_get(peer);
	if (flow < 0)
		peers_end(peer);
	else
		added->stack_port = stack_port(fl.flow[flow].c);
	return flow;
}

/* --- the app's -------------------------------------------------------------------- */

/* A socket on its way to where the app's packet goes; -1 with errno. */
static int connect_to(const uint8_t real[PACKET_ADDRESS], uint16_t port)
{
	struct address to;
	int fd, one = 1;

	address_put(&to, real, port);
	fd = socket(to.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to.at, to.len) != 0 && errno != EINPROGRESS)
		io_close(&fd);
	return fd;
}

static void begin(int link, const struct packet *p)
{
	struct peer peer = { .port = p->to_port, .enclave_port = p->from_port, .stack_port = PORT };
	uint8_t real[PACKET_ADDRESS];
	struct flow *f;
	int fd;

	if (!destinations_find(fl.destinations, p->to, real)) {
		gateway_refuse_prohibited(link, p);
		return;
	}
	fd = p->ip.len <= SYN_MAX && fl.count < FLOWS_MAX ? connect_to(real, p->to_port) : -1;
	f = new_flow(fd, link);
	if (f == NULL) {
		gateway_refuse(link, p, REFUSE_HOST);
		return;
	}
	memcpy(peer.address, p->to, PACKET_ADDRESS);
	peer.flow = (int)(f - fl.flow);
	f->peer = peers_add(&peer);
	memcpy(f->syn, p->ip.p, p->ip.len);
	f->syn_len = p->ip.len;
	if (f->peer == 0)
		end_flow(f, true);
}

/* A packet of a flow whose socket is on its way: what is not a reset can wait. */
static void on_early(struct flow *f, const struct packet *p)
{
	if ((p->flags & TH_RST) != 0)
		end_flow(f, true);
}

void flows_packet(int link, const struct packet *packet, uint8_t *ip)
{
	struct packet p = *packet;
	struct peer *peer = peers_find(p.to, p.to_port, p.from_port);
	struct flow *f = peer != NULL && peer->flow >= 0 ? &fl.flow[peer->flow] : NULL;
	bool asks = (p.flags & (TH_SYN | TH_ACK)) == TH_SYN;

	fl.heard = true;
	/* The app's kernel is done with the one before, whose socket is not yet. */
	if (asks && f != NULL && f->c != NULL) {
		end_flow(f, true);
		f = NULL;
	}
	if (asks && f == NULL)
		begin(link, &p);
	else if (peer == NULL)
		gateway_refuse(link, &p, REFUSE_PORT);
	else if (f != NULL && f->syn_len > 0)
		on_early(f, &p);
	else if ((ip = peers_to_stack(peer, &p, ip)) != NULL)
		stack_input(link, &p, ip);
}

/* The socket has connected, or not. */
static void connected(struct flow *f)
{
	uint8_t syn[SYN_MAX], *ip;
	struct packet p;
	int error = 0;
	socklen_t n = sizeof error;
	const struct peer *peer = peers_get(f->peer);

	memcpy(syn, f->syn, f->syn_len);
	if (peer == NULL || packet_parse(slice_of(syn, f->syn_len), &p) != RC_OK)
		abort();
	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
		gateway_refuse(f->link, &p, gateway_refuse_why(error));
		end_flow(f, true);
		return;
	}
	f->syn_len = 0;
	f->asked_ms = clock_mono_ms();
	f->writable = true;
	ip = peers_to_stack(peer, &p, syn);
	if (ip != NULL)
		stack_input(f->link, &p, ip);
}

static void accept_all(void)
{
	struct stack_conn *c;

	while ((c = stack_accept()) != NULL) {
		const struct peer *peer = peers_get(stack_peer(c));
		struct flow *f = peer != NULL && peer->flow >= 0 ? &fl.flow[peer->flow] : NULL;

		if (f == NULL || f->c != NULL) {
			stack_abort(c);
			continue;
		}
		meet(f, c);
		pump(f);
	}
}

void flows_over(int link)
{
	for (int i = 0; i < FLOWS_MAX && fl.unmet > 0; i++) {
		if (fl.flow[i].fd >= 0 && fl.flow[i].link == link && fl.flow[i].c == NULL)
			end_flow(&fl.flow[i], true);
	}
}

/* --- for the loop -------------------------------------------------------------------- */

/* Ends what the app asked for and has not gone on with. */
static void give_up(int64_t now_ms)
{
	for (int i = 0; i < FLOWS_MAX; i++) {
		struct flow *f = &fl.flow[i];

		if (f->fd >= 0 && f->c == NULL && f->syn_len == 0 &&
		    now_ms - f->asked_ms >= FLOWS_UNMET_MS)
			end_flow(f, true);
	}
}

void flows_io(uint32_t flow, uint32_t events)
{
	struct flow *f = &fl.flow[flow];

	if (flow >= FLOWS_MAX || f->fd < 0)
		return;
	/* A reset is not waited for behind what the enclave does not take. */
	if ((events & EPOLLERR) != 0)
		f->failed = true;
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		f->readable = true;
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		f->writable = true;
	f->hung = f->hung || (events & EPOLLHUP) != 0;
	if (f->c != NULL)
		pump(f);
	else if (f->syn_len > 0)
		connected(f);
}

static void acknowledge(int64_t now_ms)
{
	if (now_ms >= fl.ack_ms) {
		stack_acknowledge();
		fl.ack_ms = INT64_MAX;
	} else if (fl.heard && fl.ack_ms == INT64_MAX) {
		fl.ack_ms = now_ms + ACKNOWLEDGE_MS;
	}
	fl.heard = false;
}

void flows_serve(int64_t now_ms)
{
	struct stack_conn *c;
	bool *busy = fl.busy;

	accept_all();
	if (fl.unmet > 0 && now_ms >= fl.look_ms) {
		give_up(now_ms);
		fl.look_ms = now_ms + LOOK_MS;
	}
	acknowledge(now_ms);
	/* What has no end of its budget this time either is looked at next time. */
	while ((busy = memchr(busy, 1, (size_t)(fl.busy + FLOWS_MAX - busy))) != NULL)
		pump(&fl.flow[busy++ - fl.busy]);
	while ((c = stack_event()) != NULL)
		pump(c->user);
}

int64_t flows_deadline(void)
{
	return fl.unmet > 0 && fl.look_ms < fl.ack_ms ? fl.look_ms : fl.ack_ms;
}

bool flows_busy(void)
{
	return memchr(fl.busy, 1, sizeof fl.busy) != NULL;
}

unsigned flows_count(void)
{
	return fl.count;
}

const struct stack_conn *flows_conn(int flow)
{
	return flow >= 0 && flow < FLOWS_MAX ? fl.flow[flow].c : NULL;
}
