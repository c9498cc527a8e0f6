#include "appliance/init.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/manifest.h"
#include "appliance/base/port.h"
#include "appliance/broker.h"
#include "appliance/confine.h"
#include "appliance/front.h"
#include "appliance/gate.h"
#include "appliance/measure.h"
#include "appliance/spawn.h"
#include "appliance/supervisor.h"
#include "appliance/touchlog.h"
#include "attest/nsm.h"
#include "boot/clock.h"
#include "boot/early.h"
#include "boot/entropy.h"
#include "boot/loopback.h"
#include "boot/root.h"
#include "channel/frame.h"
#include "channel/listen.h"
#include "net/stack.h"
#include "net/tun.h"

#define PROC_IPV4 "/proc/sys/net/ipv4/"

/* Open files of any process: what programs expect, and what they may ask for. */
enum { FILES_SOFT = 1024, FILES_HARD = 65536 };

static struct {
	int nsm;
	int empty;                /* an empty folder, roles' root */
	int cgroups;              /* the control groups' root */
	struct manifest manifest; /* points into the shared memory */
} b = { .nsm = -1, .empty = -1, .cgroups = -1 };

static enum rc step_process(void)
{
	static const struct rlimit files = { FILES_SOFT, FILES_HARD }, core = { 0, 0 };
	sigset_t all;
	int console;

	sigfillset(&all);
	umask(022);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    setrlimit(RLIMIT_CORE, &core) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    spawn_init() != RC_OK)
		return RC_IO;
	/* The app has the console too and may stop its output: our lines go by another
	 * open file, which does not wait. */
	console = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (console < 0)
		return RC_IO;
	log_to(console);
	return RC_OK;
}

static enum rc step_entropy(void)
{
	struct entropy_seed seed;
	enum rc rc = entropy_source("/sys/class/misc/hw_random/rng_current");

	if (rc != RC_OK)
		return rc;
	rc = nsm_open("/dev/nsm", &b.nsm);
	if (rc == RC_OK)
		rc = nsm_random(b.nsm, seed.bytes, sizeof seed.bytes);
	if (rc != RC_OK) {
		log_line("entropy: the security module gives none: %s (%m)", rc_str(rc));
		return rc;
	}
	return entropy_credit(&seed);
}

static enum rc step_memory(void)
{
	return touchlog_open(b.nsm);
}

static enum rc step_manifest(void)
{
	static const char *const modes[] = {
		[CHANNEL_OFF] = "off, nobody listens",
		[CHANNEL_OPEN] = "open, whoever reaches it is root in the app's root"
	};
	struct touchlog_shared *s = touchlog_shared;
	enum rc rc = io_read_file("/manifest", s->manifest, sizeof s->manifest, &s->manifest_len);

	if (rc == RC_OK)
		rc = manifest_parse(slice_of(s->manifest, s->manifest_len), &b.manifest);
	if (rc != RC_OK) {
		log_line("manifest: the second ramdisk's /manifest: %s (%m)", rc_str(rc));
		return rc;
	}
	log_line("manifest: channel %s; services: %zu", modes[b.manifest.channel],
	         b.manifest.services);
	return RC_OK;
}

static enum rc step_measure(void)
{
	return measure(b.nsm, touchlog_shared);
}

static enum rc step_network(void)
{
	/* As in containers: whoever may open a socket may ping, and listen on any port.
	 * Segments as large as they can be, however long the way is: what leaves here costs
	 * by the packet. A round trip of 2^31 microseconds would make them smaller. */
	if (loopback_up() == RC_OK && tun_open("tun0", TUN_ENCLAVE, &broker_role.tun) == RC_OK &&
	    io_put_file(AT_FDCWD, PROC_IPV4 "ping_group_range", "0 2147483647") == RC_OK &&
	    io_put_file(AT_FDCWD, PROC_IPV4 "ip_unprivileged_port_start", "0") == RC_OK &&
	    io_put_file(AT_FDCWD, PROC_IPV4 "tcp_tso_rtt_log", "31") == RC_OK)
		return RC_OK;
	log_line("network: cannot be set up: %m");
	return RC_IO;
}

static enum rc step_root(void)
{
	enum rc rc = root_mount();

	if (rc != RC_OK)
		return rc;
	if (mkdir("/empty", 0555) == 0)
		b.empty = open("/empty", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b.cgroups = open(ROOT_CGROUPS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b.empty < 0 || b.cgroups < 0) {
		log_line("root: no empty folder, or no control groups: %m");
		return RC_IO;
	}
	rc = root_enter();
	return rc == RC_OK ? confine_init() : rc;
}

static enum rc prepare(struct role *r, uint32_t port, int backlog)
{
	r->root = b.empty;
	r->listener = port_listen(port, backlog);
	return r->listener < 0 ? RC_IO : RC_OK;
}

/* What the supervisor starts. */
static enum rc step_roles(void)
{
	enum rc rc = RC_OK;

	front_operations = b.manifest.operations;
	touchlog_shared->services = b.manifest.services;
	front_forget();
	launch_role.root = b.cgroups;
	launch_role.shared = broker_role.shared = touchlog_fd;
	if (b.manifest.channel != CHANNEL_OFF)
		rc = prepare(&front_role, CHANNEL_PORT, PENDING_BACKLOG);
	if (rc == RC_OK)
		rc = prepare(&broker_role, STACK_PORT_LINK, GATE_BACKLOG);
	return rc;
}

static const struct {
	const char *name;
	enum rc (*run)(void);
} steps[] = {
	{ "console", early_console },  { "process", step_process },     { "mounts", early_mounts },
	{ "entropy", step_entropy },   { "clock", clock_step },         { "memory", step_memory },
	{ "manifest", step_manifest }, { "measurement", step_measure }, { "network", step_network },
	{ "root", step_root },         { "roles", step_roles },
};

_Noreturn void init_main(void)
{
	log_name("init");
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (steps[i].run() == RC_OK)
			continue;
		log_line("boot failed at %s; ending the enclave", steps[i].name);
		supervisor_reset();
	}
	supervise(b.nsm, b.manifest.stop_ms);
}
