/* Network load for the bench, both ends in one static program.
 *
 *   load serve END                  answers whatever comes, one process a connection
 *   load agent END                  a connection brings a line for /bin/sh and gets what
 *                                   that prints: the way into a guest that has no other
 *   load put|get END MIB STREAMS    moves so much in all; prints MB/s
 *   load echo|conn END SECONDS      requests of 128 bytes, one at a time, on one
 *                                   connection or on one each; prints how many a
 *                                   second, and the 50th and 99th hundredth's latency
 *                                   in microseconds
 *   load udp-put|udp-get END BYTES SECONDS
 *                                   packets of so many bytes as fast as they go;
 *                                   prints how many a second arrived. END is tcp:, where
 *                                   a server of TCP says what came; the packets go to
 *                                   the same port
 *
 * END: tcp:ADDRESS:PORT, vsock:CID:PORT, unix:PATH. A server of tcp: serves UDP as well.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
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

enum {
	BUFFER = 262144,
	ECHO_LEN = 128,
	SAMPLES = 1 << 20,
	MIB = 1 << 20,
	BACKLOG = 4096,
	LINE_MAX = 1024,
	UDP_MAX = 1472,
	UDP_ROOM = 1 << 22, /* a receiver's buffer, as far as the kernel allows */
	UDP_IDLE_MS = 1000, /* then nothing more is on its way */
	UDP_ASK_MS = 100,   /* a request that may have been lost is sent again */
};

struct order {
	char what;      /* 'p' put, 'g' get, 'e' echo, 'u' receive UDP, 'U' send UDP */
	uint64_t bytes; /* of UDP: of a packet */
	double seconds; /* 'U': so long */
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

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial_as(const char *end, int type)
{
	struct sockaddr_storage to;
	socklen_t n = end_of(end, &to);
	int fd = socket(to.ss_family, type, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, n) != 0)
		die(end);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static int dial(const char *end)
{
	return dial_as(end, SOCK_STREAM);
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

/* --- UDP ------------------------------------------------------------------------------ */

/* What came, since the first packet: until nothing does. */
struct count {
	uint64_t packets;
	double seconds;
};

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static struct count udp_take(int fd)
{
	double begin = 0, last = 0;
	struct count c = { 0 };

	while (readable(fd, UDP_IDLE_MS)) {
		while (recv(fd, buf, UDP_MAX, MSG_DONTWAIT) >= 0)
			c.packets++;
		last = now();
		begin = c.packets > 0 && begin == 0 ? last : begin;
	}
	c.seconds = last - begin;
	return c;
}

static void udp_give(int fd, size_t bytes, double seconds)
{
	double end = now() + seconds;

	/* A full queue makes a sender wait; an error is one packet lost. */
	while (now() < end) {
		for (int i = 0; i < 32; i++)
			(void)send(fd, buf, bytes, 0);
	}
}

static int udp_socket(struct sockaddr_storage *at, socklen_t n)
{
	int fd = socket(at->ss_family, SOCK_DGRAM, 0), room = UDP_ROOM;

	if (fd < 0 || bind(fd, (struct sockaddr *)at, n) != 0)
		die("udp");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	return fd;
}

/* The server's half: udp has the port of the server of TCP, whose client waits at fd. */
static void udp_serve(int fd, int udp, const struct order *o)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof from;
	struct count c;

	while (recv(udp, buf, UDP_MAX, MSG_DONTWAIT) >= 0)
		; /* of the run before */
	must(io_write_full(fd, "", 1), "answer");
	if (o->what == 'u') {
		c = udp_take(udp);
		must(io_write_full(fd, &c, sizeof c), "answer");
		return;
	}
	if (recvfrom(udp, buf, UDP_MAX, 0, (struct sockaddr *)&from, &n) < 0 ||
	    connect(udp, (struct sockaddr *)&from, n) != 0)
		die("udp");
	udp_give(udp, o->bytes, o->seconds);
	from.ss_family = AF_UNSPEC;
	(void)connect(udp, (struct sockaddr *)&from, sizeof from);
}

static void udp(const char *end, char what, size_t bytes, double seconds)
{
	struct order o = { what == 'p' ? 'u' : 'U', bytes, seconds };
	int fd = dial(end), packets = dial_as(end, SOCK_DGRAM), room = UDP_ROOM;
	struct count c;

	(void)setsockopt(packets, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	must(io_write_full(fd, &o, sizeof o), "order");
	take(fd, 1);
	if (what == 'p') {
		udp_give(packets, bytes, seconds);
		must(io_read_full(fd, &c, sizeof c), "count");
	} else {
		do
			(void)send(packets, "", 1, 0);
		while (!readable(packets, UDP_ASK_MS));
		c = udp_take(packets);
	}
	printf("%.0f\n", c.seconds > 0 ? (double)c.packets / c.seconds : 0);
}

/* --- servers ---------------------------------------------------------------------------- */

static void serve_one(int fd, int packets)
{
	struct order o;

	if (io_read_full(fd, &o, sizeof o) != RC_OK)
		return;
	if (o.what == 'p') {
		take(fd, o.bytes);
		must(io_write_full(fd, "", 1), "answer");
	} else if (o.what == 'g') {
		give(fd, o.bytes);
	} else if (o.what == 'u' || o.what == 'U') {
		udp_serve(fd, packets, &o);
	} else {
		while (io_read_full(fd, buf, ECHO_LEN) == RC_OK)
			must(io_write_full(fd, buf, ECHO_LEN), "answer");
	}
}

static void agent_one(int fd)
{
	char line[LINE_MAX];
	size_t n = 0;

	while (n < sizeof line - 1 && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = 0;
	dup2(fd, 1);
	dup2(fd, 2);
	execl("/bin/sh", "sh", "-c", line, NULL);
}

static void serve(const char *end, bool agent)
{
	struct sockaddr_storage at;
	socklen_t n = end_of(end, &at);
	bool inet = at.ss_family == AF_INET || at.ss_family == AF_INET6;
	int l = socket(at.ss_family, SOCK_STREAM, 0), one = 1;
	int packets = inet ? udp_socket(&at, n) : -1;

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
			signal(SIGCHLD, SIG_DFL);
			if (agent)
				agent_one(fd);
			else
				serve_one(fd, packets);
			_exit(0);
		}
		close(fd);
	}
}

/* --- clients ---------------------------------------------------------------------------- */

static void move(const char *end, char what, uint64_t bytes, int streams)
{
	double begin = now();
	int status, bad = 0;

	for (int i = 0; i < streams; i++) {
		if (fork() == 0) {
			struct order o = { what, bytes / (unsigned)streams, 0 };
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

/* A guest may have a clock of milliseconds. The processor's counter is finer, and its
 * rate comes from the whole of a run. */
static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static void echo(const char *end, double seconds, int one)
{
	static float took[SAMPLES];
	struct order o = { 'e', 0, 0 };
	double begin = now(), t = begin, us;
	uint64_t first = ticks(), before = first, after = first;
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
		after = ticks();
		took[n] = (float)(after - before);
		before = after;
		t = now();
	}
	us = (t - begin) * 1e6 / (double)(after - first);
	qsort(took, n, sizeof took[0], by_size);
	printf("%.0f %.0f %.0f\n", (double)n / (t - begin), (double)took[n / 2] * us,
	       (double)took[n * 99 / 100] * us);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";

	if (strcmp(verb, "serve") == 0 || strcmp(verb, "agent") == 0)
		serve(argv[2], verb[0] == 'a');
	else if (argc == 5 && strncmp(verb, "udp-", 4) == 0)
		udp(argv[2], verb[4], (size_t)atoi(argv[3]), atof(argv[4]));
	else if (argc == 5 && (strcmp(verb, "put") == 0 || strcmp(verb, "get") == 0))
		move(argv[2], verb[0], (uint64_t)atoi(argv[3]) * MIB, atoi(argv[4]));
	else if (argc == 4 && (strcmp(verb, "echo") == 0 || strcmp(verb, "conn") == 0))
		echo(argv[2], atof(argv[3]), verb[0] == 'c');
	else
		return 2;
	return 0;
}
