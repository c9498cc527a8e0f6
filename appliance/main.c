/* The enclave's one executable: which role this process has. PID 1 is the
 * init; it starts the others from the same file and names the role in
 * argv[0].
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/log.h"
#include "appliance/confine.h"
#include "appliance/gate.h"
#include "appliance/init.h"
#include "appliance/spawn.h"
#include "channel/admit.h"
#include "channel/listen.h"
#include "channel/session.h"

static_assert((int)ADMIT_FD == (int)SPAWN_FD_PAIR &&
                      (int)ADMIT_LISTENER_FD == (int)SPAWN_FD_LISTENER &&
                      (int)SESSION_HANDOVER_FD == (int)SPAWN_FD_PAIR,
              "roles find their descriptors");

static int channel_role(void)
{
	log_name("channel");
	if (confine_oom(OOM_ROLE) != RC_OK || confine_role(SPAWN_FD_ROOT, UID_CHANNEL) != RC_OK)
		return 1;
	return listen_main();
}

static int gate_role(void)
{
	log_name("gate");
	if (confine_oom(OOM_ROLE) != RC_OK || confine_role(SPAWN_FD_ROOT, UID_GATE) != RC_OK)
		return 1;
	return gate_main();
}

static int session_role(void)
{
	log_name("session");
	if (confine_oom(OOM_APP) != RC_OK || confine_app() != RC_OK)
		return 1;
	return session_main();
}

static int app_role(char **argv)
{
	static char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		NULL
	};

	log_name("app");
	if (confine_oom(OOM_APP) != RC_OK || confine_app() != RC_OK)
		return 1;
	environ = (char **)(uintptr_t)env;
	execvp(argv[1], argv + 1);
	log_line("%s: %s", argv[1], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

int main(int argc, char **argv)
{
	const char *role = argc > 0 ? argv[0] : "";

	if (getpid() == 1)
		init_main();
	if (strcmp(role, "channel") == 0)
		return channel_role();
	if (strcmp(role, "gate") == 0)
		return gate_role();
	if (strcmp(role, "session") == 0)
		return session_role();
	if (strcmp(role, "app") == 0 && argc > 1)
		return app_role(argv);
	fprintf(stderr, "%s: this is the init of an enclave and runs only as its process 1\n",
	        role);
	return 2;
}
