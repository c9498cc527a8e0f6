/* appliance/launch.h: the launcher as a process of the test's, which is its PID 1.
 * Services are ordinary commands, their cgroups process groups: what start.c,
 * cgroup.c and confine.c do takes an enclave. This program is a service as well:
 *
 *   test_launch say TEXT   to its notify socket, then it waits
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

enum {
	PATIENCE_MS = 30000,
	LATE_MS = 3000, /* a shell can say a few words in that */
	FDS = 256,
};

static char folder[] = "/tmp/test_launch.XXXXXX";
static char self[256];

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

bool cgroup_clear(int root, const char *name)
{
	char left[300];

	(void)root;
	snprintf(left, sizeof left, "%s/left-%s", folder, name);
	return unlink(left) != 0; /* is killed now */
}

void cgroup_kill(int fd)
{
	if (fd >= 0 && group[fd] > 0)
		(void)kill(-group[fd], SIGKILL);
}

bool cgroup_populated(int fd)
{
	return fd >= 0 && group[fd] > 0 && kill(-group[fd], 0) == 0;
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
	struct slice env[3] = { slice_str("PATH=/usr/bin:/bin"), slice_str("HOME=/"), s->extra };
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
		dup2(s->out, STDOUT_FILENO);
		dup2(s->err, STDERR_FILENO);
		if (command_prepare(s->probe ? v->probe : v->argv, s->probe ? v->probec : v->argc,
		                    env, s->extra.len > 0 ? 3 : 2, v->cwd) == RC_OK)
			(void)command_run(NULL, 0, SIGKILL);
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
static struct launch_report state[SERVICES_MAX];
static bool over;

static void begin(size_t main, bool keep)
{
	int pair[2], shared = shared_memory(main, keep);

	memset(state, 0, sizeof state);
	over = false;
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
	if (r.kind == LAUNCH_OVER)
		over = true;
	else if (CHECK(r.kind == LAUNCH_STATE && r.service < defs))
		state[r.service] = r;
	return true;
}

static bool reaches(size_t service, enum look_state s)
{
	while (state[service].kind == 0 || state[service].state != s)
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

/* --- cases --- */

static void order_and_kinds_of_readiness(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET,
		                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in at;
	socklen_t len = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct service *s;

	CHECK(bind(listener, (const struct sockaddr *)&any, sizeof any) == 0 &&
	      getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	s = add("plain", "echo hello; echo oops >&2; exec sleep 1000");
	s = add("exec", "exec sleep 1000");
	s->policy.after = 1;
	s->policy.ready = READY_EXEC;
	s->probec = 3;
	s->probe[0] = slice_str("test");
	s->probe[1] = slice_str("-e");
	s->probe[2] = slice_str("./ready");
	s = add("tcp", "exec sleep 1000");
	s->policy.after = s->policy.requires = 2;
	s->policy.ready = READY_TCP;
	s->policy.ready_port = ntohs(at.sin_port);
	s = add("notify", "");
	s->argv[0] = slice_str(self);
	s->argv[1] = slice_str("say");
	s->argv[2] = slice_str("STATUS=well\nREADY=1\n");
	s->policy.after = 4;
	s->policy.ready = READY_NOTIFY;
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(0, LOOK_READY) && reaches(1, LOOK_STARTING));
	CHECK(reaches(2, LOOK_WAITING) && reaches(3, LOOK_WAITING)); /* they are told, too */
	touch("ready");
	CHECK(reaches(1, LOOK_READY) && reaches(2, LOOK_STARTING));
	CHECK(listen(listener, 5) == 0);
	CHECK(reaches(2, LOOK_READY) && reaches(3, LOOK_READY));
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_STATUS), "well/") == 0);
	CHECK(strcmp(records(LOOK_LOGS, RECORD_STDOUT), "hello\n/") == 0);
	CHECK(strcmp(records(LOOK_LOGS, RECORD_STDERR), "oops\n/") == 0);
	CHECK(strcmp(state[3].name, "notify") == 0 && state[3].starts == 1 && !over);
	close(listener);
	end(0);
	for (size_t i = 0; i < 4; i++)
		CHECK(state[i].state == LOOK_STOPPED);
	forget("ready");
}

static void the_main_service_ends(void)
{
	add("app", "exit 3");
	begin(0, false);
	CHECK(reaches(0, LOOK_FAILED));
	while (!over && CHECK(hear(PATIENCE_MS)))
		;
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_ENDED), "exited with status 3/") == 0);
	end(0);
	add("app", "exit 0");
	add("other", "exec sleep 1000");
	begin(0, false);
	CHECK(reaches(0, LOOK_DONE));
	while (!over && CHECK(hear(PATIENCE_MS)))
		;
	end(0);
	add("app", "exit 0");
	begin(0, true);
	CHECK(reaches(0, LOOK_DONE));
	CHECK(status_of("app").state == LOOK_DONE && !hear(0) && !over);
	end(0);
}

static void is_controlled(void)
{
	add("one", "exec sleep 1000");
	add("two", "trap 'echo caught' USR1; echo up; while :; do sleep 0.01; done")
		->policy.requires = 1;
	def[1].policy.after = 1;
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(1, LOOK_READY));
	CHECK(control("stop", "nobody", 0) == ERR_NOT_FOUND);
	prints("up\n/");
	CHECK(control("signal", "two", SIGUSR1) == 0);
	prints("up\n/caught\n/");
	CHECK(control("stop", "one", 0) == 0 && reaches(0, LOOK_STOPPED));
	CHECK(status_of("two").state == LOOK_WAITING && status_of("two").pid == 0);
	CHECK(control("signal", "one", SIGTERM) == ERR_CONFLICT);
	CHECK(control("start", "one", 0) == 0 && reaches(0, LOOK_READY) && reaches(1, LOOK_READY));
	CHECK(state[0].starts == 2 && state[1].starts == 2);
	CHECK(control("restart", "one", 0) == 0 && reaches(1, LOOK_WAITING) &&
	      reaches(1, LOOK_READY) && state[0].starts == 3);
	CHECK(control("signal", "one", SIGKILL) == 0 && reaches(0, LOOK_FAILED) &&
	      reaches(1, LOOK_FAILED));
	CHECK(strstr(records(LOOK_EVENTS, RECORD_FAILED), "one that it requires has failed/"));
	end(0);
}

/* One that is started, or started again, takes with it what it requires and nobody
 * wants; what is done is not done again, and what only comes before it stays. */
static void start_takes_the_required_with_it(void)
{
	static const char *const actions[] = { "start", "restart" };

	add("prepare", "exit 0");
	add("base", "exec sleep 1000")->policy.requires = 1;
	add("other", "exec sleep 1000");
	add("middle", "exec sleep 1000")->policy.requires = 2;
	add("top", "exec sleep 1000")->policy.requires = 8;
	def[1].policy.after = 1;
	def[3].policy.after = 2;
	def[4].policy.after = 8 | 4;
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(4, LOOK_READY) && reaches(2, LOOK_READY));
	for (size_t i = 0; i < 2; i++) {
		CHECK(control("stop", "other", 0) == 0 && reaches(2, LOOK_STOPPED));
		CHECK(control("stop", "middle", 0) == 0 && control("stop", "base", 0) == 0);
		CHECK(reaches(1, LOOK_STOPPED) && reaches(3, LOOK_STOPPED));
		CHECK(status_of("top").state == LOOK_WAITING);
		CHECK(control(actions[i], "top", 0) == 0);
		CHECK(reaches(1, LOOK_READY) && reaches(3, LOOK_READY) && reaches(4, LOOK_READY));
		CHECK(state[0].starts == 1 && state[1].starts == i + 2 && state[4].starts == i + 2);
		CHECK(status_of("other").state == LOOK_STOPPED);
		CHECK(control("start", "other", 0) == 0 && reaches(2, LOOK_READY));
	}
	end(0);
}

/* Whatever fails at once is tried again in its time, and nobody waits for it. */
static void cannot_be_started(void)
{
	static const char *const names[] = { "forkless", "groupless" };

	for (size_t i = 0; i < 2; i++) {
		add(names[i], "true")->policy.restart = RESTART_ALWAYS;
		def[0].policy.pause_ms = def[0].policy.pause_max_ms = 0;
		add("other", "exec sleep 1000");
		begin(MANIFEST_NO_MAIN, false);
		CHECK(reaches(1, LOOK_READY));
		while (state[0].starts < 10 && CHECK(hear(PATIENCE_MS)))
			;
		CHECK(status_of("other").state == LOOK_READY);
		CHECK(strncmp(records(LOOK_EVENTS, RECORD_DIAGNOSTIC), "cannot be started: ", 19) ==
		      0);
		CHECK(status_of(names[i]).end_status == 126);
		end(0);
	}
}

/* Reports that nobody takes are sent later, and say how it is then. */
static void pid_1_is_slow(void)
{
	add("crash", "exit 1")->policy.restart = RESTART_ALWAYS;
	def[0].policy.pause_max_ms = 1;
	def[0].policy.burst = 600;
	begin(MANIFEST_NO_MAIN, false);
	while (status_of("crash").starts < 600)
		CHECK(state[0].kind == 0); /* nothing was heard of it */
	CHECK(reaches(0, LOOK_FAILED) && state[0].starts == 600);
	end(0);
}

static void out_of_memory_is_told(void)
{
	touch("oom");
	add("hog", "kill -9 $$");
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(0, LOOK_FAILED) && state[0].ooms == 1);
	CHECK(status_of("hog").end == LOOK_OUT_OF_MEMORY && status_of("hog").ooms == 1);
	end(0);
	forget("oom");
}

/* It does not go by itself, nor what it has started. */
static void is_deaf(void)
{
	struct service *s = add("deaf", "trap '' TERM; (trap '' TERM; exec sleep 1000) & echo up; "
	                                "while :; do sleep 0.01; done");

	s->policy.stop_ms = 50;
	begin(MANIFEST_NO_MAIN, false);
	prints("up\n/");
	CHECK(control("stop", "deaf", 0) == 0 && reaches(0, LOOK_KILLING) &&
	      reaches(0, LOOK_STOPPED));
	CHECK(status_of("deaf").end == LOOK_KILLED && status_of("deaf").end_status == SIGKILL);
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_ENDED), "ended by signal 9/") == 0);
	end(0);
}

static void is_late(void)
{
	struct service *s = add("late", "exec sleep 1000");

	s->policy.ready = READY_NOTIFY;
	s->policy.start_ms = 50;
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(0, LOOK_FAILED) && status_of("late").end == LOOK_NOT_READY);
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_ENDED), "was not ready in time/") == 0);
	end(0);
}

/* And says what its check came to: how it ended, the last of what it printed; or that
 * it did not end. */
static void is_late_with_a_check(void)
{
	static const struct {
		const char *name, *script, *said;
	} checks[] = {
		{ "no", "echo no; echo such file >&2; exit 3", "exited with status 3: no\nsuch file" },
		{ "killed", "kill -9 $$", "ended by signal 9" },
		{ "hangs", "echo begun; exec sleep 1000", "did not end: begun" },
		{ "much", "yes 0123456789 | head -n 10000; echo the end; exit 1",
		  "exited with status 1: 789\n0123456789\n0123456789\n0123456789\n0123456789\n"
		  "0123456789\n0123456789\n0123456789\n0123456789\nthe end" },
		{ "content", "seq 100000", NULL }, /* nobody has to read what it prints */
	};
	const size_t n = sizeof checks / sizeof *checks;
	char said[256];

	for (size_t i = 0; i < n; i++) {
		struct service *s = add(checks[i].name, "exec sleep 1000");

		s->policy.ready = READY_EXEC;
		s->policy.start_ms = checks[i].said != NULL ? LATE_MS : PATIENCE_MS;
		s->probec = 3;
		s->probe[0] = slice_str("sh");
		s->probe[1] = slice_str("-c");
		s->probe[2] = slice_str(checks[i].script);
	}
	begin(MANIFEST_NO_MAIN, false);
	for (size_t i = 0; i < n; i++)
		CHECK(reaches(i, checks[i].said != NULL ? LOOK_FAILED : LOOK_READY));
	for (size_t i = 0; i < n; i++) {
		if (checks[i].said == NULL)
			continue;
		snprintf(said, sizeof said, "was not ready in time; its check %s/", checks[i].said);
		CHECK(strstr(records(LOOK_EVENTS, RECORD_ENDED), said) != NULL);
	}
	end(0);
}

/* What another says does not count. */
static void a_stranger_says_ready(void)
{
	char script[600];
	struct service *s;

	snprintf(script, sizeof script, "%s say READY=1 & sleep 1000", self);
	s = add("app", script);
	s->policy.ready = READY_NOTIFY;
	s->policy.start_ms = 500;
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(0, LOOK_FAILED) && status_of("app").end == LOOK_NOT_READY);
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_READY), "") == 0);
	end(0);
}

/* Messages that are none do nothing; the end of the pair ends it, with all it has
 * in hand. */
static void pid_1_says_nonsense(void)
{
	static const char junk[sizeof(struct admit_request) + 1];
	struct request r = { .op = OP_LOOK, .flags = LOOK_EVENTS | LOOK_FOLLOW };
	unsigned terminated = 0;
	int fd;

	add("app", "exec sleep 1000");
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(0, LOOK_READY));
	for (size_t n = 1; n <= sizeof junk;
	     n = 2 * n < sizeof junk || n == sizeof junk ? 2 * n : sizeof junk)
		CHECK(send(launcher, junk, n, 0) == (ssize_t)n);
	CHECK(status_of("app").state == LOOK_READY);
	fd = ask(&r);
	CHECK(next(fd) && got.f.type == FRAME_ACCEPT);
	CHECK(send(launcher, junk, 1, 0) == 1);
	end(0);
	while (next(fd) && got.f.type != FRAME_EXIT)
		terminated += got.f.type == FRAME_RECORD && got.mem[25] == RECORD_TERMINATED;
	CHECK(got.f.type == FRAME_EXIT && terminated == 1);
	close(fd);
}

/* What an earlier launcher left is killed, all of it at once; the next time there
 * is nothing. */
static void something_is_left(void)
{
	char name[8], left[16];
	int st = -1;

	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "s%d", i);
		snprintf(left, sizeof left, "left-%s", name);
		touch(left);
		add(i == 0   ? "s0"
		    : i == 1 ? "s1"
		    : i == 2 ? "s2"
		    : i == 3 ? "s3"
		             : "s4",
		    "exec sleep 1000");
	}
	begin(MANIFEST_NO_MAIN, false);
	CHECK(waitpid(launcher_pid, &st, 0) == launcher_pid && WIFEXITED(st) &&
	      WEXITSTATUS(st) == 1);
	io_close(&launcher);
	begin(MANIFEST_NO_MAIN, false);
	for (size_t i = 0; i < 5; i++)
		CHECK(reaches(i, LOOK_READY));
	end(0);
}

/* --- as a service --- */

static int say(const char *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = name ? strlen(name) : 0;

	if (len == 0 || len > sizeof a.sun_path || name[0] != '@')
		return 1;
	memcpy(a.sun_path + 1, name + 1, len - 1);
	if (sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&a,
	           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	char command[64];

	if (argc == 3 && strcmp(argv[1], "say") == 0)
		return say(argv[2]);
	if (!CHECK(mkdtemp(folder) != NULL &&
	           readlink("/proc/self/exe", self, sizeof self - 1) > 0 && chdir(folder) == 0))
		return test_end();
	order_and_kinds_of_readiness();
	the_main_service_ends();
	is_controlled();
	start_takes_the_required_with_it();
	cannot_be_started();
	pid_1_is_slow();
	out_of_memory_is_told();
	is_deaf();
	is_late();
	is_late_with_a_check();
	a_stranger_says_ready();
	pid_1_says_nonsense();
	something_is_left();
	snprintf(command, sizeof command, "rm -rf %s", folder);
	CHECK(system(command) == 0);
	return test_end();
}
