#include "tools/casemate/target.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "appliance/base/io.h"
#include "channel/dial.h"
#include "channel/frame.h"
#include "tools/casemate/nitro.h"
#include "tools/casemate/state.h"
#include "tools/casemate/text.h"

static const size_t sun_path_max = sizeof((struct sockaddr_un *)0)->sun_path;

static bool parse_vsock(const char *cid, struct target *t)
{
	t->kind = TARGET_VSOCK;
	if (text_number(cid, 0, UINT32_MAX, &t->cid))
		return true;
	say("%s: vsock: needs a number, the enclave's CID (nitro-cli describe-enclaves shows it)",
	    t->text);
	return false;
}

static bool parse_unix(const char *path, struct target *t)
{
	t->kind = TARGET_UNIX;
	if (*path == '\0')
		say("%s: unix: needs the path of a socket", t->text);
	else if (strlen(path) >= sun_path_max)
		say("%s: the path of a socket has at most %zu bytes", t->text, sun_path_max - 1);
	return *path != '\0' && strlen(path) < sun_path_max;
}

static bool parse_span(const char *s, size_t len, struct target *t)
{
	*t = (struct target){ .kind = TARGET_NAME };
	if (len >= sizeof t->text) {
		say("%.*s: too long for a target", (int)len, s);
		return false;
	}
	memcpy(t->text, s, len);
	if (strncmp(t->text, "vsock:", 6) == 0)
		return parse_vsock(t->text + 6, t);
	if (strncmp(t->text, "unix:", 5) == 0)
		return parse_unix(t->text + 5, t);
	if (state_name_ok(t->text))
		return true;
	say("%s: not a target: NAME (letters, digits, - _ .), vsock:CID or unix:PATH", t->text);
	return false;
}

bool target_parse(const char *s, struct target *t)
{
	return parse_span(s, strlen(s), t);
}

bool target_parse_path(const char *s, struct target *t, const char **path)
{
	size_t kind = 0;
	const char *colon;

	if (strncmp(s, "vsock:", 6) == 0)
		kind = 6;
	else if (strncmp(s, "unix:", 5) == 0)
		kind = 5;
	colon = strchr(s + kind, ':');
	if (colon == NULL || colon[1] == '\0') {
		say("%s: needs a path in the enclave: TARGET:PATH", s);
		return false;
	}
	*path = colon + 1;
	return parse_span(s, (size_t)(colon - s), t);
}

bool target_equal(const struct target *a, const struct target *b)
{
	return a->kind == b->kind && strcmp(a->text, b->text) == 0;
}

bool target_nobody(enum rc rc)
{
	return rc == RC_EOF || (rc == RC_IO && errno == ECONNRESET);
}

/* One of `casemate run` that has ended and was not seen to. */
static bool is_dead(const struct target *t, struct enclave *e)
{
	return t->kind == TARGET_NAME && state_load(t->text, e) &&
	       (e->life == LIFE_DEAD || (e->backend == BACKEND_NITRO && !nitro_alive(e)));
}

void target_say_failure(const struct target *t, uint32_t port, enum rc rc)
{
	struct enclave e;
	int saved = errno;
	bool dead = is_dead(t, &e);

	errno = saved;
	if (dead && e.backend == BACKEND_NITRO)
		say("%s has ended: nitro-cli does not list it; casemate stop %s removes what is "
		    "left",
		    t->text, t->text);
	else if (dead)
		say("%s has ended: its process %u was killed; casemate console %s shows what it "
		    "printed, casemate stop %s removes what is left",
		    t->text, (unsigned)e.pid, t->text, t->text);
	else if (rc == RC_ABSENT)
		state_say_absent(t->text);
	else if (target_nobody(rc))
		say("%s: nobody answers on port %u: the enclave is not up yet, has ended, "
		    "or its %s",
		    t->text, (unsigned)port,
		    port == CHANNEL_PORT ? "channel is off" : "image has no network");
	else if (rc == RC_IO && errno == EAFNOSUPPORT)
		say("%s: this kernel has no vsock (modprobe vsock)", t->text);
	else if (rc == RC_IO)
		say("%s: cannot connect to port %u: %m", t->text, (unsigned)port);
	else if (rc == RC_BAD)
		say("%s: the socket does not answer as a hybrid vsock does", t->text);
	else
		say("%s: cannot connect to port %u: %s", t->text, (unsigned)port, rc_str(rc));
}

static enum rc dial_name(const struct target *t, uint32_t port, int *fd)
{
	char path[STATE_SHORT_MAX];
	struct enclave e;
	enum rc rc;
	int dir;

	*fd = -1;
	if (!state_load(t->text, &e))
		return RC_ABSENT;
	if (e.backend == BACKEND_NITRO)
		return dial_vsock(e.cid, port, fd);
	dir = state_short_path(path, t->text, STATE_VM_SOCKET);
	rc = dir < 0 ? RC_IO : dial_unix(path, port, fd);
	io_close(&dir);
	return rc;
}

enum rc target_connect(const struct target *t, uint32_t port, int *fd)
{
	enum rc rc = RC_BAD;

	switch (t->kind) {
	case TARGET_NAME: rc = dial_name(t, port, fd); break;
	case TARGET_VSOCK: rc = dial_vsock(t->cid, port, fd); break;
	case TARGET_UNIX: rc = dial_unix(t->text + strlen("unix:"), port, fd); break;
	}
	return rc;
}

int target_dial(const struct target *t, uint32_t port)
{
	int fd = -1;
	enum rc rc = target_connect(t, port, &fd);

	if (rc != RC_OK)
		target_say_failure(t, port, rc);
	return fd;
}
