#include "appliance/app.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/confine.h"
#include "appliance/touchlog.h"

static struct {
	struct manifest m;
	char *argv[MANIFEST_ARGV_MAX + 1], *env[MANIFEST_ENV_MAX + 1];
	char text[MANIFEST_MAX + MANIFEST_ARGV_MAX + MANIFEST_ENV_MAX + 1]; /* with NUL */
} app;

/* Its strings end with NUL only here. */
static char *copy(char *at, char **out, const struct slice *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out[i] = at;
		memcpy(at, s[i].p, s[i].len);
		at += s[i].len;
		*at++ = '\0';
	}
	return at;
}

static enum rc read_manifest(int shared)
{
	const struct touchlog_shared *s = mmap(NULL, sizeof *s, PROT_READ, MAP_SHARED, shared, 0);

	io_close(&shared);
	return s == MAP_FAILED ? RC_IO
	                       : manifest_parse(slice_of(s->manifest, s->manifest_len), &app.m);
}

static bool become_user(void)
{
	gid_t groups[MANIFEST_IDS_MAX];
	size_t n = app.m.idc - 2;

	for (size_t i = 0; i < n; i++)
		groups[i] = app.m.ids[2 + i];
	return setgroups(n, groups) == 0 &&
	       setresgid(app.m.ids[1], app.m.ids[1], app.m.ids[1]) == 0 &&
	       setresuid(app.m.ids[0], app.m.ids[0], app.m.ids[0]) == 0;
}

int app_main(int shared)
{
	enum rc rc = read_manifest(shared);
	char *at, *cwd;

	if (rc != RC_OK || app.m.argc == 0) {
		log_line("no main command: %s", rc_str(rc));
		return 126;
	}
	at = copy(app.text, app.argv, app.m.argv, app.m.argc);
	at = copy(at, app.env, app.m.env, app.m.envc);
	(void)copy(at, &cwd, &app.m.cwd, 1);
	environ = app.env;
	if (confine_app() != RC_OK)
		return 126;
	if (!become_user()) {
		log_line("become user %u: %m", app.m.ids[0]);
		return 126;
	}
	if (chdir(cwd) != 0) {
		log_line("enter working directory '%s': %m", cwd);
		return 126;
	}
	execvp(app.argv[0], app.argv);
	log_line("%s: %m", app.argv[0]);
	return errno == ENOENT ? 127 : 126;
}
