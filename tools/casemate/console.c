/* casemate console: what an enclave printed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/conlog.h"
#include "tools/casemate/monitor.h"
#include "tools/casemate/nitro.h"
#include "tools/casemate/state.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum { CHUNK = 65536 };

/* Shows fd from where it stands to its end; false when nobody takes it. */
static bool show_rest(int fd)
{
	static char buf[CHUNK];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0) {
		if (!conlog_show(STDOUT_FILENO, buf, (size_t)n)) {
			if (errno != EPIPE)
				say("cannot write: %m");
			return false;
		}
	}
	return true;
}

static int open_file(const char *name, const char *file)
{
	char path[STATE_PATH_MAX];

	state_path(path, name, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Waits for a change of the folder or the monitor's end; false on the latter. */
static bool wait_change(int events, int monitor)
{
	char buf[4096];
	struct pollfd p[2] = {
		{ .fd = events, .events = POLLIN },
		{ .fd = monitor, .events = POLLIN },
	};

	if (poll(p, 2, -1) < 0)
		return errno == EINTR;
	if (p[0].revents != 0 && read(events, buf, sizeof buf) < 0 && errno != EINTR)
		return false;
	return p[1].revents == 0;
}

/* Goes on with the new file when the monitor has begun one. */
static bool step_over(const char *name, int *fd)
{
	int newer = open_file(name, STATE_CONSOLE);
	struct stat here, there;
	bool ok = true;

	if (newer < 0 || fstat(*fd, &here) < 0 || fstat(newer, &there) < 0 ||
	    here.st_ino == there.st_ino) {
		io_close(&newer);
		return true;
	}
	ok = show_rest(*fd);
	io_close(fd);
	*fd = newer;
	return ok;
}

static bool follow(const char *name, int *fd)
{
	char path[STATE_PATH_MAX];
	int events = inotify_init1(IN_CLOEXEC), monitor = monitor_connect(name);
	bool ok = true, alive = monitor >= 0;

	state_path(path, name, "");
	if (events < 0 || inotify_add_watch(events, path, IN_MODIFY | IN_CREATE) < 0)
		alive = false; /* it ended a moment ago */
	do {
		ok = show_rest(*fd) && (!alive || step_over(name, fd)) && show_rest(*fd);
		if (!ok || !alive)
			break;
		alive = wait_change(events, monitor);
	} while (true);
	io_close(&events);
	io_close(&monitor);
	return ok;
}

static int show_last(const char *name)
{
	char path[STATE_PATH_MAX];
	bool ok;
	int fd;

	state_last_path(path, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		say("no enclave is named %s; casemate ps shows which run", name);
		return STATUS_FAILED;
	}
	say("%s has ended; its last console:", name);
	ok = show_rest(fd);
	io_close(&fd);
	return ok ? STATUS_OK : STATUS_FAILED;
}

static int show(const char *name, bool following)
{
	int fd, old;
	bool ok;

	fd = open_file(name, STATE_CONSOLE);
	if (fd < 0)
		return show_last(name);
	old = open_file(name, STATE_CONSOLE_OLD);
	ok = (old < 0 || show_rest(old)) && (following ? follow(name, &fd) : show_rest(fd));
	io_close(&old);
	io_close(&fd);
	return ok ? STATUS_OK : STATUS_FAILED;
}

static int console_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool following = false;
	struct enclave e;

	while (verb_option(&verb_console, argc, argv, ":hf", longs) != -1)
		following = true;
	if (argc - optind != 1)
		verb_misuse(&verb_console, "needs one NAME");
	if (!state_name_ok(argv[optind])) {
		say("%s is not a name of casemate run", argv[optind]);
		return STATUS_FAILED;
	}
	if (!state_load(argv[optind], &e) || e.backend == BACKEND_EMULATOR)
		return show(argv[optind], following);
	if (!e.debug) {
		say("%s has no console: a nitro enclave has one only when it was run with --debug",
		    e.name);
		return STATUS_FAILED;
	}
	nitro_console(&e);
	return STATUS_FAILED;
}

static const char help_text[] =
	"Shows the console of an enclave of `casemate run`, the last 4 to 8 MiB of it; of\n"
	"one that ended unasked, what it printed last. With the nitro backend that takes\n"
	"`run --debug`, and nitro-cli shows it and goes on.\n"
	"\n"
	"  -f, --follow   go on until the enclave ends\n"
	"\n"
	"examples:\n"
	"  casemate console demo | tail\n"
	"  casemate console -f demo\n";

const struct verb verb_console = {
	.name = "console",
	.summary = "show what an enclave printed",
	.usage = "[-f] NAME",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = console_main,
};
