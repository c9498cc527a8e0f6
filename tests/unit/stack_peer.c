#include "tests/unit/stack_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"

struct served {
	bool known;
	enum mode mode;
	size_t in, out; /* bytes behind the first */
	bool finished;
};

/* By slot; a slot's address is not the test's to know. */
static struct served served[STACK_CONNS_MAX + STACK_SPARE];

bool at_end(int fd)
{
	char c;

	return read(fd, &c, 1) == 0;
}

bool is_cut(int fd)
{
	char c;
	ssize_t n;

	while ((n = read(fd, &c, 1)) > 0)
		;
	return n < 0 && errno == ECONNRESET;
}

bool read_pattern(int fd, size_t n)
{
	static unsigned char buf[SOURCE_BYTES];

	if (io_read_full(fd, buf, n) != RC_OK)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (buf[i] != pattern(i))
			return false;
	}
	return true;
}

static int wait_ms(int ms)
{
	int64_t deadline = stack_deadline(), left = deadline - clock_mono_ms();

	if (deadline == INT64_MAX)
		return ms;
	left = left < 0 ? 0 : left;
	return left < ms ? (int)left : ms;
}

void turn(int ms, int extra, void (*event)(struct stack_conn *c))
{
	struct pollfd p[STACK_LINKS_MAX + 1];
	struct stack_conn *c;

	for (int i = 0; i < STACK_LINKS_MAX; i++) {
		p[i] = (struct pollfd){ .fd = stack_link_fd(i), .events = POLLIN };
		if (stack_link(i)->out_len > 0)
			p[i].events |= POLLOUT;
	}
	p[STACK_LINKS_MAX] = (struct pollfd){ .fd = extra, .events = POLLIN };
	if (poll(p, STACK_LINKS_MAX + 1, wait_ms(ms)) < 0)
		abort();
	for (int i = 0; i < STACK_LINKS_MAX; i++) {
		if (p[i].revents != 0)
			(void)stack_link_io(i, (uint32_t)p[i].revents);
	}
	stack_tick();
	while ((c = stack_event()) != NULL)
		event(c);
	stack_flush();
}

/* --- the server ----------------------------------------------------------------- */

static struct served *served_new(void)
{
	for (size_t i = 0; i < sizeof served / sizeof served[0]; i++) {
		if (!served[i].known) {
			served[i] = (struct served){ .known = true };
			return &served[i];
		}
	}
	abort();
}

static void finish(struct stack_conn *c, struct served *s)
{
	if (!s->finished && stack_finish(c) != RC_OK)
		abort();
	s->finished = true;
}

static void echo(struct stack_conn *c, struct served *s)
{
	struct slice in;

	while ((in = stack_peek(c)).len > 0 && stack_room(c) > 0) {
		size_t n = in.len < stack_room(c) ? in.len : stack_room(c);

		if (stack_write(c, in.p, n) != RC_OK)
			abort();
		stack_consume(c, n);
	}
	if (stack_peer_done(c))
		finish(c, s);
}

static void source(struct stack_conn *c, struct served *s)
{
	stack_consume(c, stack_peek(c).len);
	while (s->out < SOURCE_BYTES && stack_room(c) > 0) {
		unsigned char buf[4096];
		size_t n = 0;

		for (; n < sizeof buf && n < stack_room(c) && s->out + n < SOURCE_BYTES; n++)
			buf[n] = pattern(s->out + n);
		if (stack_write(c, buf, n) != RC_OK)
			abort();
		s->out += n;
	}
	if (s->out == SOURCE_BYTES)
		finish(c, s);
}

/* False when what came is not what was to come. */
static bool early(struct stack_conn *c, struct served *s)
{
	struct slice in;

	finish(c, s);
	while ((in = stack_peek(c)).len > 0) {
		for (size_t i = 0; i < in.len; i++) {
			if (in.p[i] != pattern(s->in++))
				return false;
		}
		stack_consume(c, in.len);
	}
	return !stack_peer_done(c) || s->in == SOURCE_BYTES;
}

static void serve(struct stack_conn *c)
{
	struct served *s = c->user;
	bool ok = !c->over;

	if (ok && s->mode == 0 && stack_peek(c).len > 0) {
		s->mode = stack_peek(c).p[0];
		stack_consume(c, 1);
	}
	if (ok && s->mode == MODE_ECHO)
		echo(c, s);
	if (ok && s->mode == MODE_SOURCE)
		source(c, s);
	if (ok && s->mode == MODE_EARLY)
		ok = early(c, s);
	if (!ok || (stack_peer_done(c) && (s->finished || s->mode == 0))) {
		s->known = false;
		if (ok)
			stack_close(c);
		else
			stack_abort(c);
	}
}

/* As vhost-device-vsock and others do it. */
static void take_hybrid(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char line[16] = "";

	if (fd < 0)
		return;
	for (size_t i = 0; i < sizeof line - 1 && (i == 0 || line[i - 1] != '\n'); i++) {
		if (read(fd, line + i, 1) != 1)
			abort();
	}
	if (strcmp(line, "CONNECT 7001\n") != 0 || write(fd, "OK 1024\n", 8) != 8 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		abort();
	if (stack_link_add(fd) < 0)
		close(fd);
}

static int watch_both(int a, int b)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, a, &e) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, b, &e) < 0)
		abort();
	return epoll;
}

static void obey(int control)
{
	struct stack_usage u;
	char ask = 0;
	ssize_t n = recv(control, &ask, 1, MSG_DONTWAIT);

	stack_usage(&u);
	if (n == 0)
		_exit(0);
	if (ask == 'u' && send(control, &u, sizeof u, 0) != sizeof u)
		abort();
	for (int i = SERVER_LINKS; ask == 'c' && i < STACK_LINKS_MAX; i++) {
		if (stack_link_fd(i) >= 0)
			shutdown(stack_link_fd(i), SHUT_RDWR);
	}
}

static _Noreturn void server_main(const int link[SERVER_LINKS], int control, int listener)
{
	int extra = watch_both(control, listener);
	struct stack_conn *c;

	stack_init(STACK_ENCLAVE, NULL);
	if (stack_listen(SERVER_PORT) != RC_OK)
		abort();
	for (int i = 0; i < SERVER_LINKS; i++) {
		if (stack_link_add(link[i]) != i)
			abort();
	}
	for (;;) {
		turn(1000, extra, serve);
		take_hybrid(listener);
		while ((c = stack_accept()) != NULL)
			c->user = served_new();
		while ((c = stack_event()) != NULL)
			serve(c);
		stack_flush();
		obey(control);
	}
}

static int listen_hybrid(struct server *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(s->path, sizeof s->path, "/tmp/casemate-test-%d.sock", (int)getpid());
	snprintf(a.sun_path, sizeof a.sun_path, "%s", s->path);
	unlink(s->path);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 16) < 0)
		abort();
	return fd;
}

void server_start(struct server *s)
{
	int there[SERVER_LINKS], pair[2], listener = listen_hybrid(s);

	for (int i = 0; i < SERVER_LINKS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
			abort();
		s->link[i] = pair[0];
		there[i] = pair[1];
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	s->control = pair[0];
	fflush(stdout);
	s->pid = fork();
	if (s->pid == 0) {
		for (int i = 0; i < SERVER_LINKS; i++)
			close(s->link[i]);
		close(s->control);
		server_main(there, pair[1], listener);
	}
	for (int i = 0; i < SERVER_LINKS; i++)
		close(there[i]);
	close(pair[1]);
	close(listener);
}

void server_cut(const struct server *s)
{
	if (send(s->control, "c", 1, 0) != 1)
		abort();
}

void server_usage(const struct server *s, bool zero, struct stack_usage *u)
{
	do {
		if (send(s->control, "u", 1, 0) != 1 ||
		    recv(s->control, u, sizeof *u, 0) != sizeof *u)
			abort();
	} while (zero && (u->conns != 0 || u->pcbs != 0 || u->pbufs != 0 || u->heap != 0));
}

int server_stop(struct server *s)
{
	int status = -1;

	close(s->control);
	unlink(s->path);
	waitpid(s->pid, &status, 0);
	return status;
}
