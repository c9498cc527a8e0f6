/* What surrounds the launcher of test_launch: its PID 1, whose end of the pair is
 * here, and what it stands on. Services are ordinary commands, their cgroups process
 * groups: what start.c, cgroup.c and confine.c do takes an enclave.
 */
#ifndef TESTS_UNIT_LAUNCH_PEER_H
#define TESTS_UNIT_LAUNCH_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "appliance/base/command.h"
#include "appliance/base/io.h"
#include "appliance/base/pass.h"
#include "appliance/cgroup.h"
#include "appliance/confine.h"
#include "appliance/launch.h"
#include "appliance/start.h"
#include "appliance/touchlog.h"
#include "channel/admit.h"
#include "channel/host_message.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 30000, FDS = 256 };

static char folder[] = "/tmp/test_launch.XXXXXX";

/* --- in the launcher, instead of the enclave's --- */

static pid_t group[FDS]; /* of a cgroup, by its descriptor */

enum rc confine_launch(void)
{
	return RC_OK;
}

enum rc cgroup_init(int root)
{
	return root >= 0 ? RC_OK : RC_IO;
}

enum rc cgroup_make(int root, const char *name, const struct service_policy *p, int *fd)
{
	(void)p;
	if (strcmp(name, "groupless") == 0) {
		errno = EBUSY;
		return RC_IO;
	}
	*fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
	if (*fd >= 0 && *fd < FDS)
		group[*fd] = 0;
	return *fd >= 0 && *fd < FDS ? RC_OK : RC_IO;
}

int cgroup_open(int root, const char *name)
{
	return openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What an earlier launcher left is a file. */
void cgroup_kill(int fd)
{
	(void)unlinkat(fd, "left", 0);
	if (fd >= 0 && group[fd] > 0)
		(void)kill(-group[fd], SIGKILL);
}

bool cgroup_populated(int fd)
{
	return fd >= 0 &&
	       (faccessat(fd, "left", F_OK, 0) == 0 || (group[fd] > 0 && kill(-group[fd], 0) == 0));
}

uint64_t cgroup_number(int fd, const char *file, const char *key)
{
	char path[300];

	(void)fd;
	snprintf(path, sizeof path, "%s/oom", folder);
	return strcmp(file, "memory.events") == 0 && strcmp(key, "oom_kill") == 0 &&
	       access(path, F_OK) == 0;
}

pid_t start(const struct start *s)
{
	const struct service *v = s->service;
	struct slice env[3] = { slice_str("PATH=/usr/bin:/bin"), slice_str("HOME=/"), v->env[0] };
	pid_t pid;

	if (slice_is(v->name, "forkless")) {
		errno = EAGAIN;
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (!s->probe && setsid() < 0)
			_exit(99);
		dup2(s->fds[START_OUT], STDOUT_FILENO);
		dup2(s->fds[START_ERR], STDERR_FILENO);
		if (command_prepare(s->probe ? v->probe : v->argv, s->probe ? v->probec : v->argc,
		                    env, 2 + v->envc, v->cwd) == RC_OK)
			(void)command_run(NULL, 0, SIGKILL);
		dprintf(s->fds[START_TOLD], "cannot execute it: %m");
		_exit(127);
	}
	if (!s->probe)
		group[s->cgroup] = pid;
	return pid;
}

/* --- the manifest --- */

static struct service def[SERVICES_MAX];
static size_t defs;

static struct service *add(const char *name, const char *script)
{
	struct service *s = &def[defs++];

	*s = (struct service){
		.name = slice_str(name),
		.argc = 3,
		.argv = { slice_str("/bin/sh"), slice_str("-c"), slice_str(script) },
		.cwd = slice_str(folder),
		.idc = 2,
		.policy = { .start_ms = PATIENCE_MS,
		            .pause_ms = 1,
		            .pause_max_ms = 1000,
		            .burst_ms = 60000,
		            .stop_signal = SIGTERM,
		            .stop_ms = PATIENCE_MS },
	};
	s->ids[0] = getuid();
	s->ids[1] = getgid();
	return s;
}

static int shared_memory(size_t main, bool keep)
{
	static struct touchlog_shared s;
	static uint8_t mem[SERVICES_MAX][2048];
	struct manifest m = { .channel = CHANNEL_OPEN,
		              .operations = 0x7e,
		              .main = main,
		              .keep = keep,
		              .stop_ms = 10000,
		              .services = defs };
	struct wbuf w = wbuf_of(s.manifest, sizeof s.manifest);
	int fd = memfd_create("shared", MFD_CLOEXEC);

	for (size_t i = 0; i < defs; i++) {
		struct wbuf one = wbuf_of(mem[i], sizeof mem[i]);

		service_put(&one, &def[i]);
		CHECK(!one.over);
		m.service[i] = wbuf_slice(&one);
	}
	manifest_put(&w, &m);
	s.manifest_len = (uint32_t)w.len;
	CHECK(!w.over && io_write_full(fd, &s, sizeof s) == RC_OK);
	return fd;
}

/* --- as PID 1 --- */

static int launcher = -1; /* our end of the pair */
static pid_t launcher_pid;
static struct {
	char name[SERVICE_NAME_MAX + 1];
	enum look_state state;
	uint32_t starts, ooms;
} state[SERVICES_MAX]; /* as was last heard of each */
static bool over, heard;

static void begin(size_t main, bool keep)
{
	int pair[2], shared = shared_memory(main, keep);

	memset(state, 0, sizeof state);
	over = heard = false;
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	launcher_pid = fork();
	if (launcher_pid == 0) {
		int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int null = open("/dev/null", O_RDWR);

		close(pair[0]);
		dup2(null, STDIN_FILENO);
		dup2(null, STDERR_FILENO);
		_exit(launch_main(pair[1], root, shared));
	}
	close(pair[1]);
	close(shared);
	launcher = pair[0];
}

/* The next report, if one comes in time. */
static bool hear(int wait_ms)
{
	struct pollfd p = { launcher, POLLIN, 0 };
	struct launch_report r;

	if (poll(&p, 1, wait_ms) != 1 || recv(launcher, &r, sizeof r, 0) != sizeof r)
		return false;
	over = r.over;
	heard = true;
	for (size_t i = 0; i < defs; i++) {
		memcpy(state[i].name, r.service[i].name, SERVICE_NAME_MAX);
		state[i].state = (enum look_state)r.service[i].number[LAUNCH_STATE];
		state[i].starts = r.service[i].number[LAUNCH_STARTS];
		state[i].ooms = r.service[i].number[LAUNCH_OOMS];
	}
	return true;
}

static bool reaches(size_t service, enum look_state s)
{
	while (!heard || state[service].state != s)
		if (!hear(PATIENCE_MS))
			return false;
	return true;
}

static void end(int status)
{
	int st = -1;

	shutdown(launcher, SHUT_WR);
	while (hear(PATIENCE_MS))
		;
	CHECK(waitpid(launcher_pid, &st, 0) == launcher_pid);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == status);
	io_close(&launcher);
	defs = 0;
}

static void touch(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	close(fd);
}

static void forget(const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)unlink(path);
}

static int ask(const struct request *r)
{
	static struct admit_request m;
	struct pollfd room = { launcher, POLLOUT, 0 };
	uint8_t mem[4096];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	int pair[2];

	request_put(&w, r);
	CHECK(poll(&room, 1, PATIENCE_MS) == 1);
	m.op = r->op;
	memcpy(m.request, mem + FRAME_HEAD, w.len - FRAME_HEAD);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(pass_send(launcher, &m, ADMIT_HEAD + w.len - FRAME_HEAD, pair[1]) == RC_OK);
	close(pair[1]);
	return pair[0];
}

static struct {
	struct frame f;
	uint8_t mem[FRAME_CONTROL_MAX];
} got;

static bool next(int fd)
{
	uint8_t head[FRAME_HEAD];
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, PATIENCE_MS) == 1 &&
	       recv(fd, head, FRAME_HEAD, MSG_WAITALL) == FRAME_HEAD &&
	       frame_head(slice_of(head, FRAME_HEAD), &got.f) == RC_OK &&
	       (got.f.len == 0 || recv(fd, got.mem, got.f.len, MSG_WAITALL) == (ssize_t)got.f.len);
}

static struct service_status status_of(const char *name)
{
	struct request r = { .op = OP_LOOK, .argc = 1 };
	static struct service_status s;
	int fd;

	r.argv[0] = slice_str(name);
	fd = ask(&r);
	CHECK(next(fd) && got.f.type == FRAME_ACCEPT && next(fd) && got.f.type == FRAME_SERVICE);
	CHECK(status_parse(slice_of(got.mem, got.f.len), &s) == RC_OK);
	close(fd);
	return s;
}

static enum error_code control(const char *action, const char *name, unsigned number)
{
	struct request r = { .op = OP_CONTROL, .argc = 2, .flags = number };
	struct error_msg e = { 0 };
	int fd;

	r.argv[0] = slice_str(action);
	r.argv[1] = slice_str(name);
	fd = ask(&r);
	CHECK(next(fd));
	if (got.f.type == FRAME_ERROR)
		CHECK(error_parse(slice_of(got.mem, got.f.len), &e) == RC_OK);
	else
		CHECK(got.f.type == FRAME_ACCEPT);
	close(fd);
	return e.code;
}

/* All records of a kind so far, each with a / after it. */
static const char *records(unsigned flags, unsigned kind)
{
	static char text[65536];
	struct request r = { .op = OP_LOOK, .flags = flags };
	int fd = ask(&r);
	size_t len = 0;

	while (CHECK(next(fd)) && got.f.type != FRAME_EXIT) {
		struct record_head h;
		struct slice s;

		if (got.f.type != FRAME_RECORD)
			continue;
		CHECK(record_parse(slice_of(got.mem, got.f.len), &h, &s) == RC_OK);
		if (h.kind == kind)
			len += (size_t)snprintf(text + len, sizeof text - len, "%.*s/", (int)s.len,
			                        s.p);
	}
	text[len] = '\0';
	close(fd);
	return text;
}

/* Waits until that is all of standard output. */
static void prints(const char *text)
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;

	while (strcmp(records(LOOK_LOGS, RECORD_STDOUT), text) != 0 &&
	       CHECK(clock_mono_ms() < until_ms))
		;
}

#endif
