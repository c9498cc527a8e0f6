/* casemate stop: asks the enclave to shut down, and ends it when it does not. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/host_message.h"
#include "tools/casemate/monitor.h"
#include "tools/casemate/nitro.h"
#include "tools/casemate/stop.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum { KILL_MS = 10000 /* for the monitor to clean up, or nitro-cli's process to end */ };

/* --- waiting -------------------------------------------------------------------- */

static bool readable(int fd, int64_t deadline_ms)
{
	return io_wait(fd, POLLIN, deadline_ms) == RC_OK;
}

static bool read_before(int fd, uint8_t *p, size_t n, int64_t deadline_ms)
{
	while (n > 0) {
		ssize_t r;

		if (!readable(fd, deadline_ms))
			return false;
		r = recv(fd, p, n, MSG_DONTWAIT);
		if (r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		p += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
	return true;
}

/* --- asking the enclave --------------------------------------------------------- */

static bool send_request(int fd)
{
	static struct request r = { .op = OP_STOP };
	uint8_t buf[256];
	struct wbuf w = wbuf_of(buf, sizeof buf);

	request_put(&w, &r);
	return !w.over && send(fd, buf, w.len, MSG_NOSIGNAL) == (ssize_t)w.len;
}

static bool read_answer(const struct target *t, int fd, int64_t deadline_ms)
{
	static uint8_t payload[FRAME_CONTROL_MAX];
	uint8_t head[FRAME_HEAD];
	struct error_msg e;
	struct frame f;

	if (!read_before(fd, head, sizeof head, deadline_ms) ||
	    frame_head(slice_of(head, sizeof head), &f) != RC_OK || f.len > sizeof payload ||
	    !read_before(fd, payload, f.len, deadline_ms)) {
		say("%s gives no answer", t->text);
		return false;
	}
	if (f.type == FRAME_ACCEPT && f.len == 0)
		return true;
	if (f.type == FRAME_ERROR && error_parse(slice_of(payload, f.len), &e) == RC_OK)
		say("%s refuses to shut down: %s: %.*s", t->text, error_name(e.code),
		    (int)e.text.len, (const char *)e.text.p);
	else
		say("%s gives an answer that makes no sense", t->text);
	return false;
}

enum asked {
	ASKED,      /* it said that it shuts down */
	ASKED_VAIN, /* it did not, and why has been said */
	ASKED_NONE, /* there is nobody who could be asked */
};

static enum asked ask(const struct target *t, int64_t deadline_ms)
{
	int fd = -1;
	enum rc rc = target_connect(t, CHANNEL_PORT, &fd);
	bool ok = rc == RC_OK && send_request(fd) && read_answer(t, fd, deadline_ms);

	if (rc != RC_OK && !target_nobody(rc))
		target_say_failure(t, CHANNEL_PORT, rc);
	io_close(&fd);
	return ok ? ASKED : target_nobody(rc) ? ASKED_NONE : ASKED_VAIN;
}

/* Before one is ended from outside. */
static void say_why(const struct target *t, enum asked asked, const char *how)
{
	if (asked == ASKED_NONE)
		say("%s cannot be asked, since its channel is off or it is not up yet: %s", t->text,
		    how);
	else
		say("%s has not shut down: %s", t->text, how);
}

/* --- by backend ------------------------------------------------------------------- */

static bool stop_emulated(const struct target *t, const struct enclave *e, int64_t deadline_ms)
{
	char stopping = CONTROL_STOPPING, end = CONTROL_KILL;
	int fd = monitor_connect(e->name);
	bool gone = false, asks = clock_mono_ms() < deadline_ms;
	enum asked asked = ASKED_VAIN;

	if (fd < 0) {
		say("cannot reach the monitor process of %s (process %" PRIu32 "): %m", e->name,
		    e->pid);
		return false;
	}
	/* A monitor that has just ended takes nothing more, and reads as its end. */
	(void)send(fd, &stopping, 1, MSG_NOSIGNAL);
	if (asks && (asked = ask(t, deadline_ms)) == ASKED)
		gone = readable(fd, deadline_ms);
	if (!gone) {
		if (asks)
			say_why(t, asked, "ending its machine");
		(void)send(fd, &end, 1, MSG_NOSIGNAL);
		gone = readable(fd, clock_mono_ms() + KILL_MS);
		if (!gone)
			say("the monitor process of %s (process %" PRIu32 ") does not end", e->name,
			    e->pid);
	}
	io_close(&fd);
	return gone;
}

/* It ends with the enclave and by itself; only then are its ports free. */
static void await_gateway(const struct enclave *e)
{
	int fd = e->gateway == 0 ? -1 : (int)syscall(SYS_pidfd_open, (pid_t)e->gateway, 0);

	if (fd >= 0 && !readable(fd, clock_mono_ms() + KILL_MS))
		say("the gateway of %s (process %" PRIu32 ") does not end", e->name, e->gateway);
	io_close(&fd);
}

/* nitro-cli's own process ends with the enclave. */
static bool stop_nitro(const struct target *t, const struct enclave *e, int64_t deadline_ms)
{
	enum asked asked = ASKED_VAIN;
	bool ok, asks;
	int fd;

	if (!nitro_alive(e)) {
		state_remove(e->name, false);
		return true;
	}
	fd = (int)syscall(SYS_pidfd_open, (pid_t)e->pid, 0);
	asks = clock_mono_ms() < deadline_ms;
	if (fd >= 0 && asks)
		asked = ask(t, deadline_ms);
	ok = asked == ASKED && readable(fd, deadline_ms);
	if (!ok) {
		if (asks)
			say_why(t, asked, "ending it with nitro-cli terminate-enclave");
		ok = nitro_terminate(e);
	}
	io_close(&fd);
	if (ok) {
		await_gateway(e);
		state_remove(e->name, false);
	}
	return ok;
}

static bool stop_named(const struct target *t, int64_t deadline_ms)
{
	struct enclave e;

	if (!state_load(t->text, &e)) {
		state_say_absent(t->text);
		return false;
	}
	if (e.life == LIFE_DEAD) {
		state_remove(e.name, false);
		return true;
	}
	return e.backend == BACKEND_NITRO ? stop_nitro(t, &e, deadline_ms)
	                                  : stop_emulated(t, &e, deadline_ms);
}

bool stop_enclave(const struct target *t, uint32_t seconds)
{
	int64_t deadline = clock_mono_ms() + (int64_t)seconds * 1000;

	enum asked asked;

	if (t->kind == TARGET_NAME)
		return stop_named(t, deadline);
	asked = ask(t, deadline);
	if (asked == ASKED_NONE)
		target_say_failure(t, CHANNEL_PORT, RC_EOF);
	return asked == ASKED;
}

static bool stop_one(const char *arg, uint32_t seconds)
{
	struct target t;

	if (!target_parse(arg, &t) || !stop_enclave(&t, seconds))
		return false;
	printf("%s\n", t.text);
	return true;
}

static int stop_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "time", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint32_t seconds = STOP_DEFAULT_S;
	int status = STATUS_OK;

	while (verb_option(&verb_stop, argc, argv, ":ht:", longs) != -1) {
		if (!text_number(optarg, 0, STOP_MAX_S, &seconds))
			verb_misuse(&verb_stop, "--time %s: a number of seconds, at most %d",
			            optarg, STOP_MAX_S);
	}
	if (optind == argc)
		verb_misuse(&verb_stop, "needs a TARGET");
	for (int i = optind; i < argc; i++) {
		if (!stop_one(argv[i], seconds))
			status = STATUS_FAILED;
	}
	return status;
}

static const char help_text[] =
	"Asks each enclave to shut down and waits until it is gone. One that refuses, has\n"
	"its channel off or is not gone in time is ended from outside; that is possible\n"
	"for those of `casemate run` only. Each that stopped is printed.\n"
	"\n"
	"  -t, --time SECONDS  how long it may take, default 30; 0 does not ask\n"
	"\n"
	"examples:\n"
	"  casemate stop demo\n"
	"  casemate stop --time 0 demo web\n";

const struct verb verb_stop = {
	.name = "stop",
	.summary = "shut enclaves down",
	.usage = "[--time SECONDS] TARGET…",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = stop_main,
};
