/* A connection to an enclave's port by a process of its own. */
#include "tools/casemate/link_dial.h"

#include <errno.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "tests/unit/stack_peer.h"
#include "tests/unit/test.h"

static struct server server;
static struct target target;

static void check_empty(void)
{
	struct stack_usage u;

	server_usage(&server, true, &u);
	CHECK(u.conns == 0);
}

static void test_both_ways(void)
{
	int fd = link_dial(&target, SERVER_PORT);
	char c;

	CHECK(fd >= 0 && io_write_full(fd, "s", 1) == RC_OK);
	CHECK(read_pattern(fd, SOURCE_BYTES));
	CHECK(read(fd, &c, 1) == 0); /* the enclave's end is ours to see */
	CHECK(io_write_full(fd, "more", 4) == RC_OK);
	io_close(&fd);
	check_empty();
}

static void test_half_close(void)
{
	static unsigned char sent[100000];
	int fd = link_dial(&target, SERVER_PORT);
	char c;

	for (size_t i = 0; i < sizeof sent; i++)
		sent[i] = pattern(i);
	CHECK(fd >= 0 && io_write_full(fd, "e", 1) == RC_OK);
	CHECK(io_write_full(fd, sent, sizeof sent) == RC_OK && shutdown(fd, SHUT_WR) == 0);
	CHECK(read_pattern(fd, sizeof sent));
	CHECK(read(fd, &c, 1) == 0);
	io_close(&fd);
	check_empty();
}

/* The child ends, and the enclave hears of it. */
static void test_closed(void)
{
	int fd = link_dial(&target, SERVER_PORT);

	CHECK(fd >= 0 && io_write_full(fd, "s", 1) == RC_OK && read_pattern(fd, 1000));
	io_close(&fd);
	check_empty();
}

static void test_cut(void)
{
	int fd = link_dial(&target, SERVER_PORT);
	char c;

	CHECK(fd >= 0 && io_write_full(fd, "n", 1) == RC_OK);
	server_cut(&server);
	CHECK(read(fd, &c, 1) <= 0);
	io_close(&fd);
	check_empty();
}

static void test_refused(void)
{
	struct target nobody = { .kind = TARGET_UNIX };

	CHECK(link_dial(&target, 1) == -1);
	snprintf(nobody.text, sizeof nobody.text, "unix:%s.not", server.path);
	CHECK(link_dial(&nobody, SERVER_PORT) == -1);
}

int main(void)
{
	alarm(60);
	server_start(&server);
	target.kind = TARGET_UNIX;
	snprintf(target.text, sizeof target.text, "unix:%s", server.path);
	test_both_ways();
	test_half_close();
	test_closed();
	test_cut();
	test_refused();
	CHECK(server_stop(&server) == 0);
	return test_end();
}
