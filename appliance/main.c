/* The enclave's one executable: which role this process has. PID 1 is the
 * init; it starts the others from the same file and names the role in
 * argv[0].
 */
#include <string.h>
#include <unistd.h>

#include "appliance/base/log.h"
#include "appliance/confine.h"
#include "appliance/gate.h"
#include "appliance/init.h"
#include "appliance/launch.h"
#include "appliance/spawn.h"
#include "channel/listen.h"
#include "channel/session.h"

int main(int argc, char **argv)
{
	const char *role = argc > 0 ? argv[0] : "";

	if (getpid() == 1)
		init_main();
	log_name(role);
	if (strcmp(role, "channel") == 0)
		return confine_role(SPAWN_FD_ROOT, UID_CHANNEL) == RC_OK
		               ? listen_main(SPAWN_FD_LISTENER, SPAWN_FD_PAIR)
		               : 1;
	if (strcmp(role, "gate") == 0)
		return confine_role(SPAWN_FD_ROOT, UID_GATE) == RC_OK
		               ? gate_main(SPAWN_FD_LISTENER, SPAWN_FD_PAIR, SPAWN_FD_SHARED,
		                           SPAWN_FD_TUN, true)
		               : 1;
	if (strcmp(role, "session") == 0)
		return confine_app() == RC_OK ? session_main(SPAWN_FD_PAIR) : 1;
	if (strcmp(role, "launch") == 0)
		return launch_main(SPAWN_FD_PAIR, SPAWN_FD_ROOT, SPAWN_FD_SHARED);
	log_line("this is the init of an enclave and runs only as its process 1");
	return 2;
}
