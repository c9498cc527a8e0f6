/* appliance/launch.h: the launcher as a process of the test's, in the surroundings of
 * launch_peer.h. This program is a service as well:
 *
 *   test_launch say TEXT   to its notify socket, then it waits
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "tests/unit/launch_peer.h"

enum { LATE_MS = 3000 }; /* a shell can say a few words in that */

static char self[256];

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
		CHECK(!heard);
	CHECK(reaches(0, LOOK_FAILED) && state[0].starts == 600);
	end(0);
}

/* One that is not executed was never ready, and says why. */
static void cannot_be_executed(void)
{
	add("nothing", "")->argv[0] = slice_str("/no/such/command");
	add("crash", "")->argv[0] = slice_str("/no/such/command");
	def[1].policy.restart = RESTART_ALWAYS;
	def[1].policy.burst = 3;
	add("slow", "exit 1")->policy.ready = READY_NOTIFY;
	def[2].argv[0] = slice_str("/no/such/command");
	begin(MANIFEST_NO_MAIN, false);
	for (size_t i = 0; i < 3; i++)
		CHECK(reaches(i, LOOK_FAILED));
	CHECK(status_of("nothing").end_status == 127 && state[1].starts == 3);
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_READY), "") == 0);
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_FAILED),
	             "it is not to be started again/it is not to be started again/"
	             "it was started too often/") == 0);
	for (const char *at = records(LOOK_EVENTS, RECORD_ENDED); *at; at = strchr(at, '/') + 1)
		CHECK(strncmp(at, "exited with status 127: cannot execute it: No such", 50) == 0);
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
		{ "no", "echo no; echo such file >&2; exit 3",
		  "exited with status 3: no\nsuch file" },
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

/* What an earlier launcher left is killed, of all services, and only then they are
 * started; it was none of this one's starts. */
static void something_is_left(void)
{
	add("s0", "test -e s0/left || exec sleep 1000");
	add("s1", "test -e s1/left || exec sleep 1000");
	CHECK(mkdir("s0", 0700) == 0 && mkdir("s1", 0700) == 0);
	touch("s0/left");
	CHECK(mkdir("s1/left", 0700) == 0); /* does not end when it is killed */
	begin(MANIFEST_NO_MAIN, false);
	CHECK(reaches(0, LOOK_READY) && reaches(1, LOOK_KILLING) && state[1].starts == 0);
	CHECK(rmdir("s1/left") == 0);
	CHECK(reaches(1, LOOK_READY) && state[1].starts == 1);
	CHECK(strcmp(records(LOOK_EVENTS, RECORD_ENDED), "") == 0);
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
	cannot_be_executed();
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
