/* What the services of services.sh do that a shell cannot: one program, whose
 * first argument says what.
 *
 *   notify FILE   a child says READY=1, which does not count; then a STATUS=, and
 *                 once FILE is there READY=1. SIGHUP: RELOADING=1, READY=1
 *   chatter       STATUS= without end, ready after a thousand
 *   eat CHILDREN  so many processes, each of which takes memory until it is ended
 *   bomb          forks without end
 *   orphans N     N children that end with nobody to wait for them; says so, waits
 *   print N       N lines of 64 bytes, numbered
 *   holder        a process in the background writes to standard output for ever
 *                 while this one ends
 *   escape GROUP  a child that is begun in another cgroup; says how that went
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (len == 0 || len >= sizeof a.sun_path || name[0] != '@' || fd < 0)
		exit(1);
	memcpy(a.sun_path + 1, name + 1, len - 1);
	if (sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&a,
	           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		exit(1);
	close(fd);
}

static void reload(int signal)
{
	(void)signal;
	say("RELOADING=1");
	say("READY=1\nSTATUS=again");
}

_Noreturn static void notify(const char *file)
{
	pid_t pid = fork();

	if (pid == 0) {
		say("READY=1\nSTATUS=not mine to say");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	signal(SIGHUP, reload);
	say("STATUS=warming up\nMAINPID=1");
	while (access(file, F_OK) != 0)
		usleep(20000);
	say("READY=1");
	for (;;)
		pause();
}

_Noreturn static void chatter(void)
{
	char text[32];

	for (unsigned n = 0;; n++) {
		snprintf(text, sizeof text, "STATUS=%u", n);
		say(text);
		if (n == 1000)
			say("READY=1");
	}
}

_Noreturn static void eat(int children)
{
	while (children-- > 1 && fork() != 0)
		;
	for (;;) {
		char *p = malloc(1 << 20);

		if (p)
			memset(p, 1, 1 << 20);
	}
}

_Noreturn static void orphans(int n)
{
	for (int i = 0; i < n; i++) {
		if (fork() == 0) {
			if (fork() == 0)
				_exit(0);
			_exit(0);
		}
		wait(NULL);
	}
	puts("all gone");
	fflush(stdout);
	for (;;)
		pause();
}

static int print(int n)
{
	for (int i = 0; i < n; i++)
		printf("line %058d\n", i);
	return 0;
}

static int holder(void)
{
	if (fork() == 0) {
		setsid();
		for (;;)
			if (write(1, "still here\n", 11) < 0)
				usleep(1000);
	}
	return 0;
}

static int escape(const char *group)
{
	int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args a = { .flags = CLONE_INTO_CGROUP,
		                .exit_signal = SIGCHLD,
		                .cgroup = (unsigned)fd };
	pid_t pid = fd < 0 ? -1 : (pid_t)syscall(SYS_clone3, &a, sizeof a);

	if (pid == 0)
		_exit(0);
	printf("escape to %s: %s\n", group, pid < 0 ? strerror(errno) : "done");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (strcmp(what, "notify") == 0 && argc == 3)
		notify(argv[2]);
	if (strcmp(what, "chatter") == 0)
		chatter();
	if (strcmp(what, "eat") == 0)
		eat(n);
	if (strcmp(what, "orphans") == 0)
		orphans(n);
	if (strcmp(what, "print") == 0)
		return print(n);
	if (strcmp(what, "holder") == 0)
		return holder();
	if (strcmp(what, "escape") == 0 && argc == 3)
		return escape(argv[2]);
	while (strcmp(what, "bomb") == 0)
		(void)!fork();
	return 2;
}
