/* The gateway, in a process of its own, between TCP clients and an enclave's
 * stack. */
#include "tools/casemate/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "appliance/base/io.h"
#include "tests/unit/stack_peer.h"
#include "tests/unit/test.h"
#include "tools/casemate/text.h"

enum { MANY = 300, PORTS = 2 };

static struct server server;
static struct gateway gateway;
static pid_t pid;

static void gateway_start(void)
{
	gateway.target.kind = TARGET_UNIX;
	snprintf(gateway.target.text, sizeof gateway.target.text, "unix:%s", server.path);
	gateway.ports = PORTS;
	CHECK(publish_parse("0:8443", &gateway.port[0]) && publish_parse("0:1", &gateway.port[1]));
	CHECK(publish_open(gateway.port, PORTS));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(100);
		say_verb("gateway");
		close(server.control); /* its end is how the server ends */
		_exit(gateway_serve(&gateway));
	}
	publish_close(gateway.port, PORTS);
}

static int client(size_t port, const char *first)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&gateway.port[port].at, gateway.port[port].at_len) < 0 ||
	    io_write_full(fd, first, strlen(first)) != RC_OK)
		io_close(&fd);
	return fd;
}

static const void *patterned(size_t n)
{
	static unsigned char buf[SOURCE_BYTES];

	for (size_t i = 0; i < n; i++)
		buf[i] = pattern(i);
	return buf;
}

static void cut(int *fd)
{
	struct linger reset = { .l_onoff = 1 };

	CHECK(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
	io_close(fd);
}

static void check_empty(void)
{
	struct stack_usage u;

	server_usage(&server, true, &u);
	CHECK(u.conns == 0);
}

static void echo(void)
{
	int fd = client(0, "e");

	CHECK(fd >= 0 && io_write_full(fd, patterned(50000), 50000) == RC_OK);
	CHECK(read_pattern(fd, 50000)); /* before our end */
	CHECK(shutdown(fd, SHUT_WR) == 0 && at_end(fd));
	io_close(&fd);
}

static void test_half_close(void)
{
	int fd = client(0, "s");

	CHECK(fd >= 0 && shutdown(fd, SHUT_WR) == 0);
	CHECK(read_pattern(fd, SOURCE_BYTES) && at_end(fd));
	io_close(&fd);
	fd = client(0, "f");
	CHECK(fd >= 0 && at_end(fd)); /* theirs, and we go on */
	CHECK(io_write_full(fd, patterned(SOURCE_BYTES), SOURCE_BYTES) == RC_OK);
	CHECK(shutdown(fd, SHUT_WR) == 0);
	io_close(&fd);
	check_empty();
}

static void test_many(void)
{
	int fd[MANY];

	for (size_t i = 0; i < MANY; i++)
		CHECK((fd[i] = client(0, "s")) >= 0 && shutdown(fd[i], SHUT_WR) == 0);
	for (size_t i = 0; i < MANY; i++) {
		CHECK(read_pattern(fd[i], SOURCE_BYTES / 8));
		io_close(&fd[i]); /* in the middle: cut */
	}
	check_empty();
}

/* Clients that do not read, an enclave that does not: others are served. */
static void test_back_pressure(void)
{
	int deaf[10], stuck = client(0, "n");
	size_t sent = 0;
	struct pollfd p = { .fd = stuck, .events = POLLOUT };

	for (size_t i = 0; i < 10; i++)
		CHECK((deaf[i] = client(0, "s")) >= 0);
	CHECK(fcntl(stuck, F_SETFL, O_NONBLOCK) == 0);
	/* Full is when other connections have come and gone and it still is. */
	while (poll(&p, 1, 0) == 1) {
		ssize_t n = write(stuck, patterned(65536), 65536);

		sent += n > 0 ? (size_t)n : 0;
		if (n < 0)
			echo();
		if (sent > 64 << 20)
			break;
	}
	CHECK(sent < 64 << 20);
	for (size_t i = 0; i < 10; i++) {
		CHECK(read_pattern(deaf[i], SOURCE_BYTES) && at_end(deaf[i]));
		io_close(&deaf[i]);
	}
	cut(&stuck);
	check_empty();
}

static void test_refused(void)
{
	int fd = client(1, "");

	CHECK(fd >= 0 && is_cut(fd));
	io_close(&fd);
	check_empty();
}

/* The link is cut with connections open: these are reset, new ones work. */
static void test_reconnect(void)
{
	int fd[8];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 8; i++)
			CHECK((fd[i] = client(0, i % 2 ? "e" : "n")) >= 0);
		CHECK(io_write_full(fd[1], patterned(100), 100) == RC_OK &&
		      read_pattern(fd[1], 100));
		server_cut(&server);
		for (size_t i = 0; i < 8; i++) {
			CHECK(is_cut(fd[i]));
			io_close(&fd[i]);
		}
		echo();
	}
}

static void test_signal(void)
{
	int status = -1;

	CHECK(kill(pid, SIGTERM) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	check_empty();
}

static void test_nobody(void)
{
	struct gateway g = { .target = { .kind = TARGET_UNIX } };

	snprintf(g.target.text, sizeof g.target.text, "unix:%s.not", server.path);
	CHECK(gateway_serve(&g) == 1);
}

int main(void)
{
	alarm(100);
	server_start(&server);
	gateway_start();
	echo();
	check_empty();
	test_half_close();
	test_many();
	test_back_pressure();
	test_refused();
	test_reconnect();
	test_signal();
	test_nobody();
	CHECK(server_stop(&server) == 0);
	return test_end();
}
