/* appliance/gate.h against a PID 1 whose security module fails: when the certificate's
 * document is asked for again.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/manifest.h"
#include "appliance/broker.h"
#include "appliance/gate.h"
#include "appliance/touchlog.h"
#include "tests/unit/test.h"

static int gate = -1, said = -1;
static pid_t pid;

static void begin(void)
{
	int pair[2], lines[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(pipe2(lines, O_CLOEXEC | O_NONBLOCK) == 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		log_to(lines[1]);
		_exit(gate_main(-1, pair[1], touchlog_fd, -1, false));
	}
	close(pair[1]);
	close(lines[1]);
	gate = pair[0];
	said = lines[0];
}

/* The next question is for the certificate's document, and is answered so. */
static void refuse(enum rc rc)
{
	struct broker_request r = { 0 };
	struct broker_event e = { .rc = rc };

	CHECK(recv(gate, &r, sizeof r, 0) == sizeof r);
	CHECK(r.mark == 0 && r.nonce_len == 0 && r.key_len > 0);
	CHECK(send(gate, &e, sizeof e, 0) == sizeof e);
}

/* Has it said that the certificate was not renewed? */
static bool complained(void)
{
	char text[4096];
	ssize_t n = read(said, text, sizeof text);

	return n > 0 && memmem(text, (size_t)n, "not renewed", 11) != NULL;
}

static void end(void)
{
	int status = -1;

	CHECK(shutdown(gate, SHUT_WR) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	io_close(&gate);
	io_close(&said);
}

/* A module that fails is left alone for a while, also when a touch has made the
 * certificate outdated. */
static void failing(void)
{
	int64_t from_ms;

	touchlog_shared->touches = 1;
	begin();
	from_ms = clock_mono_ms();
	CHECK(!complained());
	refuse(RC_IO);
	refuse(RC_IO);
	CHECK(complained());
	CHECK(clock_mono_ms() - from_ms >= GATE_RETRY_MS);
	end();
}

/* What PID 1 has read before it starts the gate. */
static void put_manifest(void)
{
	struct manifest m = { .channel = CHANNEL_OPEN, .main = MANIFEST_NO_MAIN };
	struct wbuf w = wbuf_of(touchlog_shared->manifest, sizeof touchlog_shared->manifest);

	manifest_put(&w, &m);
	touchlog_shared->manifest_len = w.len;
}

/* Without a policy nothing is let through: it does not start. */
static void without_manifest(void)
{
	int status;

	begin();
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1);
	close(gate);
	close(said);
}

int main(void)
{
	CHECK(touchlog_open(-1) == RC_OK);
	without_manifest();
	put_manifest();
	failing();
	return test_end();
}
