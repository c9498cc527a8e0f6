/* Theory of operation.
 *
 * Two processes. The first makes everything, starts the second, connects for it, and
 * waits for its end or a signal; then it takes everything away. The second carries
 * packets (tunnel.h), which are hostile, as nobody and without root's rights. It owns
 * the device, which is gone with it, whatever it dies of: only then the rules go, so
 * that nothing passes without them. It does not outlive the first.
 *
 *   rules    before the device, so that nothing passes without them
 *   device
 *   settings of the device; then forwarding, last
 *   packets
 */
#include "tools/casemate/gateway_tun.h"

#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
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

/* From here on only what is open. A child's signal at the parent's death is lost with
 * its rights, so it is asked for again. */
static bool drop_rights(pid_t parent)
{
	enum { NOBODY = 65534 };

	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

/* Its number; -1 with errno. pair: the first is ours and the second the child's. */
static pid_t start_tunnel(const struct target *t, int tun, int link, const int pair[2],
                          const sigset_t *before)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	close(pair[0]);
	if (!drop_rights(parent)) {
		say("cannot give up root's rights: %m");
		_exit(STATUS_FAILED);
	}
	/* Signals of a terminal are for both; it must not be the one to notice first. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigprocmask(SIG_SETMASK, before, NULL);
	_exit(tunnel_serve(t, tun, link, pair[1]));
}

static bool has_ended(pid_t pid, int *status)
{
	int how;

	if (waitpid(pid, &how, WNOHANG) != pid)
		return false;
	*status = WIFEXITED(how) ? WEXITSTATUS(how) : STATUS_FAILED;
	if (!WIFEXITED(how))
		say("the process that carries packets died of signal %d", WTERMSIG(how));
	return true;
}

/* Until it ends or we are told to: the exit status. tunnel is our end of the pair. */
static int await(const struct target *t, pid_t pid, int signals, int tunnel)
{
	struct pollfd p[] = { { signals, POLLIN, 0 }, { tunnel, POLLIN, 0 } };
	struct signalfd_siginfo signal = { .ssi_signo = SIGCHLD };
	int status = STATUS_OK;

	while (signal.ssi_signo == SIGCHLD && !has_ended(pid, &status)) {
		(void)poll(p, 2, -1);
		if (p[1].revents != 0 && !tunnel_dial(t, tunnel))
			p[1].fd = -1;
		if (p[0].revents != 0 && read(p[0].fd, &signal, sizeof signal) < 0)
			signal.ssi_signo = 0;
	}
	if (signal.ssi_signo != SIGCHLD) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return status;
}

/* Owns link. */
static int serve(const struct gateway *g, int link, bool (*ready)(const struct gateway *g),
                 const sigset_t *before, const struct sysctls *s)
{
	sigset_t set = watched_set();
	int tun = -1, signals = -1, pair[2] = { -1, -1 }, status = STATUS_FAILED;
	pid_t pid = -1;

	if (make_device(&tun) && sysctl_apply(s)) {
		signals = signalfd(-1, &set, SFD_CLOEXEC);
		if (signals >= 0 &&
		    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0)
			pid = start_tunnel(&g->target, tun, link, pair, before);
		if (pid < 0)
			say("cannot start a process: %m");
	}
	io_close(&tun);
	io_close(&link);
	io_close(&pair[1]);
	if (pid > 0 && !ready(g)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	} else if (pid > 0) {
		status = await(&g->target, pid, signals, pair[0]);
	}
	io_close(&signals);
	io_close(&pair[0]);
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
