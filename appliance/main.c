/* The enclave's one executable: which role this process has. PID 1 is the
 * init; it starts the others from the same file and names the role in
 * argv[0].
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/log.h"
#include "appliance/confine.h"
#include "appliance/init.h"
#include "appliance/spawn.h"
#include "channel/listen.h"
#include "channel/session.h"

static int channel_role(void)
{
	log_name("channel");
	if (confine_oom(OOM_CHANNEL) != RC_OK || confine_role(SPAWN_FD_B, UID_CHANNEL) != RC_OK)
		return 1;
	return listen_main();
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
	if (strcmp(role, "session") == 0)
		return session_role();
	if (strcmp(role, "app") == 0 && argc > 1)
		return app_role(argv);
	fprintf(stderr, "%s: this is the init of an enclave and runs only as its process 1\n",
	        role);
	return 2;
}
