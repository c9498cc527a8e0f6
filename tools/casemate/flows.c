#include "tools/casemate/flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/refuse.h"
#include "net/stack_connect.h"
#include "net/tun.h"
#include "tools/casemate/peers.h"

enum {
	CHUNK = 65536,
	BUDGET = 4 * CHUNK, /* bytes of a flow each way in one turn */
	SYN_MAX = 40 + 60,  /* the largest headers */
	PORT = 1,           /* where the stack accepts the app's flows */
};

struct flow {
	int fd;               /* -1: free */
	struct stack_conn *c; /* NULL: the app's, that the stack has not accepted */
	uint32_t peer;        /* 0: the enclave's stack */
	int link;
	/* The app's packet that asks; empty once the stack has it. */
	uint8_t syn[SYN_MAX];
	size_t syn_len;
	/* The socket's, as epoll told (edges) and system calls say since. */
	bool readable, writable;
	bool read_end, write_end; /* the client sends no more; is sent no more */
	bool hung;                /* the client has closed, not only ended: nobody reads */
	bool failed;
	bool busy; /* its budget was used up */
};

static struct {
	struct flow flow[FLOWS_MAX];
	unsigned count, busy;
	int epoll;
} fl;

void flows_init(int epoll)
{
	if (stack_listen(PORT) != RC_OK)
		abort();
	fl.epoll = epoll;
	for (int i = 0; i < FLOWS_MAX; i++)
		fl.flow[i].fd = -1;
}

static void set_busy(struct flow *f, bool busy)
{
	fl.busy += (unsigned)busy - (unsigned)f->busy;
	f->busy = busy;
}

static bool is_transient(int e)
{
	return e == EAGAIN || e == EINTR || e == ENOBUFS || e == ENOMEM;
}

/* Client to enclave. */
static void pump_in(struct flow *f)
{
	static uint8_t buf[CHUNK];
	size_t left = BUDGET, room;

	while (f->readable && !f->read_end && left > 0 && (room = stack_room(f->c)) > 0) {
		ssize_t n = recv(f->fd, buf, room < CHUNK ? room : CHUNK, MSG_DONTWAIT);

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
		f->failed = stack_write(f->c, buf, (size_t)n) != RC_OK;
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
	io_close(&f->fd);
	f->c = NULL;
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
	int i = 0;

	while (i < FLOWS_MAX && fl.flow[i].fd >= 0)
		i++;
	e.data.u32 = (uint32_t)i;
	if (fd < 0 || i == FLOWS_MAX || epoll_ctl(fl.epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		io_close(&fd);
		return NULL;
	}
	fl.flow[i] = (struct flow){ .fd = fd, .link = link };
	fl.count++;
	return &fl.flow[i];
}

int flows_add(int fd, int link, uint16_t port)
{
	struct flow *f = new_flow(fd, link);

	if (f == NULL)
		return -1;
	f->c = stack_connect(link, 0, port);
	if (f->c == NULL) {
		end_flow(f, true);
		return -1;
	}
	f->c->user = f;
	return (int)(f - fl.flow);
}

/* --- the app's -------------------------------------------------------------------- */

static void answer(int link, const struct packet *p, enum refuse_why why)
{
	uint8_t packet[REFUSE_MAX], *out;
	size_t n = refuse(p, why, packet);

	if (n == 0 || (out = stack_link_room(link, LINK_VNET + n)) == NULL)
		return;
	memset(out, 0, LINK_VNET);
	memcpy(out + LINK_VNET, packet, n);
	stack_link_put(link, LINK_APP, LINK_VNET + n);
}

static enum refuse_why why(int error)
{
	return error == ENETUNREACH ? REFUSE_NET : REFUSE_HOST;
}

static int connect_to(const struct packet *p)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(p->to_port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(p->to_port) };
	int fd = socket(p->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(&four.sin_addr, p->to + PACKET_V4, 4);
	memcpy(&six.sin6_addr, p->to, PACKET_ADDRESS);
	if (fd >= 0 &&
	    connect(fd, p->v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
	            p->v6 ? sizeof six : sizeof four) != 0 &&
	    errno != EINPROGRESS)
		io_close(&fd);
	return fd;
}

static void begin(int link, const struct packet *p)
{
	struct peer peer = { .port = p->to_port, .enclave_port = p->from_port, .stack_port = PORT };
	struct flow *f;
	int fd = p->ip.len <= SYN_MAX ? connect_to(p) : -1;

	if (fd < 0) {
		answer(link, p, why(errno));
		return;
	}
	f = new_flow(fd, link);
	if (f == NULL)
		return; /* the app asks again */
	memcpy(peer.address, p->to, PACKET_ADDRESS);
	peer.flow = (int)(f - fl.flow);
	f->peer = peers_add(&peer);
	memcpy(f->syn, p->ip.p, p->ip.len);
	f->syn_len = p->ip.len;
	if (f->peer == 0)
		end_flow(f, true);
}

static void on_packet(int link, uint8_t *payload, size_t len)
{
	uint8_t *ip = payload + LINK_VNET;
	struct packet p;
	struct peer *peer;
	bool asks;

	if (packet_parse(slice_of(ip, len - LINK_VNET), &p) != RC_OK || p.proto != IPPROTO_TCP ||
	    memcmp(p.from, p.v6 ? tun_enclave6 : tun_enclave4, PACKET_ADDRESS) != 0)
		return;
	peer = peers_find(p.to, p.to_port, p.from_port);
	asks = (p.flags & (TH_SYN | TH_ACK)) == TH_SYN;
	if (asks && (peer == NULL || peer->flow < 0))
		begin(link, &p);
	else if (peer == NULL)
		answer(link, &p, REFUSE_PORT);
	else if ((peer->flow < 0 || fl.flow[peer->flow].syn_len == 0) &&
	         (ip = peers_to_stack(peer, &p, ip)) != NULL)
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
		answer(f->link, &p, why(error));
		end_flow(f, true);
		return;
	}
	f->syn_len = 0;
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

		if (peer == NULL || peer->flow < 0) {
			stack_abort(c);
			continue;
		}
		fl.flow[peer->flow].c = c;
		c->user = &fl.flow[peer->flow];
		pump(c->user);
	}
}

static void on_hello(int link)
{
	(void)link; /* the enclave does not say it */
}

static void on_over(int link)
{
	for (int i = 0; i < FLOWS_MAX; i++) {
		if (fl.flow[i].fd >= 0 && fl.flow[i].link == link && fl.flow[i].c == NULL)
			end_flow(&fl.flow[i], true);
	}
}

const struct stack_app flows_app = {
	.packet = on_packet, .hello = on_hello, .over = on_over, .out = peers_to_app
};

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

void flows_serve(void)
{
	struct stack_conn *c;

	accept_all();
	for (int i = 0; i < FLOWS_MAX && fl.busy > 0; i++) {
		if (fl.flow[i].busy)
			pump(&fl.flow[i]);
	}
	while ((c = stack_event()) != NULL)
		pump(c->user);
}

bool flows_busy(void)
{
	return fl.busy > 0;
}

unsigned flows_count(void)
{
	return fl.count;
}

const struct stack_conn *flows_conn(int flow)
{
	return flow >= 0 && flow < FLOWS_MAX ? fl.flow[flow].c : NULL;
}
