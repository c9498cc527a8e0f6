/* What the programs of network.sh do that busybox cannot, in the enclave. One line
 * comes out of each that ends, the name of an error where there was one.
 *
 *   tcp ADDR PORT [FILE [N [LOCAL]]]  sends FILE, or its first N bytes in one write, ends
 *                                 its half, and prints what comes back. LOCAL: from
 *                                 that port; "-" for no file
 *   udp ADDR PORT SIZE [COUNT]    COUNT datagrams, one after the other, each to be echoed
 *   ping ADDR                     one echo request
 *   flows ADDR PORT COUNT BYTES   COUNT connections at once, each of which sends BYTES
 *                                 of its own and gets them back
 *   push ADDR PORT BYTES          sends, ends its half, prints what comes back
 *   pull ADDR PORT BYTES FILE     gets; reads nothing until FILE is there
 *   meet ADDR PORT COUNT          COUNT connections that both ends close at once
 *   again ADDR PORT LOCAL COUNT   COUNT connections, all between the same two ports; the
 *                                 peer closes first, and each other time we cut instead
 *   hold ADDR PORT                says "held", and then how it ends
 *   serve PORT                    TCP and UDP: echoes. PORT + 1: TCP, says who connected.
 *                                 Prints how each connection of PORT ended
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CHUNK = 65536,
	PATIENCE_MS = 60000, /* a minute is for ever */
	EVENTS = 64,
	SERVED_MAX = 2048, /* descriptors */
};

static char buffer[CHUNK];

static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ ECONNREFUSED, "ECONNREFUSED" },
		{ ECONNRESET, "ECONNRESET" },
		{ EHOSTUNREACH, "EHOSTUNREACH" },
		{ ENETUNREACH, "ENETUNREACH" },
		{ EACCES, "EACCES" },
		{ EPIPE, "EPIPE" },
		{ EAGAIN, "silence" },
		{ EMSGSIZE, "EMSGSIZE" },
		{ EADDRNOTAVAIL, "EADDRNOTAVAIL" },
		{ EADDRINUSE, "EADDRINUSE" },
		{ ETIMEDOUT, "ETIMEDOUT" },
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].error == error)
			return names[i].name;
	return strerror(error);
}

_Noreturn static void fail(void)
{
	puts(error_name(errno));
	exit(1);
}

_Noreturn static void wrong(const char *what)
{
	puts(what);
	exit(1);
}

/* --- sockets ------------------------------------------------------------------------ */

struct end {
	struct sockaddr_storage at;
	socklen_t len;
};

static struct end end_of(const char *address, const char *port)
{
	struct end e = { .at.ss_family = AF_INET };
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)&e.at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&e.at;
	uint16_t number = htons((uint16_t)atoi(port));

	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_port = number;
		e.len = sizeof *four;
	} else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
		e.at.ss_family = AF_INET6;
		six->sin6_port = number;
		e.len = sizeof *six;
	} else {
		wrong("no address");
	}
	return e;
}

static int new_socket(const struct end *e, int kind)
{
	static const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	static const int one = 1;
	int fd = socket(e->at.ss_family, kind, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0)
		fail();
	return fd;
}

static void bind_port(int fd, const struct end *to, int port)
{
	struct sockaddr_in6 any = { .sin6_family = to->at.ss_family };

	/* The port is at the same place in both kinds. */
	any.sin6_port = htons((uint16_t)port);
	if (bind(fd, (const struct sockaddr *)&any, to->len) != 0)
		fail();
}

static void connect_to(int fd, const struct end *e)
{
	if (connect(fd, (const struct sockaddr *)&e->at, e->len) != 0)
		fail();
}

static int dial(char **at)
{
	struct end e = end_of(at[0], at[1]);
	int fd = new_socket(&e, SOCK_STREAM);

	connect_to(fd, &e);
	return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0)
			fail();
		p += sent;
		n -= (size_t)sent;
	}
}

/* What comes back is printed, on one line, as far as it is short. */
static int finish(int fd)
{
	size_t len = 0;
	ssize_t n;

	while (len < CHUNK - 1 && (n = recv(fd, buffer + len, CHUNK - 1 - len, 0)) != 0) {
		if (n < 0)
			fail();
		len += (size_t)n;
	}
	buffer[len] = '\0';
	if (len == 0)
		puts("nothing");
	else if (len > 200)
		printf("%zu bytes\n", len);
	else
		printf("%.*s\n", (int)strcspn(buffer, "\r\n"), buffer);
	return 0;
}

/* --- bytes that show where they belong ---------------------------------------------- */

static char byte_of(unsigned flow, size_t at)
{
	uint32_t x = (uint32_t)at * 2654435761U + flow * 40503U;

	return (char)(x >> 24 ^ x >> 9);
}

static void fill(unsigned flow, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buffer[i] = byte_of(flow, at + i);
}

static void compare(unsigned flow, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buffer[i] != byte_of(flow, at + i)) {
			printf("flow %u: byte %zu is wrong\n", flow, at + i);
			exit(1);
		}
	}
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* --- one connection -------------------------------------------------------------------- */

static int tcp(int argc, char **argv)
{
	static char text[CHUNK];
	struct end e = end_of(argv[0], argv[1]);
	int fd = new_socket(&e, SOCK_STREAM), file;
	ssize_t n = 0;

	if (argc > 4)
		bind_port(fd, &e, atoi(argv[4]));
	connect_to(fd, &e);
	if (argc > 2 && strcmp(argv[2], "-") != 0) {
		file = open(argv[2], O_RDONLY | O_CLOEXEC);
		n = file < 0 ? -1 : read(file, text, sizeof text);
		if (n < 0)
			fail();
		close(file);
	}
	if (argc > 3 && atoi(argv[3]) < n) {
		/* The rest would follow, if nothing hindered it. */
		send_all(fd, text, (size_t)atoi(argv[3]));
		return finish(fd);
	}
	send_all(fd, text, (size_t)n);
	shutdown(fd, SHUT_WR);
	return finish(fd);
}

static int udp(int argc, char **argv)
{
	struct end e = end_of(argv[0], argv[1]);
	size_t size = (size_t)atoi(argv[2]);
	int fd = new_socket(&e, SOCK_DGRAM), count = argc > 3 ? atoi(argv[3]) : 1;

	connect_to(fd, &e);
	for (int i = 0; i < count; i++) {
		ssize_t n;

		fill((unsigned)i, 0, size);
		if (send(fd, buffer, size, 0) < 0)
			fail();
		memset(buffer, 0, size);
		n = recv(fd, buffer, sizeof buffer, 0);
		if (n < 0)
			fail();
		if ((size_t)n != size)
			wrong("another size");
		compare((unsigned)i, 0, size);
	}
	printf("echoed %d of %zu\n", count, size);
	return 0;
}

static int ping(char **argv)
{
	struct end e = end_of(argv[0], "0");
	bool v6 = e.at.ss_family == AF_INET6;
	int fd = socket(e.at.ss_family, SOCK_DGRAM, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	uint8_t message[64] = { v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO };
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };

	if (fd < 0)
		fail();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	connect_to(fd, &e);
	memset(message + 8, 'p', sizeof message - 8);
	if (send(fd, message, sizeof message, 0) < 0 ||
	    recv(fd, buffer, sizeof buffer, 0) != sizeof message)
		fail();
	if (buffer[0] != (char)(v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) ||
	    memcmp(buffer + 8, message + 8, sizeof message - 8) != 0)
		wrong("no echo");
	puts("echo");
	return 0;
}

static int push(char **argv)
{
	int fd = dial(argv);
	size_t size = (size_t)atoi(argv[2]);

	for (size_t at = 0, n; at < size; at += n) {
		n = min(CHUNK, size - at);
		fill(0, at, n);
		send_all(fd, buffer, n);
	}
	shutdown(fd, SHUT_WR);
	return finish(fd);
}

static int pull(char **argv)
{
	int fd = dial(argv);
	size_t size = (size_t)atoi(argv[2]), at = 0;
	ssize_t n;

	send_all(fd, argv[2], strlen(argv[2]));
	send_all(fd, "\n", 1);
	while (access(argv[3], F_OK) != 0)
		usleep(20000);
	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
		compare(0, at, (size_t)n);
		at += (size_t)n;
	}
	if (n < 0)
		fail();
	printf("%s\n", at == size ? "all of it" : "not all of it");
	return at != size;
}

static int meet(char **argv)
{
	int count = atoi(argv[2]);

	for (int i = 0; i < count; i++) {
		int fd = dial(argv);
		ssize_t n;

		/* Each closes when it hears the other's byte, without looking further. */
		send_all(fd, "x", 1);
		if (recv(fd, buffer, 1, 0) != 1)
			fail();
		shutdown(fd, SHUT_WR);
		n = recv(fd, buffer, 1, 0);
		if (n != 0)
			fail();
		close(fd);
	}
	printf("met %d times\n", count);
	return 0;
}

static bool is_closed(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
	       info.tcpi_state == TCP_CLOSE;
}

static int again(char **argv)
{
	static const struct linger cut = { .l_onoff = 1 };
	struct end e = end_of(argv[0], argv[1]);
	int count = atoi(argv[3]);

	for (int i = 0; i < count; i++) {
		int fd = new_socket(&e, SOCK_STREAM);

		bind_port(fd, &e, atoi(argv[2]));
		connect_to(fd, &e);
		if (recv(fd, buffer, 3, MSG_WAITALL) != 3 || memcmp(buffer, "bye", 3) != 0)
			fail();
		if (i % 2 == 1)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &cut, sizeof cut);
		else if (recv(fd, buffer, 1, 0) != 0 || shutdown(fd, SHUT_WR) != 0)
			fail();
		/* The ports are free when the peer has acknowledged our end. */
		while (i % 2 == 0 && !is_closed(fd))
			usleep(1000);
		close(fd);
	}
	printf("%d times\n", count);
	return 0;
}

static int hold(char **argv)
{
	static const struct timeval never;
	int fd = dial(argv);
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof never);
	send_all(fd, "x", 1);
	if (recv(fd, buffer, 1, 0) != 1)
		fail();
	puts("held");
	fflush(stdout);
	n = recv(fd, buffer, 1, 0);
	puts(n < 0 ? error_name(errno) : n == 0 ? "end" : "a byte");
	return 0;
}

/* --- many connections ------------------------------------------------------------------ */

struct flow {
	int fd;
	size_t sent, got;
};

static void watch(int epoll, int how, int fd, uint32_t events, uint32_t n)
{
	struct epoll_event e = { .events = events, .data.u32 = n };

	if (epoll_ctl(epoll, how, fd, &e) != 0)
		fail();
}

/* False: it is done. */
static int flow_moves(int epoll, struct flow *f, unsigned number, size_t size, uint32_t events)
{
	ssize_t n;

	if (events & EPOLLOUT && f->sent < size) {
		size_t part = min(CHUNK / 4, size - f->sent);

		fill(number, f->sent, part);
		n = send(f->fd, buffer, part, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			fail();
		f->sent += n > 0 ? (size_t)n : 0;
		if (f->sent == size) {
			shutdown(f->fd, SHUT_WR);
			watch(epoll, EPOLL_CTL_MOD, f->fd, EPOLLIN, number);
		}
	}
	if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return 1;
	n = recv(f->fd, buffer, sizeof buffer, 0);
	if (n < 0 && errno != EAGAIN)
		fail();
	if (n > 0)
		compare(number, f->got, (size_t)n);
	f->got += n > 0 ? (size_t)n : 0;
	if (n == 0 && f->got != size)
		wrong("ended early");
	return n != 0;
}

static int flows(char **argv)
{
	struct end e = end_of(argv[0], argv[1]);
	unsigned count = (unsigned)atoi(argv[2]), left = count;
	size_t size = (size_t)atoi(argv[3]);
	struct flow *all = calloc(count, sizeof *all);
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC), n;

	for (unsigned i = 0; all != NULL && i < count; i++) {
		all[i].fd = new_socket(&e, SOCK_STREAM | SOCK_NONBLOCK);
		if (connect(all[i].fd, (const struct sockaddr *)&e.at, e.len) != 0 &&
		    errno != EINPROGRESS)
			fail();
		watch(epoll, EPOLL_CTL_ADD, all[i].fd, EPOLLIN | EPOLLOUT, i);
	}
	while (left > 0) {
		n = epoll_wait(epoll, events, EVENTS, PATIENCE_MS);
		if (n <= 0)
			wrong("silence");
		for (int i = 0; i < n; i++) {
			unsigned number = events[i].data.u32;

			if (!flow_moves(epoll, &all[number], number, size, events[i].events)) {
				close(all[number].fd);
				left--;
			}
		}
	}
	printf("%u flows of %zu\n", count, size);
	return 0;
}

/* --- a server -------------------------------------------------------------------------- */

static int open_port(int kind, int port)
{
	struct end any = end_of("::", "0");
	int fd = new_socket(&any, kind | SOCK_NONBLOCK), off = 0;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	bind_port(fd, &any, port);
	if (kind == SOCK_STREAM && listen(fd, 1024) != 0)
		fail();
	return fd;
}

static void tell_who(int listener)
{
	struct sockaddr_in6 from;
	socklen_t len = sizeof from;
	int fd = accept(listener, (struct sockaddr *)&from, &len);
	char text[INET6_ADDRSTRLEN + 1] = "";

	if (fd < 0)
		return;
	inet_ntop(AF_INET6, &from.sin6_addr, text, INET6_ADDRSTRLEN);
	strcat(text, "\n");
	send(fd, text, strlen(text), MSG_NOSIGNAL);
	close(fd);
}

static void echo_datagram(int fd)
{
	struct sockaddr_in6 from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &len);

	if (n >= 0)
		sendto(fd, buffer, (size_t)n, 0, (const struct sockaddr *)&from, len);
}

/* What has been taken of a connection is sent whole before more is taken. */
static struct {
	char *bytes;
	size_t len;
} kept[SERVED_MAX];

static void close_served(int fd, const char *how)
{
	printf("%s\n", how);
	fflush(stdout);
	free(kept[fd].bytes);
	kept[fd].bytes = NULL;
	kept[fd].len = 0;
	close(fd);
}

static void echo_stream(int epoll, int fd)
{
	ssize_t n = kept[fd].len > 0 ? (ssize_t)kept[fd].len : recv(fd, buffer, CHUNK / 4, 0);
	ssize_t sent;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			close_served(fd, n == 0 ? "end" : error_name(errno));
		return;
	}
	if (kept[fd].len > 0)
		memcpy(buffer, kept[fd].bytes, kept[fd].len);
	sent = send(fd, buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN) {
		close_served(fd, error_name(errno));
		return;
	}
	sent = sent < 0 ? 0 : sent;
	if (kept[fd].bytes == NULL)
		kept[fd].bytes = malloc(CHUNK / 4);
	kept[fd].len = (size_t)(n - sent);
	memcpy(kept[fd].bytes, buffer + sent, kept[fd].len);
	watch(epoll, EPOLL_CTL_MOD, fd, kept[fd].len > 0 ? EPOLLOUT : EPOLLIN, (uint32_t)fd);
}

_Noreturn static void serve(int port)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd;
	int stream = open_port(SOCK_STREAM, port), who = open_port(SOCK_STREAM, port + 1);
	int datagram = open_port(SOCK_DGRAM, port);
	struct epoll_event e[EVENTS];

	watch(epoll, EPOLL_CTL_ADD, stream, EPOLLIN, (uint32_t)stream);
	watch(epoll, EPOLL_CTL_ADD, who, EPOLLIN, (uint32_t)who);
	watch(epoll, EPOLL_CTL_ADD, datagram, EPOLLIN, (uint32_t)datagram);
	for (;;) {
		int n = epoll_wait(epoll, e, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (e[i].data.u32 == (uint32_t)who) {
				tell_who(who);
			} else if (e[i].data.u32 == (uint32_t)datagram) {
				echo_datagram(datagram);
			} else if (e[i].data.u32 != (uint32_t)stream) {
				echo_stream(epoll, (int)e[i].data.u32);
			} else if ((fd = accept4(stream, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				if (fd < SERVED_MAX)
					watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, (uint32_t)fd);
				else
					close(fd);
			}
		}
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	argc -= 2;
	argv += 2;
	if (strcmp(what, "tcp") == 0 && argc >= 2)
		return tcp(argc, argv);
	if (strcmp(what, "udp") == 0 && argc >= 3)
		return udp(argc, argv);
	if (strcmp(what, "ping") == 0 && argc == 1)
		return ping(argv);
	if (strcmp(what, "flows") == 0 && argc == 4)
		return flows(argv);
	if (strcmp(what, "push") == 0 && argc == 3)
		return push(argv);
	if (strcmp(what, "pull") == 0 && argc == 4)
		return pull(argv);
	if (strcmp(what, "meet") == 0 && argc == 3)
		return meet(argv);
	if (strcmp(what, "again") == 0 && argc == 4)
		return again(argv);
	if (strcmp(what, "hold") == 0 && argc == 2)
		return hold(argv);
	if (strcmp(what, "serve") == 0 && argc == 1)
		serve(atoi(argv[0]));
	return 2;
}
