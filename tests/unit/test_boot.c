/* The parts of boot/ that can be tried outside an enclave. */
#include <fcntl.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "boot/clock.h"
#include "boot/entropy.h"
#include "boot/heartbeat.h"
#include "boot/root.h"
#include "tests/unit/test.h"

static char dir[] = "/tmp/test_boot.XXXXXX";

static void put(const char *name, const char *content)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && io_write_full(fd, content, strlen(content)) == RC_OK);
	io_close(&fd);
}

static enum rc source(const char *content)
{
	char path[256];

	put("rng_current", content);
	snprintf(path, sizeof path, "%s/rng_current", dir);
	return entropy_source(path);
}

/* Nothing but the security module's generator, and no file is no generator. */
static void rng(void)
{
	char path[256], long_name[200];

	CHECK(source("nsm-hwrng\n") == RC_OK);
	CHECK(source("nsm-hwrng2\n") == RC_MISMATCH);
	CHECK(source("virtio_rng.0\n") == RC_MISMATCH);
	CHECK(source("none\n") == RC_MISMATCH);
	CHECK(source("") == RC_MISMATCH);
	memset(long_name, 'n', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	CHECK(source(long_name) == RC_LIMIT);
	memcpy(long_name, "nsm-hwrng\n", 10);
	CHECK(source(long_name) == RC_LIMIT);
	snprintf(path, sizeof path, "%s/absent", dir);
	CHECK(entropy_source(path) == RC_IO);
}

/* Without the device the kernel's time will do; one that cannot be opened, or is
 * no clock, is no such case. */
static void ptp(void)
{
	struct timespec t = { 0 };
	char path[256];

	snprintf(path, sizeof path, "%s/absent", dir);
	CHECK(clock_read(path, &t) == RC_ABSENT);
	put("ptp0", "no clock");
	snprintf(path, sizeof path, "%s/ptp0", dir);
	CHECK(clock_read(path, &t) == RC_IO);
	snprintf(path, sizeof path, "%s/ptp0/in-a-file", dir);
	CHECK(clock_read(path, &t) == RC_IO);
	CHECK(t.tv_sec == 0 && t.tv_nsec == 0);
}

static void tmpfs(void)
{
	char options[96];

	root_tmpfs_options(options, sizeof options, UINT64_C(200) << 20);
	CHECK(strcmp(options, "size=178257920,nr_inodes=25600,mode=0755") == 0);
	root_tmpfs_options(options, sizeof options, UINT64_MAX);
	CHECK(strlen(options) < sizeof options - 1);
}

struct side {
	int call, host;
};

static struct side side(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	return (struct side){ pair[0], pair[1] };
}

static void answer(int fd, uint8_t byte)
{
	CHECK(io_write_full(fd, &byte, 1) == RC_OK);
}

static void begin(struct pollfd p[2], const struct side *a, const struct side *b)
{
	p[0] = (struct pollfd){ a->call, POLLOUT, 0 };
	p[1] = (struct pollfd){ b ? b->call : -1, POLLOUT, 0 };
}

static void end(struct pollfd p[2], struct side *a, struct side *b)
{
	for (int i = 0; i < 2; i++)
		io_close(&p[i].fd);
	io_close(&a->host);
	io_close(&b->host);
}

/* The first right answer wins; a wrong one, silence and a closed call do not
 * stop the other. */
static void heartbeat(void)
{
	struct side a = side(), b = side();
	struct pollfd p[2];
	uint8_t byte = 0;
	int who = -1;

	begin(p, &a, &b);
	answer(b.host, HEARTBEAT_BYTE);
	CHECK(heartbeat_over(p, clock_mono_ms() + 1000, &who) == RC_OK && who == 1);
	CHECK(io_read_full(a.host, &byte, 1) == RC_OK && byte == HEARTBEAT_BYTE);
	CHECK(io_read_full(b.host, &byte, 1) == RC_OK && byte == HEARTBEAT_BYTE);
	end(p, &a, &b);

	a = side(), b = side();
	begin(p, &a, &b);
	answer(a.host, 0xb8);
	io_close(&b.host);
	CHECK(heartbeat_over(p, clock_mono_ms() + 1000, &who) == RC_EOF);
	CHECK(p[0].fd == -1 && p[1].fd == -1);
	CHECK(io_read_full(a.host, &byte, 1) == RC_OK && io_read_full(a.host, &byte, 1) == RC_EOF);
	end(p, &a, &b);

	a = side(), b = side();
	begin(p, &a, &b);
	answer(b.host, 0);
	answer(a.host, HEARTBEAT_BYTE);
	CHECK(heartbeat_over(p, clock_mono_ms() + 1000, &who) == RC_OK && who == 0);
	end(p, &a, &b);

	a = side();
	begin(p, &a, NULL);
	CHECK(heartbeat_over(p, clock_mono_ms() + 20, &who) == RC_TIMEOUT);
	end(p, &a, &b);
	CHECK(heartbeat_over(p, clock_mono_ms() + 1000, &who) == RC_EOF);
}

int main(void)
{
	char command[64];

	if (!CHECK(mkdtemp(dir) != NULL))
		return test_end();
	rng();
	ptp();
	tmpfs();
	heartbeat();
	snprintf(command, sizeof command, "rm -rf %s", dir);
	CHECK(system(command) == 0);
	return test_end();
}
