#include "channel/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "channel/admit.h"

static void drop_until_close(int conn, int64_t until_ms)
{
	static uint8_t scrap[16384];

	while (io_wait(conn, POLLIN, until_ms) == RC_OK) {
		ssize_t n = recv(conn, scrap, sizeof scrap, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return;
	}
}

void session_linger(int conn)
{
	drop_until_close(conn, clock_mono_ms() + SESSION_CLOSE_MS);
}

void session_fail(int conn, enum error_code code, const char *text)
{
	uint8_t mem[FRAME_HEAD + ERROR_TEXT_MAX + 16];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	int64_t until_ms = clock_mono_ms() + SESSION_DRAIN_MS;
	struct slice left;

	error_put(&w, code, text);
	left = wbuf_slice(&w);
	while (left.len > 0 && io_wait(conn, POLLOUT, until_ms) == RC_OK) {
		ssize_t n = send(conn, left.p, left.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0)
			left = slice_of(left.p + n, left.len - (size_t)n);
	}
	drop_until_close(conn, until_ms);
}

/* Waits for work and puts its two descriptors where they belong. RC_EOF when
 * there will be none. */
static enum rc take_work(struct session_handover *h)
{
	struct passed m;
	int *fds = m.fds;

	while (!pass_recv(SESSION_HANDOVER_FD, h, sizeof *h, 0, &m))
		if (m.len >= 0 || errno != EINTR)
			return m.len == 0 ? RC_EOF : m.len < 0 ? RC_IO : RC_BAD;
	/* Both are above 3; the first may be 4, and is copied before that goes. */
	if (dup3(fds[0], SESSION_CONN_FD, O_CLOEXEC) < 0)
		return RC_IO;
	if (fds[1] != SESSION_REQUEST_FD && dup3(fds[1], SESSION_REQUEST_FD, O_CLOEXEC) < 0)
		return RC_IO;
	for (int i = 0; i < PASS_FDS; i++)
		if (fds[i] != SESSION_REQUEST_FD)
			io_close(&fds[i]);
	return RC_OK;
}

/* What PID 1 was asked for is what is served. */
static enum rc read_request(struct request *r, const struct session_handover *h)
{
	static uint8_t mem[FRAME_REQUEST_MAX];
	ssize_t n;
	enum rc rc;

	if (h->len > sizeof mem)
		return RC_LIMIT;
	n = pread(SESSION_REQUEST_FD, mem, h->len, 0);
	close(SESSION_REQUEST_FD);
	if (n < 0)
		return RC_IO;
	if ((size_t)n != h->len)
		return RC_EOF;
	rc = request_parse(slice_of(mem, h->len), r);
	return rc == RC_OK && r->op != h->op ? RC_MISMATCH : rc;
}

static void widen(int conn)
{
	/* Of what the peer may send ahead of us, for file contents: the kernel's
	 * default of 256 KiB leaves the sender waiting for us in between. */
	static const uint64_t size = 1 << 20;

	/* Only speed depends on it, and a Unix socket has none. */
	(void)setsockopt(conn, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof size);
	(void)setsockopt(conn, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof size);
}

static void serve(int conn, const struct request *r)
{
	switch (r->op) {
	case OP_EXEC: exec_serve(conn, r); break;
	case OP_PUSH:
		widen(conn);
		push_serve(conn, r);
		break;
	case OP_PULL:
		widen(conn);
		pull_serve(conn, r);
		break;
	default: session_fail(conn, ERR_PROTOCOL, "not an operation of a session"); break;
	}
}

int session_main(void)
{
	static struct request r;
	struct session_handover h = { 0, 0 };
	enum rc rc = take_work(&h);

	if (rc == RC_EOF)
		return 0;
	if (rc != RC_OK) {
		log_line("cannot take over a connection: %s", rc_str(rc));
		return 1;
	}
	/* The channel role worked without waiting; a session waits. */
	if (fcntl(SESSION_CONN_FD, F_SETFL, 0) != 0)
		log_line("connection: %m");
	rc = read_request(&r, &h);
	if (rc != RC_OK) {
		session_fail(SESSION_CONN_FD, ERR_PROTOCOL, "the request is malformed");
		return 1;
	}
	serve(SESSION_CONN_FD, &r);
	return 0;
}
