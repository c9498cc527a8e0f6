/* Network load for the bench, both ends in one static program.
 *
 *   load serve END                  answers whatever comes, one process a connection
 *   load put|get END MIB STREAMS    moves so much in all; prints MB/s
 *   load echo END SECONDS           requests of 128 bytes, one at a time; prints how
 *                                   many a second, and the 50th and 99th hundredth's
 *                                   latency in microseconds
 *   load conn END SECONDS           a connection a request; prints how many a second
 *
 * END: tcp:ADDRESS:PORT, vsock:CID:PORT, unix:PATH.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "appliance/base/io.h"

enum { BUFFER = 262144, ECHO_LEN = 128, SAMPLES = 1 << 20, MIB = 1 << 20, BACKLOG = 4096 };

struct order {
	char what; /* 'p' put, 'g' get, 'e' echo */
	uint64_t bytes;
};

static uint8_t buf[BUFFER];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void must(enum rc rc, const char *what)
{
	if (rc != RC_OK)
		die(what);
}

static socklen_t end_of(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;
	struct sockaddr_vm *vm = (struct sockaddr_vm *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	const char *rest = strchr(text, ':') + 1, *port = strrchr(text, ':') + 1;
	char address[64] = "";

	memset(out, 0, sizeof *out);
	if (strncmp(text, "unix:", 5) == 0) {
		un->sun_family = AF_UNIX;
		strcpy(un->sun_path, rest);
		return sizeof *un;
	}
	memcpy(address, rest, (size_t)(port - rest) - 1);
	if (strncmp(text, "vsock:", 6) == 0) {
		vm->svm_family = AF_VSOCK;
		vm->svm_cid = (unsigned)atoi(address);
		vm->svm_port = (unsigned)atoi(port);
		return sizeof *vm;
	}
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)atoi(port));
		return sizeof *in6;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, address, &in->sin_addr) != 1)
		die(text);
	return sizeof *in;
}

static int dial(const char *end)
{
	struct sockaddr_storage to;
	socklen_t n = end_of(end, &to);
	int fd = socket(to.ss_family, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, n) != 0)
		die(end);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void take(int fd, uint64_t bytes)
{
	while (bytes > 0) {
		ssize_t n = read(fd, buf, bytes < sizeof buf ? (size_t)bytes : sizeof buf);

		if (n <= 0)
			die("read");
		bytes -= (uint64_t)n;
	}
}

static void give(int fd, uint64_t bytes)
{
	while (bytes > 0) {
		size_t n = bytes < sizeof buf ? (size_t)bytes : sizeof buf;

		must(io_write_full(fd, buf, n), "write");
		bytes -= n;
	}
}

static void serve_one(int fd)
{
	struct order o;

	if (io_read_full(fd, &o, sizeof o) != RC_OK)
		return;
	if (o.what == 'p') {
		take(fd, o.bytes);
		must(io_write_full(fd, "", 1), "answer");
	} else if (o.what == 'g') {
		give(fd, o.bytes);
	} else {
		while (io_read_full(fd, buf, ECHO_LEN) == RC_OK)
			must(io_write_full(fd, buf, ECHO_LEN), "answer");
	}
}

static void serve(const char *end)
{
	struct sockaddr_storage at;
	socklen_t n = end_of(end, &at);
	int l = socket(at.ss_family, SOCK_STREAM, 0), one = 1;

	(void)setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (l < 0 || bind(l, (struct sockaddr *)&at, n) != 0 || listen(l, BACKLOG) != 0)
		die(end);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(l, NULL, NULL);

		if (fd < 0)
			continue;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (fork() == 0) {
			close(l);
			serve_one(fd);
			_exit(0);
		}
		close(fd);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void move(const char *end, char what, uint64_t bytes, int streams)
{
	double begin = now();
	int status, bad = 0;

	for (int i = 0; i < streams; i++) {
		if (fork() == 0) {
			struct order o = { what, bytes / (unsigned)streams };
			int fd = dial(end);

			must(io_write_full(fd, &o, sizeof o), "order");
			if (what == 'p')
				give(fd, o.bytes);
			take(fd, what == 'p' ? 1 : o.bytes);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	if (bad != 0)
		exit(1);
	printf("%.1f\n", (double)bytes / 1e6 / (now() - begin));
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void ask(int fd)
{
	must(io_write_full(fd, buf, ECHO_LEN), "ask");
	must(io_read_full(fd, buf, ECHO_LEN), "answer");
}

static void echo(const char *end, double seconds, int one)
{
	static float took[SAMPLES];
	struct order o = { 'e', 0 };
	double begin = now(), t = begin;
	size_t n = 0;
	int fd = -1;

	for (; t - begin < seconds && n < SAMPLES; n++) {
		if (fd < 0) {
			fd = dial(end);
			must(io_write_full(fd, &o, sizeof o), "order");
		}
		ask(fd);
		if (one) {
			close(fd);
			fd = -1;
		}
		took[n] = (float)(now() - t);
		t = now();
	}
	qsort(took, n, sizeof took[0], by_size);
	printf("%.0f %.0f %.0f\n", (double)n / (t - begin), (double)took[n / 2] * 1e6,
	       (double)took[n * 99 / 100] * 1e6);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";

	if (strcmp(verb, "serve") == 0)
		serve(argv[2]);
	else if (argc == 5 && (strcmp(verb, "put") == 0 || strcmp(verb, "get") == 0))
		move(argv[2], verb[0], (uint64_t)atoi(argv[3]) * MIB, atoi(argv[4]));
	else if (argc == 4 && (strcmp(verb, "echo") == 0 || strcmp(verb, "conn") == 0))
		echo(argv[2], atof(argv[3]), verb[0] == 'c');
	else
		return 2;
	return 0;
}
