#include "channel/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"

void session_end(int conn, struct slice last, int64_t wait_ms)
{
	static uint8_t scrap[16384];
	int64_t until_ms = clock_mono_ms() + wait_ms;

	while (io_wait(conn, last.len > 0 ? POLLOUT : POLLIN, until_ms) == RC_OK) {
		bool sending = last.len > 0;
		ssize_t n = sending ? send(conn, last.p, last.len, MSG_DONTWAIT | MSG_NOSIGNAL)
		                    : recv(conn, scrap, sizeof scrap, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return;
		if (sending && n > 0)
			last = slice_of(last.p + n, last.len - (size_t)n);
	}
}

void session_fail(int conn, enum error_code code, const char *text)
{
	uint8_t mem[FRAME_HEAD + ERROR_TEXT_MAX + 16];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	error_put(&w, code, text);
	session_end(conn, wbuf_slice(&w), SESSION_DRAIN_MS);
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

bool session_request(struct request *r, const struct admit_request *m, size_t len)
{
	return len > ADMIT_HEAD &&
	       request_parse(slice_of(m->request, len - ADMIT_HEAD), r) == RC_OK && r->op == m->op;
}

static int serve(int conn, const struct admit_request *m, size_t len)
{
	static struct request r;
	bool good = session_request(&r, m, len);

	/* The channel role worked without waiting; a session waits. */
	(void)fcntl(conn, F_SETFL, 0);
	if (!good || r.op > OP_PULL) {
		session_fail(conn, ERR_PROTOCOL, "the request is malformed");
		return 1;
	}
	if (r.op != OP_EXEC)
		widen(conn);
	switch (r.op) {
	case OP_EXEC: exec_serve(conn, &r); break;
	case OP_PUSH: push_serve(conn, &r); break;
	default: pull_serve(conn, &r); break;
	}
	return 0;
}

int session_main(int pair)
{
	static struct admit_request m;
	int conn;
	ssize_t len = pass_recv(pair, &m, sizeof m, 0, &conn);

	if (conn >= 0)
		return serve(conn, &m, (size_t)len);
	if (len != 0)
		log_line("cannot take over a connection: %s",
		         len > 0 ? "there is none" : strerror(errno));
	return len != 0; /* at the end there is no work */
}
