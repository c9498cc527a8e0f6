/* Theory of operation.
 *
 * One epoll. Ports are watched only while a connection from them could go
 * somewhere: there is a link, a free flow, and accept() works. A link is dialled
 * (a step that waits, while there is nothing else to do), watched for what it
 * brings, and for room when the stack has something to send. In each turn what
 * has arrived is handed on both ways within budgets, the stack is flushed once,
 * and what ran out of budget makes the next turn start at once.
 */
#include "tools/casemate/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/gateway_app.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	EVENTS = 128,
	ACCEPTS = 64,      /* of one port in one turn */
	PAUSE_MS = 100,    /* after accept() failed for want of something */
	PORT_STACK = 8443, /* of the enclave's stack; others are the app's */
	STEADY_MS = 2000,  /* a link that lived as long is worth a word when it ends */

	TAG_LINK = GATEWAY_APP_TAGS,
	TAG_PORT,
};

struct loop {
	const struct gateway *g;
	int epoll, link; /* -1: no link */
	uint32_t link_events;
	bool ports_watched;
	bool over, lost;          /* lost: said that there is no link */
	int64_t now_ms, since_ms; /* since: the link is there */
	int64_t retry_ms, pause_ms;
	int status;
};

static bool watch(struct loop *l, int how, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event e = { .events = events, .data.u32 = tag };

	if (epoll_ctl(l->epoll, how, fd, &e) == 0)
		return true;
	say("epoll: %m");
	l->over = true;
	l->status = STATUS_FAILED;
	return false;
}

/* --- the link --------------------------------------------------------------------- */

static void take_link(struct loop *l, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	uint8_t *hello;

	l->link = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -1 : stack_link_add(fd);
	if (l->link < 0) {
		close(fd);
		return;
	}
	hello = wire_room(stack_link(l->link), 1);
	if (hello != NULL) {
		*hello = LINK_VERSION;
		wire_put(stack_link(l->link), LINK_HELLO, 1);
		stack_flush();
	}
	l->link_events = EPOLLIN;
	l->since_ms = clock_mono_ms();
	watch(l, EPOLL_CTL_ADD, fd, EPOLLIN, TAG_LINK);
	if (l->lost)
		say("%s: connected again", l->g->target.text);
	l->lost = false;
}

static void dial(struct loop *l)
{
	int fd;
	enum rc rc = target_connect(&l->g->target, STACK_PORT_LINK, &fd);

	l->now_ms = clock_mono_ms();
	l->retry_ms = l->now_ms + GATEWAY_RETRY_MS;
	if (rc == RC_OK)
		take_link(l, fd);
	if (rc == RC_ABSENT) {
		say("%s has ended", l->g->target.text);
		l->over = true;
		l->status = STATUS_FAILED;
	}
}

static void link_over(struct loop *l)
{
	l->link = -1;
	l->retry_ms = l->now_ms - l->since_ms >= STEADY_MS ? l->now_ms
	                                                   : l->now_ms + GATEWAY_RETRY_MS;
	if (!l->lost)
		say("%s: the link has ended; connecting again", l->g->target.text);
	l->lost = true;
}

static void watch_link(struct loop *l)
{
	uint32_t events = EPOLLIN;

	if (l->link < 0)
		return;
	if (stack_link(l->link)->out_len > 0)
		events |= EPOLLOUT;
	if (events != l->link_events)
		watch(l, EPOLL_CTL_MOD, stack_link_fd(l->link), events, TAG_LINK);
	l->link_events = events;
}

/* --- ports ---------------------------------------------------------------------------- */

static void watch_ports(struct loop *l)
{
	bool wanted = l->link >= 0 && flows_count() < FLOWS_MAX && l->now_ms >= l->pause_ms;

	if (wanted == l->ports_watched)
		return;
	l->ports_watched = wanted;
	for (size_t i = 0; i < l->g->ports; i++) {
		if (!l->g->port[i].udp)
			watch(l, EPOLL_CTL_MOD, l->g->port[i].fd, wanted ? EPOLLIN : 0,
			      TAG_PORT + (uint32_t)i);
	}
}

static void on_port(struct loop *l, const struct publish *p)
{
	int one = 1;

	for (int i = 0; i < ACCEPTS && l->link >= 0 && flows_count() < FLOWS_MAX; i++) {
		struct address from = { .len = sizeof from.at };
		int fd = accept4(p->fd, (struct sockaddr *)&from.at, &from.len,
		                 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				l->pause_ms = l->now_ms + PAUSE_MS;
			return;
		}
		/* A client that has vanished gives its place back some day. */
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
		/* What the enclave has sent does not wait for the client's delayed
		 * acknowledgement: a fortieth of a second for every answer. */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		/* Without room it was closed. */
		if (p->port == PORT_STACK)
			(void)flows_add(fd, l->link, p->port);
		else
			(void)flows_add_app(fd, l->link, p->port, &from);
	}
}

/* --- the loop --------------------------------------------------------------------------- */

static int timeout(const struct loop *l)
{
	int64_t next = stack_deadline(), app = gateway_app_deadline(l->link, l->now_ms);

	next = app < next ? app : next;
	if (l->link < 0 && l->retry_ms < next)
		next = l->retry_ms;
	if (l->pause_ms > l->now_ms && l->pause_ms < next)
		next = l->pause_ms;
	if (next == INT64_MAX)
		return -1;
	if (next <= l->now_ms)
		return 0;
	return next - l->now_ms < INT_MAX ? (int)(next - l->now_ms) : INT_MAX;
}

static void dispatch(struct loop *l, uint32_t tag, uint32_t events)
{
	if (tag < GATEWAY_APP_TAGS)
		gateway_app_io(tag, events, l->now_ms);
	else if (tag == TAG_LINK && l->link >= 0 && !stack_link_io(l->link, events))
		link_over(l);
	else if (tag >= TAG_PORT)
		on_port(l, &l->g->port[tag - TAG_PORT]);
}

static void turn(struct loop *l)
{
	struct epoll_event events[EVENTS];
	int n;

	if (l->link < 0 && l->now_ms >= l->retry_ms)
		dial(l);
	watch_ports(l);
	watch_link(l);
	n = epoll_wait(l->epoll, events, EVENTS, timeout(l));
	l->now_ms = clock_mono_ms();
	for (int i = 0; i < n && !l->over; i++)
		dispatch(l, events[i].data.u32, events[i].events);
	stack_tick();
	gateway_app_serve(l->link, l->now_ms);
	stack_flush();
}

/* Nothing needs to be put in order, and dialling must not hold it up. */
static void on_signal(int sig)
{
	(void)sig;
	_exit(STATUS_OK);
}

/* As many sockets as there can be flows, or as many as there may be. */
static void raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

static bool begin(struct loop *l)
{
	int fd = -1;

	raise_files();

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->now_ms = clock_mono_ms();
	stack_init(STACK_GATEWAY, &gateway_app);
	gateway_app_init(l->epoll, l->g);
	if (!l->g->patient && (fd = target_dial(&l->g->target, STACK_PORT_LINK)) < 0)
		return false;
	if (fd >= 0)
		take_link(l, fd);
	for (size_t i = 0; i < l->g->ports; i++) {
		const struct publish *p = &l->g->port[i];

		if (p->udp ? !datagrams_publish(p)
		           : !watch(l, EPOLL_CTL_ADD, p->fd, 0, TAG_PORT + (uint32_t)i))
			return false;
	}
	return true;
}

int gateway_serve(const struct gateway *g)
{
	static struct loop l;

	l = (struct loop){ .g = g, .link = -1, .status = STATUS_OK };
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (!begin(&l))
		return STATUS_FAILED;
	while (!l.over)
		turn(&l);
	return l.status;
}
