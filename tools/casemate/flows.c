#include "tools/casemate/flows.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/stack_connect.h"

enum {
	CHUNK = 65536,
	BUDGET = 4 * CHUNK, /* bytes of a flow each way in one turn */
};

struct flow {
	int fd; /* -1: free */
	struct stack_conn *c;
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
	if (cut)
		stack_abort(f->c);
	else
		stack_close(f->c);
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

int flows_add(int fd, int link, uint16_t port)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	struct stack_conn *c = stack_connect(link, port);
	int i = 0;

	while (i < FLOWS_MAX && fl.flow[i].fd >= 0)
		i++;
	e.data.u32 = (uint32_t)i;
	if (c == NULL || i == FLOWS_MAX || epoll_ctl(fl.epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		if (c != NULL)
			stack_abort(c);
		close(fd);
		return -1;
	}
	fl.flow[i] = (struct flow){ .fd = fd, .c = c };
	c->user = &fl.flow[i];
	fl.count++;
	return i;
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
	pump(f);
}

void flows_serve(void)
{
	struct stack_conn *c;

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
