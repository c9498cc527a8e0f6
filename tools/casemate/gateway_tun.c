/* Theory of operation.
 *
 * Two processes. The first makes everything, starts the second and waits for its end
 * or a signal; then it takes everything away. The second carries packets
 * (tunnel.h) and owns the device, which is gone with it, whatever it dies of: only
 * then the rules go, so that nothing passes without them. It does not outlive the
 * first.
 *
 *   rules    before the device, so that nothing passes without them
 *   device
 *   settings of the device; then forwarding, last
 *   packets
 */
#include "tools/casemate/gateway_tun.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/stack.h"
#include "net/tun.h"
#include "tools/casemate/route.h"
#include "tools/casemate/rules.h"
#include "tools/casemate/text.h"
#include "tools/casemate/tunnel.h"
#include "tools/casemate/verb.h"

/* --- at the start ------------------------------------------------------------------ */

/* The device that has the gateway's address; false: none. */
static bool find_gateway(char device[IF_NAMESIZE])
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (one = all; one != NULL && !found; one = one->ifa_next) {
		const struct sockaddr_in *a = (const void *)one->ifa_addr;

		if (a == NULL || a->sin_family != AF_INET ||
		    memcmp(&a->sin_addr, tun_gateway4 + PACKET_V4, 4) != 0)
			continue;
		found = true;
		strncpy(device, one->ifa_name, IF_NAMESIZE - 1);
	}
	freeifaddrs(all);
	return found;
}

static bool may_start(void)
{
	char device[IF_NAMESIZE] = "";

	if (geteuid() != 0)
		say("--tun needs root: it makes a network device and rules; without --tun none is "
		    "needed");
	else if (access("/dev/net/tun", R_OK | W_OK) != 0)
		say("--tun needs /dev/net/tun: %m; modprobe tun makes it");
	else if (find_gateway(device))
		say("%s has 10.7.0.1 already: another gateway --tun runs here, and there can be "
		    "one in a network namespace",
		    device);
	else if (if_nametoindex(GATEWAY_TUN_DEVICE) != 0)
		say("there is a device " GATEWAY_TUN_DEVICE
		    " already; ip link delete " GATEWAY_TUN_DEVICE
		    " removes it, if nobody needs it");
	else
		return true;
	return false;
}

/* So that a host's own connections to a port of its loopback can be sent there, and
 * nothing that the enclave says about routes is believed. */
static bool set_device(void)
{
	static const struct sysctls device = {
		.n = 2,
		.s = { { .path = "net/ipv4/conf/" GATEWAY_TUN_DEVICE "/route_localnet",
		         .now = "1" },
		       { .path = "net/ipv4/conf/" GATEWAY_TUN_DEVICE "/accept_redirects",
		         .now = "0" } },
	};

	if (route_loopback6(GATEWAY_TUN_DEVICE))
		return sysctl_apply(&device);
	say("cannot route ::1 by " GATEWAY_TUN_DEVICE ": %m");
	return false;
}

static bool make_device(int *tun)
{
	if (tun_open(GATEWAY_TUN_DEVICE, TUN_GATEWAY, tun) == RC_OK)
		return set_device();
	if (errno == EACCES || errno == EAFNOSUPPORT)
		say("cannot give " GATEWAY_TUN_DEVICE " its addresses: %m; is IPv6 off "
		    "(net.ipv6.conf.default.disable_ipv6)?");
	else
		say("cannot make the device " GATEWAY_TUN_DEVICE ": %m");
	return false;
}

/* --- the two processes --------------------------------------------------------------- */

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
enum { WATCHED = sizeof watched / sizeof watched[0] };

static sigset_t watched_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < WATCHED; i++)
		sigaddset(&set, watched[i]);
	return set;
}

static pid_t start_tunnel(const struct target *t, int tun, int link, const sigset_t *before)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_FAILED);
	/* Signals of a terminal are for both; it must not be the one to notice first. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigprocmask(SIG_SETMASK, before, NULL);
	_exit(tunnel_serve(t, tun, link));
}

/* Until it ends or we are told to: the exit status. */
static int await(pid_t pid)
{
	sigset_t set = watched_set();
	int status, sig;

	do {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (WIFEXITED(status))
				return WEXITSTATUS(status);
			say("the process that carries packets died of signal %d", WTERMSIG(status));
			return STATUS_FAILED;
		}
	} while (sigwait(&set, &sig) != 0 || sig == SIGCHLD);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return STATUS_OK;
}

/* Owns link. */
static int serve(const struct gateway *g, int link, bool (*ready)(const struct gateway *g),
                 const sigset_t *before, const struct sysctls *s)
{
	int tun = -1, status = STATUS_FAILED;
	pid_t pid = -1;

	if (make_device(&tun) && sysctl_apply(s)) {
		pid = start_tunnel(&g->target, tun, link, before);
		if (pid < 0)
			say("cannot start a process: %m");
	}
	io_close(&tun);
	io_close(&link);
	if (pid > 0 && !ready(g)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	} else if (pid > 0) {
		status = await(pid);
	}
	return status;
}

int gateway_tun_serve(const struct gateway *g, bool (*ready)(const struct gateway *g))
{
	static struct sysctls s;
	struct rules r = { GATEWAY_TUN_DEVICE, g->port, g->ports, &g->destinations, &s };
	sigset_t set = watched_set(), before;
	int link, status = STATUS_FAILED;

	if (!may_start() || !rules_left(&s) ||
	    (link = target_dial(&g->target, STACK_PORT_LINK)) < 0)
		return STATUS_FAILED;
	/* From here on nothing ends this process but the end of serve(). */
	sigprocmask(SIG_BLOCK, &set, &before);
	sysctl_router(&s);
	if (rules_apply(&r)) {
		status = serve(g, link, ready, &before, &s);
		if (!sysctl_restore(&s))
			status = STATUS_FAILED;
		if (!rules_remove())
			status = STATUS_FAILED;
	} else {
		io_close(&link);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
