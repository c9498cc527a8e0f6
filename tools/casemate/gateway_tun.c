/* Theory of operation.
 *
 * Two processes. The first makes everything, starts the second, and waits for its end
 * or a signal; then it takes everything away. The second carries packets (tunnel.h),
 * which are hostile, as nobody and without root's rights; so it may itself have become
 * hostile. The device is its, and is gone with it or is taken away after it: only then
 * the rules go, so that nothing passes without them. It does not outlive the first.
 * When it needs a new link, a third connects, since the first is to hear of signals.
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
#include <sys/resource.h>
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

/* From here on only what is open, and no process beside it. */
static bool drop_rights(void)
{
	enum { NOBODY = 65534 };
	const struct rlimit none = { 0, 0 };

	return setgroups(0, NULL) == 0 && setrlimit(RLIMIT_NPROC, &none) == 0 &&
	       setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* A child's end with its parent's. That is forgotten when rights change. */
static void end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(STATUS_FAILED);
}

/* Its number; -1 with errno. pair: the first is ours and the second the child's. */
static pid_t start_tunnel(const struct target *t, int tun, int link, const int pair[2],
                          const sigset_t *before)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	close(pair[0]);
	if (!drop_rights()) {
		say("cannot give up root's rights: %m; --tun needs the first user namespace");
		_exit(STATUS_FAILED);
	}
	end_with(parent);
	/* Signals of a terminal are for both; it must not be the one to notice first. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigprocmask(SIG_SETMASK, before, NULL);
	_exit(tunnel_serve(t, tun, link, pair[1]));
}

static pid_t start_dialler(const struct target *t, int tunnel)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	end_with(parent);
	tunnel_dial(t, tunnel);
	_exit(STATUS_OK);
}

static int status_of(int how)
{
	if (WIFEXITED(how))
		return WEXITSTATUS(how);
	say("the process that carries packets died of signal %d", WTERMSIG(how));
	return STATUS_FAILED;
}

static void end_child(pid_t pid)
{
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* Until it ends or we are told to: the exit status. tunnel is our end of the pair. */
static int await(const struct target *t, pid_t pid, int signals, int tunnel)
{
	struct pollfd p[] = { { signals, POLLIN, 0 }, { tunnel, POLLIN, 0 } };
	struct signalfd_siginfo signal = { .ssi_signo = SIGCHLD };
	pid_t dialler = -1, ended;
	int how, status = -1;

	while (status < 0 && poll(p, 2, -1) >= 0) {
		if (p[1].revents != 0) {
			p[1].fd = -1; /* until that one is done */
			dialler = tunnel_asks(tunnel) ? start_dialler(t, tunnel) : -1;
		}
		if (p[0].revents == 0)
			continue;
		if (read(p[0].fd, &signal, sizeof signal) < 0)
			break;
		if (signal.ssi_signo != SIGCHLD)
			status = STATUS_OK;
		while ((ended = waitpid(-1, &how, WNOHANG)) > 0) {
			if (ended == pid) {
				pid = -1;
				status = status_of(how);
			} else if (ended == dialler) {
				dialler = -1;
				p[1].fd = tunnel;
			}
		}
	}
	end_child(dialler);
	end_child(pid);
	return status < 0 ? STATUS_FAILED : status;
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
	if (pid > 0 && !ready(g))
		end_child(pid);
	else if (pid > 0)
		status = await(&g->target, pid, signals, pair[0]);
	io_close(&signals);
	io_close(&pair[0]);
	return status;
}

/* All but the device stays when that does. */
static bool take_away(struct sysctls *s)
{
	bool restored;

	if (!route_no_device(GATEWAY_TUN_DEVICE)) {
		say("cannot remove " GATEWAY_TUN_DEVICE
		    ": %m; the rules stay: ip link delete " GATEWAY_TUN_DEVICE
		    ", then the next gateway --tun takes them over");
		return false;
	}
	restored = sysctl_restore(s);
	return rules_remove() && restored;
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
		if (!take_away(&s))
			status = STATUS_FAILED;
	} else {
		io_close(&link);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
