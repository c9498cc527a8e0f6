/* appliance/front.h: what PID 1 answers to a channel role gone mad. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/front.h"
#include "channel/admit.h"
#include "channel/message.h"
#include "tests/unit/test.h"

static int role = -1; /* the role's end */

static void begin(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	front_adopt(pair[0]);
	role = pair[1];
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void ask(const void *p, size_t len, size_t fds)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)p, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	static const int numbers[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };

	if (fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		control.h.cmsg_level = SOL_SOCKET;
		control.h.cmsg_type = SCM_RIGHTS;
		control.h.cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(&control.h), numbers, fds * sizeof(int));
	}
	CHECK(sendmsg(role, &msg, 0) == (ssize_t)len);
}

static void expect(uint32_t place, uint32_t error)
{
	struct admit_reply r = { 0, 0 };

	CHECK(recv(role, &r, sizeof r, MSG_DONTWAIT) == sizeof r);
	CHECK(r.place == place && r.error == error);
}

/* Each is refused, keeps no descriptor, and does not stop what comes after. */
static void refused(void)
{
	static const struct {
		uint32_t op, len;
		size_t cut, extra, fds;
	} bad[] = {
		{ 0, 10, 0, 0, 2 }, /* no such operation */
		{ 5, 10, 0, 0, 2 },
		{ UINT32_MAX, 10, 0, 0, 2 },
		{ OP_EXEC, 0, 0, 0, 2 }, /* no request */
		{ OP_EXEC, FRAME_REQUEST_MAX + 1, 0, 0, 2 },
		{ OP_EXEC, UINT32_MAX, 0, 0, 2 },
		{ OP_EXEC, 10, 0, 0, 0 }, /* descriptors missing, */
		{ OP_EXEC, 10, 0, 0, 1 },
		{ OP_EXEC, 10, 0, 0, 3 }, /* too many, */
		{ OP_EXEC, 10, 0, 0, 8 }, /* more than are looked at */
		{ OP_STOP, 10, 0, 0, 1 }, /* no way around it for stop */
		{ OP_EXEC, 10, 1, 0, 2 }, /* too short, too long */
		{ OP_EXEC, 10, 0, 1, 2 },
	};
	uint8_t mem[sizeof(struct admit_request) + 1] = { 0 };

	begin();
	for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct admit_request r = { i + 1, bad[i].op, bad[i].len };
		int before = count_fds();

		memcpy(mem, &r, sizeof r);
		ask(mem, sizeof r - bad[i].cut + bad[i].extra, bad[i].fds);
		CHECK(!front_answer());
		expect(i + 1, ERR_PROTOCOL);
		CHECK(count_fds() == before);
	}
	io_close(&role);
	CHECK(!front_answer() && front_fd() == -1);
}

static void stops(void)
{
	struct admit_request r = { 7, OP_STOP, 4 };
	uint8_t ready = ADMIT_READY, byte;
	int before;

	begin();
	before = count_fds();
	ask(&ready, 1, 0);
	ask(&r, sizeof r, 2);
	CHECK(front_answer());
	expect(7, 0);
	CHECK(count_fds() == before);
	front_end();
	CHECK(recv(role, &byte, 1, MSG_DONTWAIT) == 0);
	CHECK(front_deadline() == INT64_MAX);
	io_close(&role);
	CHECK(!front_answer());
}

/* A role that never reads its answers does not hold PID 1. */
static void deaf(void)
{
	struct admit_request r = { 1, 0, 0 };
	int rounds = 0;

	begin();
	while (front_fd() >= 0 && ++rounds < 100000) {
		if (send(role, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		(void)front_answer();
	}
	CHECK(front_fd() == -1);
	io_close(&role);
}

static void pauses(void)
{
	CHECK(front_pause_ms(1) == 100 && front_pause_ms(2) == 200 && front_pause_ms(6) == 3200);
	CHECK(front_pause_ms(7) == 5000 && front_pause_ms(1000000) == 5000);
}

/* Other children's ends are none of the role's. */
static void strangers(void)
{
	CHECK(!front_reap(0, 0, 1) && !front_reap(12345, 0, 1));
	CHECK(front_deadline() == INT64_MAX);
}

int main(void)
{
	pauses();
	strangers();
	refused();
	deaf();
	stops();
	return test_end();
}
