#include "tools/casemate/nitro.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/child.h"
#include "tools/casemate/conlog.h"
#include "tools/casemate/text.h"

enum { OUTPUT_MAX = 65536 };

struct output {
	char text[OUTPUT_MAX];
	size_t len;
};

/* --- the scanner -------------------------------------------------------------------- */

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct slice s, size_t *at)
{
	while (*at < s.len && is_space(s.p[*at]))
		(*at)++;
}

/* The string whose opening quote is at *at; *plain tells that it has no
 * escapes. False when it does not end. */
static bool take_string(struct slice s, size_t *at, struct slice *out, bool *plain)
{
	size_t from = ++*at;

	*plain = true;
	while (*at < s.len && s.p[*at] != '"') {
		if (s.p[*at] == '\\') {
			*plain = false;
			(*at)++;
		}
		(*at)++;
	}
	if (*at >= s.len)
		return false;
	*out = slice_of(s.p + from, *at - from);
	(*at)++;
	return true;
}

static bool take_value(struct slice s, size_t *at, struct slice *out)
{
	size_t from = *at;
	bool plain;

	if (*at < s.len && s.p[*at] == '"')
		return take_string(s, at, out, &plain) && plain;
	while (*at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9')
		(*at)++;
	*out = slice_of(s.p + from, *at - from);
	return out->len > 0;
}

bool nitro_field(struct slice json, size_t *at, const char *key, char *out, size_t max)
{
	struct slice word, value;
	bool plain;

	while (*at < json.len) {
		if (json.p[*at] != '"') {
			(*at)++;
			continue;
		}
		if (!take_string(json, at, &word, &plain))
			return false;
		skip_space(json, at);
		if (*at >= json.len || json.p[*at] != ':' || !plain || !slice_is(word, key))
			continue;
		(*at)++;
		skip_space(json, at);
		if (!take_value(json, at, &value) || value.len >= max ||
		    memchr(value.p, '\0', value.len) != NULL)
			return false;
		memcpy(out, value.p, value.len);
		out[value.len] = '\0';
		return true;
	}
	return false;
}

/* --- nitro-cli ---------------------------------------------------------------------- */

/* Takes what fd has; what is over the limit is dropped. False at its end. */
static bool collect(int fd, struct output *o)
{
	char rest[4096];
	bool full = o->len == sizeof o->text;
	ssize_t n = full ? read(fd, rest, sizeof rest)
	                 : read(fd, o->text + o->len, sizeof o->text - o->len);

	if (n < 0)
		return errno == EINTR;
	if (!full)
		o->len += (size_t)n;
	return n > 0;
}

static void collect_both(int fds[2], struct output o[2])
{
	while (fds[0] >= 0 || fds[1] >= 0) {
		struct pollfd p[2] = {
			{ .fd = fds[0], .events = POLLIN },
			{ .fd = fds[1], .events = POLLIN },
		};

		if (poll(p, 2, -1) < 0)
			continue; /* EINTR */
		for (int i = 0; i < 2; i++) {
			if (p[i].revents != 0 && !collect(fds[i], &o[i]))
				io_close(&fds[i]);
		}
	}
}

static void show_output(const struct output *o)
{
	char clean[4096], *line, *rest = clean;
	size_t n = o->len < sizeof clean - 1 ? o->len : sizeof clean - 1;

	n = text_clean(clean, sizeof clean, o->text + o->len - n, n, true);
	while (n > 0 && clean[n - 1] == '\n')
		clean[--n] = '\0';
	while (n > 0 && (line = strsep(&rest, "\n")) != NULL)
		dprintf(STDERR_FILENO, "  %s\n", line);
}

/* Runs c to its end; o[0] gets its output, o[1] what it says on standard
 * error. */
static bool ask(struct child *c, struct output o[2])
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, from[2], status;
	pid_t pid = -1;

	o[0].len = o[1].len = 0;
	if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0) {
		c->out = out[1];
		c->err = err[1];
		pid = child_start(c);
	}
	from[0] = out[0];
	from[1] = err[0];
	io_close(&out[1]);
	io_close(&err[1]);
	if (pid < 0) {
		say("cannot start nitro-cli: %m");
		io_close(&from[0]);
		io_close(&from[1]);
		return false;
	}
	collect_both(from, o);
	status = child_wait(pid);
	if (status == 0)
		return true;
	say("nitro-cli %s failed (status %d)%s", c->argv[1], status,
	    status == 127 ? "; is it installed and in PATH?" : "; it said:");
	show_output(&o[1]);
	show_output(&o[0]);
	return false;
}

bool nitro_here(void)
{
	return access("/dev/nitro_enclaves", F_OK) == 0;
}

static bool take_identity(struct enclave *e, const struct output *o)
{
	struct slice json = slice_of(o->text, o->len);
	char cid[16], pid[16];
	size_t at = 0;
	bool ok = nitro_field(json, &at, "EnclaveID", e->id, sizeof e->id) && e->id[0] != '\0';

	at = 0;
	ok = ok && nitro_field(json, &at, "EnclaveCID", cid, sizeof cid) &&
	     text_number(cid, 0, UINT32_MAX, &e->cid);
	at = 0;
	ok = ok && nitro_field(json, &at, "ProcessID", pid, sizeof pid) &&
	     text_number(pid, 1, INT32_MAX, &e->pid);
	if (!ok) {
		say("nitro-cli run-enclave did not say EnclaveID, EnclaveCID and ProcessID:");
		show_output(o);
	}
	return ok;
}

bool nitro_run(struct enclave *e)
{
	static struct output o[2];
	struct child c = child_of("nitro-cli");
	char cpus[16], memory[16];
	const char *const args[] = {
		"run-enclave", "--eif-path", e->image,         "--cpu-count", cpus,
		"--memory",    memory,       "--enclave-name", e->name,
	};

	snprintf(cpus, sizeof cpus, "%u", (unsigned)e->cpus);
	snprintf(memory, sizeof memory, "%u", (unsigned)e->memory_mib);
	for (size_t i = 0; i < sizeof args / sizeof args[0]; i++)
		child_arg(&c, args[i]);
	if (e->debug)
		child_arg(&c, "--debug-mode");
	return ask(&c, o) && take_identity(e, &o[0]);
}

bool nitro_terminate(const struct enclave *e)
{
	static struct output o[2];
	struct child c = child_of("nitro-cli");

	child_arg(&c, "terminate-enclave");
	child_arg(&c, "--enclave-id");
	child_arg(&c, e->id);
	return ask(&c, o);
}

bool nitro_alive(const struct enclave *e)
{
	static struct output o[2];
	static enum { UNASKED, ASKED, UNKNOWN } state;
	char id[sizeof e->id];
	size_t at = 0;

	if (state == UNASKED) {
		struct child c = child_of("nitro-cli");

		child_arg(&c, "describe-enclaves");
		state = ask(&c, o) ? ASKED : UNKNOWN;
	}
	if (state == UNKNOWN)
		return true;
	while (nitro_field(slice_of(o[0].text, o[0].len), &at, "EnclaveID", id, sizeof id)) {
		if (strcmp(id, e->id) == 0)
			return true;
	}
	return false;
}

void nitro_console(const struct enclave *e)
{
	execlp("nitro-cli", "nitro-cli", "console", "--enclave-id", e->id, (char *)NULL);
	say("cannot execute nitro-cli: %m");
}
