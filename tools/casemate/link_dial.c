#include "tools/casemate/link_dial.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/stack_connect.h"
#include "tools/casemate/child.h"
#include "tools/casemate/flows.h"
#include "tools/casemate/text.h"

enum { TAG_LINK = FLOWS_MAX, EVENTS = 8 };

/* What the child says about the connection, one byte. */
enum { DIAL_TAKEN = 't', DIAL_REFUSED = 'r' };

struct bridge {
	int epoll, link, flow;
	int report; /* -1: the answer was given */
	uint32_t watched;
};

static void watch_link(struct bridge *b)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = TAG_LINK };

	if (stack_link(b->link)->out_len > 0)
		e.events |= EPOLLOUT;
	if (stack_link_fd(b->link) >= 0 && e.events != b->watched &&
	    epoll_ctl(b->epoll, b->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
	              stack_link_fd(b->link), &e) == 0)
		b->watched = e.events;
}

static void report(struct bridge *b)
{
	const struct stack_conn *c = flows_conn(b->flow);
	char answer = DIAL_REFUSED;

	if (b->report < 0 || (c != NULL && !stack_established(c)))
		return;
	if (c != NULL)
		answer = DIAL_TAKEN;
	(void)!write(b->report, &answer, 1); /* nobody there: the socket says so, too */
	io_close(&b->report);
}

static void bridge_turn(struct bridge *b)
{
	struct epoll_event events[EVENTS];
	int64_t wait = stack_deadline() == INT64_MAX ? -1 : stack_deadline() - clock_mono_ms();
	int n;

	if (flows_busy() || (stack_deadline() != INT64_MAX && wait < 0))
		wait = 0;
	n = epoll_wait(b->epoll, events, EVENTS, (int)wait);
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == TAG_LINK)
			(void)stack_link_io(b->link, events[i].events);
		else
			flows_io(events[i].data.u32, events[i].events);
	}
	stack_tick();
	flows_serve(clock_mono_ms());
	report(b);
	stack_flush();
	watch_link(b);
}

/* Until what was written has arrived. */
static bool bridge_open(void)
{
	struct stack_usage u;

	stack_usage(&u);
	return u.conns > 0;
}

static _Noreturn void bridge_main(int link, int sock, int report_fd, uint16_t port)
{
	struct bridge b = { .report = report_fd, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Whoever waits for the end of our output does not wait for this process. */
	if (b.epoll < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		_exit(1);
	stack_init(STACK_GATEWAY, NULL);
	flows_init(b.epoll, NULL);
	b.link = stack_link_add(link);
	b.flow = flows_add(sock, b.link, port);
	stack_flush();
	watch_link(&b);
	while (bridge_open())
		bridge_turn(&b);
	report(&b);
	_exit(0);
}

/* The child proper is the child's child, which init adopts. */
static pid_t start_bridge(int link, int sock, int report_fd, uint16_t port, const int close_too[2])
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(close_too[0]);
	close(close_too[1]);
	if (fork() == 0)
		bridge_main(link, sock, report_fd, port);
	_exit(0);
}

static bool await_answer(const struct target *t, uint16_t port, int report_fd)
{
	enum rc rc = io_wait(report_fd, POLLIN, clock_mono_ms() + LINK_DIAL_MS);
	char answer = 0;

	if (rc == RC_OK && read(report_fd, &answer, 1) == 1 && answer == DIAL_TAKEN)
		return true;
	if (rc == RC_TIMEOUT)
		say("%s: nobody takes the connection to its port %u within %d s", t->text, port,
		    LINK_DIAL_MS / 1000);
	else
		say("%s: it refuses connections to its port %u", t->text, port);
	return false;
}

static bool set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

int link_dial(const struct target *t, uint16_t port)
{
	int link = target_dial(t, STACK_PORT_LINK), pair[2] = { -1, -1 }, answer[2] = { -1, -1 };
	int fd = -1;
	pid_t pid = -1;

	if (link < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    pipe2(answer, O_CLOEXEC) < 0 || !set_nonblocking(link) || !set_nonblocking(pair[1]) ||
	    (pid = start_bridge(link, pair[1], answer[1], port,
	                        (const int[2]){ pair[0], answer[0] })) < 0)
		say("cannot start the connection's process: %m");
	io_close(&answer[1]);
	if (pid > 0) {
		child_wait(pid);
		if (await_answer(t, port, answer[0])) {
			fd = pair[0];
			pair[0] = -1;
		}
	}
	io_close(&answer[0]);
	io_close(&pair[0]);
	io_close(&pair[1]);
	io_close(&link);
	return fd;
}
