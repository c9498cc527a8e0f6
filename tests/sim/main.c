/* The appliance as an ordinary process, for tests and the bench: PID 1's broker
 * and touch log over a simulated security module, and the real gate in a child
 * that is started again when it ends, as PID 1 does it. Links come by a Unix
 * socket that speaks the hybrid handshake ("CONNECT 7001\n", "OK 7001\n"), so
 * that casemate takes it for an enclave.
 *
 * What it stands in for: the module's device, the starting of roles, the vsock
 * port. Not here: the channel, the boot, what roles give up.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/base/port.h"
#include "appliance/broker.h"
#include "appliance/gate.h"
#include "appliance/measure.h"
#include "appliance/spawn.h"
#include "appliance/touchlog.h"
#include "net/stack.h"
#include "tests/sim/chain.h"

enum { GREETINGS_MAX = 64, GREETING_MAX = 32, GREETING_MS = 2000 };

static const char usage_text[] =
	"usage: sim --listen PATH [--root FILE] [--pid FILE] [--touch N]\n"
	"\n"
	"Serves attestation like an enclave, with documents signed by a root of its own.\n"
	"\n"
	"  --listen PATH  the hybrid socket: casemate attest unix:PATH\n"
	"  --root FILE    writes the root certificate there, as PEM\n"
	"  --pid FILE     writes the gate's process number there, at each start\n"
	"  --touch N      N touches at once; SIGUSR1 makes one more\n"
	"\n"
	"Says \"ready\" when it serves. SIGTERM ends it.\n";

/* Connections that have not finished their handshake. */
struct greeting {
	int fd;
	size_t at; /* in the line that has to come */
	int64_t until_ms;
};

static struct greeting greetings[GREETINGS_MAX];
static int handover = -1; /* our end of the pair that stands in for the listener */
static const char *pid_file;

/* The next link, which the parent has greeted. */
int port_accept(int listener)
{
	char byte;
	int fd;

	if (pass_recv(listener, &byte, 1, MSG_DONTWAIT, &fd) >= 0 && fd < 0)
		errno = ECONNABORTED;
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		io_close(&fd);
	return fd;
}

static void write_pid(pid_t pid)
{
	FILE *f = pid_file ? fopen(pid_file, "w") : NULL;

	if (f) {
		fprintf(f, "%d\n", (int)pid);
		fclose(f);
	}
}

/* A child without an execution: the gate's code is here. */
pid_t spawn_role(const char *name, const int fds[SPAWN_FDS])
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	(void)name;
	if (pid != 0) {
		write_pid(pid);
		return pid;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	log_name("gate");
	/* The parent's ends must end with the parent. */
	close(handover);
	_exit(gate_main(fds[2], fds[0], fds[3], fds[4], false));
}

static int listen_unix(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof at.sun_path) {
		fprintf(stderr, "sim: %s: the path is too long\n", path);
		exit(2);
	}
	strcpy(at.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	return fd;
}

static void greet(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < GREETINGS_MAX; i++)
		if (greetings[i].fd < 0) {
			greetings[i] =
				(struct greeting){ .fd = fd,
				                   .until_ms = clock_mono_ms() + GREETING_MS };
			return;
		}
	io_close(&fd);
}

static void hand_over(struct greeting *c)
{
	static const char ok[] = "OK 7001\n";

	if (send(c->fd, ok, sizeof ok - 1, MSG_NOSIGNAL) != sizeof ok - 1 ||
	    pass_send(handover, "", 1, c->fd) != RC_OK)
		log_line("a link is dropped: %m");
	io_close(&c->fd);
}

/* Byte by byte: what follows the line is the link's. */
static void on_greeting(struct greeting *c)
{
	char want[GREETING_MAX];

	snprintf(want, sizeof want, "CONNECT %d\n", STACK_PORT_LINK);
	while (c->fd >= 0) {
		char byte;
		ssize_t n = recv(c->fd, &byte, 1, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n != 1 || byte != want[c->at])
			io_close(&c->fd);
		else if (want[++c->at] == '\0')
			hand_over(c);
	}
}

static void touch(void)
{
	uint8_t digest[SHA384_LEN] = { 0 };

	if (touchlog_add("exec", "open", digest, slice_str("a touch of the simulator")) != RC_OK)
		exit(1);
}

static void on_signal(int signals)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGUSR1)
		touch();
	if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
		role_end(&broker_role);
		exit(0);
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		role_reap(&broker_role, pid, status, clock_mono_ms());
}

static int next_timeout(int64_t now_ms)
{
	int64_t next = broker_role.again_ms;

	if (broker_due_ms() > now_ms && broker_due_ms() < next)
		next = broker_due_ms();
	for (size_t i = 0; i < GREETINGS_MAX; i++)
		if (greetings[i].fd >= 0 && greetings[i].until_ms < next)
			next = greetings[i].until_ms;
	if (next == INT64_MAX)
		return -1;
	return next > now_ms ? (int)(next - now_ms) : 0;
}

static void serve(int nsm, int listener, int signals)
{
	struct pollfd p[3 + GREETINGS_MAX];
	bool told = false;
	int64_t now_ms = clock_mono_ms();

	for (;;) {
		p[0] = (struct pollfd){ signals, POLLIN, 0 };
		p[1] = (struct pollfd){ broker_due_ms() > now_ms ? -1 : broker_role.sock, POLLIN,
			                0 };
		p[2] = (struct pollfd){ broker_role.ready ? listener : -1, POLLIN, 0 };
		for (size_t i = 0; i < GREETINGS_MAX; i++)
			p[3 + i] = (struct pollfd){ greetings[i].fd, POLLIN, 0 };
		poll(p, 3 + GREETINGS_MAX, next_timeout(now_ms));
		now_ms = clock_mono_ms();
		if (p[0].revents)
			on_signal(signals);
		if (p[1].revents)
			broker_answer(nsm);
		for (size_t i = 0; i < GREETINGS_MAX; i++) {
			if (p[3 + i].revents)
				on_greeting(&greetings[i]);
			if (greetings[i].fd >= 0 && greetings[i].until_ms <= now_ms)
				io_close(&greetings[i].fd);
		}
		if (p[2].revents)
			greet(listener);
		role_tick(&broker_role, now_ms);
		if (broker_role.ready && !told) {
			told = true;
			puts("ready");
			fflush(stdout);
		}
	}
}

static void write_root(const char *path)
{
	char pem[CHAIN_PEM_MAX];
	FILE *f = fopen(path, "w");

	chain_root_pem(pem);
	if (!f || fputs(pem, f) == EOF || fclose(f) != 0) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		exit(2);
	}
}

static int block_signals(void)
{
	static const int ours[] = { SIGCHLD, SIGTERM, SIGINT, SIGUSR1 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		sigaddset(&set, ours[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What PID 1 has done before it starts the gate; the gate's descriptors. */
static void boot(int *nsm)
{
	struct wbuf w;
	struct manifest manifest = { .channel = CHANNEL_OPEN, .main = MANIFEST_NO_MAIN };
	int pair[2];

	if (nsm_open("", nsm) != RC_OK || touchlog_open(*nsm) != RC_OK)
		exit(1);
	w = wbuf_of(touchlog_shared->manifest, sizeof touchlog_shared->manifest);
	manifest_put(&w, &manifest);
	touchlog_shared->manifest_len = w.len;
	if (measure(*nsm, touchlog_shared) != RC_OK ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		exit(1);
	handover = pair[0];
	broker_role.listener = pair[1];
	broker_role.shared = touchlog_fd;
	broker_role.again_ms = 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", 1, NULL, 'l' }, { "root", 1, NULL, 'r' }, { "pid", 1, NULL, 'p' },
		{ "touch", 1, NULL, 't' },  { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 }
	};
	const char *path = NULL, *root = NULL;
	int option, touches = 0, nsm = -1, listener, signals;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l': path = optarg; break;
		case 'r': root = optarg; break;
		case 'p': pid_file = optarg; break;
		case 't': touches = atoi(optarg); break;
		default:
			fputs(usage_text, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (!path || optind != argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	log_name("sim");
	for (size_t i = 0; i < GREETINGS_MAX; i++)
		greetings[i].fd = -1;
	signals = block_signals();
	boot(&nsm);
	if (root)
		write_root(root);
	while (touches-- > 0)
		touch();
	listener = listen_unix(path);
	serve(nsm, listener, signals);
}
