/* casemate run: starts an enclave and waits until it is ready. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/child.h"
#include "tools/casemate/conlog.h"
#include "tools/casemate/monitor.h"
#include "tools/casemate/nitro.h"
#include "tools/casemate/run.h"
#include "tools/casemate/state.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	DEFAULT_CPUS = 2,
	DEFAULT_MEMORY_MIB = 256,
	MEMORY_STEP_MIB = 64,
	/* The image is in memory twice while it is unpacked, beside the kernel. */
	KERNEL_MIB = 26,
	CONSOLE_LINES = 20,
	MIB = 1 << 20,
};

enum { OPT_NAME = 256, OPT_CPUS, OPT_MEMORY, OPT_BACKEND, OPT_DEBUG, OPT_ALLOW, OPT_NETWORK };

static const char isolated[] = "none";

struct run {
	struct enclave e;
	bool named;
	uint64_t image_mib; /* rounded up */
	bool isolated;      /* no network */
	struct gateway gateway;
};

static void set_name(struct run *r, const char *name)
{
	if (!state_name_ok(name))
		verb_misuse(&verb_run,
		            "--name %s: 1 to %d letters, digits, - _ . are a name, the "
		            "first a letter or digit",
		            name, STATE_NAME_MAX - 1);
	snprintf(r->e.name, sizeof r->e.name, "%s", name);
	r->named = true;
}

static void set_backend(struct run *r, const char *name)
{
	if (strcmp(name, "nitro") == 0)
		r->e.backend = BACKEND_NITRO;
	else if (strcmp(name, "emulator") == 0)
		r->e.backend = BACKEND_EMULATOR;
	else
		verb_misuse(&verb_run, "--backend %s: emulator or nitro", name);
}

static void add_port(struct run *r, const char *arg)
{
	if (r->gateway.ports == PUBLISH_MAX)
		verb_misuse(&verb_run, "at most %d times -p", PUBLISH_MAX);
	if (!publish_parse(arg, &r->gateway.port[r->gateway.ports++]))
		verb_misuse(&verb_run, PUBLISH_MISUSE, arg);
}

static bool add_allowed(struct run *r, const char *arg)
{
	struct destinations *d = &r->gateway.destinations;
	size_t at = strlen(r->e.network), max = sizeof r->e.network - at;

	return d->n < DESTINATIONS_MAX && destinations_parse(arg, &d->allowed[d->n++]) &&
	       snprintf(r->e.network + at, max, "%s%s", at > 0 ? " " : "", arg) < (int)max;
}

static void allow(struct run *r, const char *arg)
{
	if (r->gateway.destinations.n == DESTINATIONS_MAX)
		verb_misuse(&verb_run, "at most %d times --allow", DESTINATIONS_MAX);
	if (!add_allowed(r, arg))
		verb_misuse(&verb_run, DESTINATIONS_MISUSE, arg);
}

static void set_network(struct run *r, const char *name)
{
	if (strcmp(name, isolated) != 0 && strcmp(name, "user") != 0)
		verb_misuse(&verb_run, "--network %s: user or none", name);
	r->isolated = strcmp(name, isolated) == 0;
}

static const char *parse(struct run *r, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "name", required_argument, NULL, OPT_NAME },
		{ "cpus", required_argument, NULL, OPT_CPUS },
		{ "memory", required_argument, NULL, OPT_MEMORY },
		{ "backend", required_argument, NULL, OPT_BACKEND },
		{ "debug", no_argument, NULL, OPT_DEBUG },
		{ "publish", required_argument, NULL, 'p' },
		{ "allow", required_argument, NULL, OPT_ALLOW },
		{ "network", required_argument, NULL, OPT_NETWORK },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = verb_option(&verb_run, argc, argv, ":hp:", longs)) != -1) {
		if (c == OPT_NAME)
			set_name(r, optarg);
		else if (c == OPT_BACKEND)
			set_backend(r, optarg);
		else if (c == 'p')
			add_port(r, optarg);
		else if (c == OPT_ALLOW)
			allow(r, optarg);
		else if (c == OPT_NETWORK)
			set_network(r, optarg);
		else if (c == OPT_DEBUG)
			r->e.debug = true;
		else if (c == OPT_CPUS && !text_number(optarg, 1, 255, &r->e.cpus))
			verb_misuse(&verb_run, "--cpus %s: a number from 1 to 255", optarg);
		else if (c == OPT_MEMORY && !text_number(optarg, 1, 1 << 20, &r->e.memory_mib))
			verb_misuse(&verb_run, "--memory %s: a number of MiB", optarg);
	}
	if (argc - optind != 1)
		verb_misuse(&verb_run, "needs one IMAGE");
	if (r->isolated && (r->gateway.ports > 0 || r->gateway.destinations.n > 0))
		verb_misuse(&verb_run, "--network none leaves nothing to -p and --allow");
	if (r->isolated)
		snprintf(r->e.network, sizeof r->e.network, "%s", isolated);
	return argv[optind];
}

/* --- the image ---------------------------------------------------------------- */

static bool check_image(struct run *r, const char *image)
{
	char magic[4] = "";
	struct stat st;
	bool ok = false;
	int fd;

	fd = open(image, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		say("cannot read the image %s: %m", image);
	else if (!S_ISREG(st.st_mode) || io_read_full(fd, magic, sizeof magic) != RC_OK ||
	         memcmp(magic, ".eif", sizeof magic) != 0)
		say("%s is not an enclave image; casemate-image build makes one", image);
	else if (realpath(image, r->e.image) == NULL)
		say("cannot find the image %s: %m", image);
	else if (strpbrk(r->e.image, "\n\r") != NULL)
		say("the path of %s has a line break: give it another name", image);
	else
		ok = true;
	if (ok)
		r->image_mib = ((uint64_t)st.st_size + MIB - 1) / MIB;
	io_close(&fd);
	return ok;
}

static bool check_memory(struct run *r)
{
	uint64_t least = 2 * r->image_mib + KERNEL_MIB, usual = 4 * r->image_mib;

	if (r->e.memory_mib == 0) {
		usual = (usual + MEMORY_STEP_MIB - 1) / MEMORY_STEP_MIB * MEMORY_STEP_MIB;
		r->e.memory_mib = usual < DEFAULT_MEMORY_MIB ? DEFAULT_MEMORY_MIB : (uint32_t)usual;
		return true;
	}
	if (r->e.memory_mib >= least)
		return true;
	say("%s needs more than --memory %" PRIu32 ": the image has %" PRIu64 " MiB, is in memory "
	    "twice while it is unpacked, and needs %d MiB for the kernel; give it %" PRIu64
	    " or more",
	    r->e.image, r->e.memory_mib, r->image_mib, KERNEL_MIB, usual > least ? usual : least);
	return false;
}

/* From the file's name: "web.eif" becomes "web". */
static void default_name(struct enclave *e)
{
	const char *base = strrchr(e->image, '/') + 1;
	size_t n = strlen(base), at = 0;

	if (n > 4 && strcmp(base + n - 4, ".eif") == 0)
		n -= 4;
	for (size_t i = 0; i < n && at < sizeof e->name - 1; i++) {
		char one[2] = { base[i], '\0' };

		/* state_name_ok() says of one letter whether it may be the first. */
		if (state_name_ok(one) || (at > 0 && strchr("-_.", base[i]) != NULL))
			e->name[at++] = base[i];
	}
	e->name[at] = '\0';
	if (at == 0)
		snprintf(e->name, sizeof e->name, "enclave");
}

/* Before the enclave is started: a port that is not free is told at once. */
static bool open_ports(struct run *r)
{
	struct gateway *g = &r->gateway;
	size_t at = 0;

	if (!publish_open(g->port, g->ports))
		return false;
	for (size_t i = 0; i < g->ports; i++) {
		char text[PUBLISH_TEXT_MAX];

		publish_text(text, &g->port[i]);
		at += (size_t)snprintf(r->e.ports + at, sizeof r->e.ports - at, "%s%s",
		                       at > 0 ? " " : "", text);
	}
	return true;
}
static_assert(PUBLISH_MAX * PUBLISH_TEXT_MAX <= STATE_PORTS_MAX, "all ports as text");

/* --- the emulator ----------------------------------------------------------------- */

/* In a process of its own, which init adopts. */
static _Noreturn void become_monitor(struct monitor_start *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (setsid() < 0 || fork() != 0)
		_exit(0);
	s->e->pid = (uint32_t)getpid();
	if (!state_save(s->e)) {
		state_remove(s->e->name, false);
		dprintf(s->report, "failed what is known of it cannot be kept\n");
		_exit(1);
	}
	s->echo = s->e->debug ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	monitor_main(s);
}

/* The monitor's one line, without its newline; "" when it died. */
static void read_report(int fd, char line[MONITOR_REPORT_MAX])
{
	size_t n = 0;

	while (n < MONITOR_REPORT_MAX - 1) {
		ssize_t r = read(fd, line + n, MONITOR_REPORT_MAX - 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

static void print_ready(const struct enclave *e, int64_t ms)
{
	char text[TEXT_NUMBER_MAX];

	snprintf(text, sizeof text, "%" PRId64 ".%02" PRId64, ms / 1000, ms % 1000 / 10);
	say("%s ready after %s s", e->name, text);
	if (e->ports[0] != '\0')
		say("ports of this host that lead there: %s", e->ports);
	printf("%s\n", e->name);
}

static int report_failure(const struct enclave *e, const char *why)
{
	char path[STATE_PATH_MAX];

	say("%s did not start: %s", e->name, why);
	state_last_path(path, e->name);
	if (access(path, F_OK) == 0 && !e->debug) {
		say("the last lines of its console (%s):", path);
		if (!conlog_tail(path, CONSOLE_LINES))
			say("(empty)");
	}
	return STATUS_FAILED;
}

static int await(struct enclave *e, int report)
{
	char line[MONITOR_REPORT_MAX];

	read_report(report, line);
	if (strncmp(line, "ready ", 6) == 0) {
		print_ready(e, strtoll(line + 6, NULL, 10));
		return STATUS_OK;
	}
	return report_failure(e, strncmp(line, "failed ", 7) == 0 ? line + 7
	                                                          : "its monitor process died");
}

static int run_emulated(struct run *r, int lock)
{
	static struct emulator em;
	struct monitor_start s = { .em = &em,
		                   .e = &r->e,
		                   .lock = lock,
		                   .report = -1,
		                   .echo = -1,
		                   .gateway = r->isolated ? NULL : &r->gateway };
	int pair[2], status = STATUS_FAILED;
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		say("cannot make a socket: %m");
		return STATUS_FAILED;
	}
	s.report = pair[1];
	if (emulator_find(&em) && (pid = fork()) < 0)
		say("cannot start a process: %m");
	if (pid == 0) {
		close(pair[0]);
		become_monitor(&s);
	}
	io_close(&pair[1]);
	if (pid > 0) {
		child_wait(pid);
		/* From here the folder is the monitor's. */
		io_close(&lock);
		status = await(&r->e, pair[0]);
	} else {
		state_remove(r->e.name, false);
	}
	io_close(&pair[0]);
	return status;
}

/* --- nitro ------------------------------------------------------------------------- */

static void *await_end(void *arg)
{
	struct pollfd enclave = { .fd = (int)(intptr_t)arg, .events = POLLIN };

	while (poll(&enclave, 1, -1) < 1)
		;
	_exit(STATUS_OK);
}

/* This process ends with that one, whatever it is waiting for: dialling takes up to
 * DIAL_TIMEOUT_MS. */
static bool end_with(pid_t pid)
{
	int fd = child_fd(pid);
	pthread_t thread;

	return fd >= 0 && pthread_create(&thread, NULL, await_end, (void *)(intptr_t)fd) == 0;
}

/* The enclave's ports, in a process that ends with nitro-cli's, which ends with
 * the enclave; its number goes to report. */
static _Noreturn void become_gateway(struct gateway *g, uint32_t enclave_pid, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = setsid() < 0 ? -1 : fork();

	if (pid != 0)
		_exit(pid < 0 || write(report, &pid, sizeof pid) != sizeof pid);
	close(report);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	g->patient = true;
	_exit(end_with((pid_t)enclave_pid) ? gateway_serve(g) : STATUS_FAILED);
}

static void start_gateway(struct run *r)
{
	int report[2] = { -1, -1 };
	pid_t pid, server;

	if (r->isolated)
		return;
	r->gateway.target.kind = TARGET_NAME;
	memcpy(r->gateway.target.text, r->e.name, sizeof r->e.name);
	pid = pipe2(report, O_CLOEXEC) < 0 ? -1 : fork();
	if (pid == 0)
		become_gateway(&r->gateway, r->e.pid, report[1]);
	if (pid < 0)
		say("cannot start the gateway: %m; casemate gateway does it by itself");
	else
		child_wait(pid);
	io_close(&report[1]);
	if (pid > 0 && io_read_full(report[0], &server, sizeof server) == RC_OK)
		r->e.gateway = (uint32_t)server;
	io_close(&report[0]);
}

static int run_nitro(struct run *r)
{
	int64_t start = clock_mono_ms();

	if (state_save(&r->e) && nitro_run(&r->e)) {
		r->e.life = LIFE_RUNNING;
		start_gateway(r);
		if (state_save(&r->e)) {
			print_ready(&r->e, clock_mono_ms() - start);
			return STATUS_OK;
		}
		if (nitro_terminate(&r->e))
			say("%s was ended again", r->e.name);
	}
	state_remove(r->e.name, false);
	return STATUS_FAILED;
}

static int start(struct run *r, const char *image)
{
	int lock;

	if (!check_image(r, image) || !check_memory(r) || !open_ports(r))
		return STATUS_FAILED;
	if (!r->named)
		default_name(&r->e);
	r->e.started_ms = clock_boot_ms();
	lock = state_claim(&r->e, !r->named);
	if (lock < 0)
		return STATUS_FAILED;
	return r->e.backend == BACKEND_NITRO ? run_nitro(r) : run_emulated(r, lock);
}

static int run_main(int argc, char **argv)
{
	static struct run r = { .e = { .cpus = DEFAULT_CPUS } };
	const char *image;

	r.e.backend = nitro_here() ? BACKEND_NITRO : BACKEND_EMULATOR;
	image = parse(&r, argc, argv);
	return start(&r, image);
}

/* --- once more ----------------------------------------------------------------- */

/* What open_ports() wrote, "ADDR:HOST->ENCLAVE" and a space between. */
static bool same_ports(struct run *r, const char *text)
{
	char copy[STATE_PORTS_MAX], *rest = copy, *one;

	snprintf(copy, sizeof copy, "%s", text);
	while ((one = strsep(&rest, " ")) != NULL) {
		char *arrow = strstr(one, "->");

		if (*one == '\0')
			continue;
		if (arrow == NULL || r->gateway.ports == PUBLISH_MAX)
			return false;
		*arrow = ':';
		memmove(arrow + 1, arrow + 2, strlen(arrow + 2) + 1);
		if (!publish_parse(one, &r->gateway.port[r->gateway.ports++]))
			return false;
	}
	return true;
}

/* What was behind --network or --allow. */
static bool same_network(struct run *r, const char *text)
{
	char copy[STATE_NETWORK_MAX], *rest = copy, *one;

	if (strcmp(text, isolated) == 0) {
		r->isolated = true;
		snprintf(r->e.network, sizeof r->e.network, "%s", text);
		return true;
	}
	snprintf(copy, sizeof copy, "%s", text);
	while ((one = strsep(&rest, " ")) != NULL) {
		if (*one != '\0' && !add_allowed(r, one))
			return false;
	}
	return true;
}

int run_again(const struct enclave *was)
{
	static struct run r;

	r.named = true;
	r.e.backend = was->backend;
	r.e.debug = was->debug;
	r.e.cpus = was->cpus;
	r.e.memory_mib = was->memory_mib;
	memcpy(r.e.name, was->name, sizeof r.e.name);
	if (!same_ports(&r, was->ports) || !same_network(&r, was->network)) {
		say("%s: its ports and network are not known any more: %s, %s; start it with "
		    "casemate run",
		    r.e.name, was->ports, was->network);
		return STATUS_FAILED;
	}
	return start(&r, was->image);
}

static const char help_text[] =
	"Boots IMAGE (an .eif file), waits for its heartbeat and says how long that\n"
	"took. The enclave's name is printed on standard output.\n"
	"\n"
	"  --name NAME         default: the image's file name, with -2, -3, … if taken\n"
	"  --cpus N            default: 2\n"
	"  --memory MIB        default: 256, or four times the image\n"
	"  --backend NAME      emulator or nitro; default: nitro if this machine has\n"
	"                      /dev/nitro_enclaves\n"
	"  -p, --publish [ADDR:]HOST:ENCLAVE[/udp]\n"
	"                      port HOST of this host leads to port ENCLAVE of the enclave,\n"
	"                      as long as it runs; see casemate gateway --help\n"
	"  --allow ADDR[/PREFIX]\n"
	"                      lets the app reach this host itself, or its link; see there, too\n"
	"  --network none      without a gateway: nothing leads in or out\n"
	"  --debug             nitro: debug mode, with a console and PCR0 to 2 zero;\n"
	"                      emulator: shows the console until the enclave is ready\n"
	"\n"
	"An enclave that is not ready within 60 seconds is ended, and the last lines of\n"
	"its console are shown.\n"
	"\n"
	"examples:\n"
	"  casemate run build/demo.eif\n"
	"  casemate run -p 8443:8443 web.eif\n"
	"  name=$(casemate run --memory 3072 --cpus 4 web.eif)\n";

const struct verb verb_run = {
	.name = "run",
	.summary = "start an enclave from an image and wait until it is ready",
	.usage = "[options] IMAGE",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = run_main,
};
