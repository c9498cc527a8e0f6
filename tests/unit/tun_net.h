/* For tests of TUN mode: three network namespaces of the test's own. In the host's runs
 * the gateway, and the test itself; an outer network is behind a link of 1,500 bytes;
 * the enclave's has a process as its gate that does what net/app.c does, without a
 * policy. Sockets belong to the namespace in which they were made.
 *
 *   enclave   tun0: 10.7.0.2, fd07:ca5e:3a7e::2
 *   host      out0: 192.0.2.1, 2001:db8::1; its name server is 127.0.0.1
 *   outer     in0:  192.0.2.2, 2001:db8::2, lo: 169.254.169.254, fd00:ec2::254; knows
 *             192.0.2.1 as the way to 10.7.0.0/24
 *
 * What checks is in here, because each program's checks are counted in its own file.
 */
#ifndef TESTS_UNIT_TUN_NET_H
#define TESTS_UNIT_TUN_NET_H

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "net/link.h"
#include "tests/unit/app_peer.h"
#include "tests/unit/test.h"

enum tun_net_place { NET_HOST, NET_OUTER, NET_ENCLAVE };

/* What the enclave's process can be asked. */
enum tun_net_ask {
	TUN_NET_CUT = 'c',     /* to end the link */
	TUN_NET_FRAME = 'f',   /* to send a frame */
	TUN_NET_LARGEST = 'l', /* only for the answer */
};

enum { TUN_NET_FORWARDED = 1500 - 20 - 8 }; /* of a datagram that fits the outer link */

struct tun_net {
	int ns[3];
	int control; /* the enclave's */
	pid_t outer_pid, enclave_pid;
	char folder[32], path[64]; /* path: the link, as a hybrid socket */
};
extern struct tun_net tun_net; /* the one of this process, from tun_net_start on */

/* --- the networks ----------------------------------------------------------------- */

/* Why it cannot be run here; NULL: it can, and the process has left the machine's
 * network and mounts. First of all. */
const char *tun_net_missing(void);
bool tun_net_enter(enum tun_net_place place);
/* A shell's command in that place; ends the process when it fails. */
void tun_net_run(enum tun_net_place place, const char *command);

/* For what is below: the namespace of a process, open; a process in a namespace of its
 * own, -1: none; the enclave's, over its end of the control socket. */
int tun_net_ns_of(pid_t pid);
pid_t tun_net_outer(void);
_Noreturn void tun_net_enclave(int control);

/* Segments and checksums are made before they leave, as on a wire. */
static inline void tun_net_no_offload(enum tun_net_place place, const char *device)
{
	static const uint32_t off[] = { ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM };
	struct ifreq r = { 0 };
	int fd;

	CHECK(tun_net_enter(place));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
		struct ethtool_value v = { .cmd = off[i] };

		memcpy(r.ifr_name, device, strlen(device));
		r.ifr_data = (void *)&v;
		CHECK(ioctl(fd, SIOCETHTOOL, &r) == 0);
	}
	close(fd);
	CHECK(tun_net_enter(NET_HOST));
}

/* Comes back once it listens. */
static inline void tun_net_start_enclave(void)
{
	int pair[2];
	char c;

	snprintf(tun_net.path, sizeof tun_net.path, "%s/vsock", tun_net.folder);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	tun_net.enclave_pid = fork();
	if (tun_net.enclave_pid == 0) {
		close(pair[0]);
		tun_net_enclave(pair[1]);
	}
	close(pair[1]);
	tun_net.control = pair[0];
	CHECK(recv(tun_net.control, &c, 1, 0) == 1);
	tun_net.ns[NET_ENCLAVE] = tun_net_ns_of(tun_net.enclave_pid);
}

/* 127.0.0.1, for this process and what it starts. */
static inline void tun_net_name_server(void)
{
	char conf[80];

	test_put(tun_net.folder, "resolv.conf", "nameserver 127.0.0.1\n");
	snprintf(conf, sizeof conf, "%s/resolv.conf", tun_net.folder);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount(conf, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0);
}

static inline void tun_net_make(void)
{
	char command[256];

	tun_net.ns[NET_HOST] = tun_net_ns_of(getpid());
	tun_net.outer_pid = tun_net_outer();
	tun_net.ns[NET_OUTER] = tun_net_ns_of(tun_net.outer_pid);
	snprintf(
		command, sizeof command,
		"ip link set lo up; ip link add out0 type veth peer name in0 netns %d && "
		"ip addr add 192.0.2.1/24 dev out0 && ip addr add 2001:db8::1/64 dev out0 nodad && "
		"ip link set out0 up",
		(int)tun_net.outer_pid);
	tun_net_run(NET_HOST, command);
	tun_net_run(NET_OUTER,
	            "ip link set lo up && ip addr add 192.0.2.2/24 dev in0 && "
	            "ip addr add 2001:db8::2/64 dev in0 nodad && ip link set in0 up && "
	            "ip addr add 169.254.169.254/32 dev lo && ip addr add fd00:ec2::254/128 "
	            "dev lo nodad "
	            "&& ip route add 10.7.0.0/24 via 192.0.2.1");
	tun_net_run(NET_HOST, "ip route add 169.254.169.254 via 192.0.2.2 && "
	                      "ip route add fd00:ec2::254 via 2001:db8::2");
	tun_net_no_offload(NET_OUTER, "in0");
	tun_net_no_offload(NET_HOST, "out0");
	tun_net_start_enclave();
}

/* All of it, once tun_net_missing() is NULL. */
static inline void tun_net_start(void)
{
	CHECK(mkdtemp(tun_net.folder) != NULL);
	tun_net_name_server();
	tun_net_make();
}

static inline void tun_net_stop(void)
{
	char command[64];

	close(tun_net.control);
	kill(tun_net.outer_pid, SIGKILL);
	snprintf(command, sizeof command, "rm -rf %s", tun_net.folder);
	CHECK(waitpid(tun_net.enclave_pid, NULL, 0) == tun_net.enclave_pid && system(command) == 0);
}

/* kind and payload are a frame's, of at most 4,094 bytes. The answer, whatever was asked:
 * how long the longest packet was that came by the link since the last one. */
static inline size_t tun_net_ask(enum tun_net_ask what, enum link_kind kind, struct slice payload)
{
	uint8_t m[4096] = { (uint8_t)what, (uint8_t)kind };
	size_t largest = 0;

	memcpy(m + 2, payload.p, payload.len);
	CHECK(send(tun_net.control, m, 2 + payload.len, 0) == (ssize_t)(2 + payload.len));
	CHECK(recv(tun_net.control, &largest, sizeof largest, 0) == sizeof largest);
	return largest;
}

/* --- sockets ---------------------------------------------------------------------- */

/* Made there; -1: it cannot be. */
int tun_net_socket(enum tun_net_place place, const struct at *a, int type);
/* Connected; -1 with errno. */
int tun_net_client(enum tun_net_place place, const char *text, uint16_t port, int type);
/* Nobody listens there, as TCP is told; what else it was is printed. */
bool tun_net_is_refused(enum tun_net_place place, const char *text, uint16_t port);
/* Is it that address? It is printed when not. */
bool tun_net_is_from(const struct at *a, const char *text);
uint8_t tun_net_byte_at(size_t i);
/* n bytes from one end to the other, each compared. */
bool tun_net_transfer(int from, int to, size_t n);

/* Bound, and of TCP listening. */
static inline int tun_net_server(enum tun_net_place place, const char *text, uint16_t port,
                                 int type)
{
	struct at a = at_of(text, port);
	int fd = tun_net_socket(place, &a, type);

	CHECK(fd >= 0 && bind(fd, &a.u.any, a.len) == 0 &&
	      (type != SOCK_STREAM || listen(fd, 8) == 0));
	return fd;
}

/* The next connection, which must be from there. */
static inline int tun_net_accepted(int listener, const char *from)
{
	struct at a = { .len = sizeof a.u };
	int fd = accept4(listener, &a.u.any, &a.len, SOCK_CLOEXEC);

	CHECK(fd >= 0 && tun_net_is_from(&a, from));
	return fd;
}

/* Client and server, of TCP: who the server sees, and bytes both ways. */
static inline void tun_net_check_tcp(enum tun_net_place place, const char *to, uint16_t port,
                                     int listener, const char *from, size_t n)
{
	int fd = tun_net_client(place, to, port, SOCK_STREAM), peer;

	if (!CHECK(fd >= 0)) {
		printf("to %s port %u: %s\n", to, port, strerror(errno));
		return;
	}
	peer = tun_net_accepted(listener, from);
	CHECK(tun_net_transfer(fd, peer, n));
	CHECK(tun_net_transfer(peer, fd, n));
	close(fd);
	close(peer);
}

/* A datagram there, and back if it fits. */
static inline void tun_net_check_udp(enum tun_net_place place, const char *to, uint16_t port,
                                     int at, const char *from, size_t n)
{
	static uint8_t out[1 << 16], in[1 << 16];
	struct at a = { .len = sizeof a.u };
	int fd = tun_net_client(place, to, port, SOCK_DGRAM);

	for (size_t i = 0; i < n; i++)
		out[i] = tun_net_byte_at(i);
	CHECK(send(fd, out, n, 0) == (ssize_t)n);
	CHECK(recvfrom(at, in, sizeof in, 0, &a.u.any, &a.len) == (ssize_t)n);
	CHECK(memcmp(in, out, n) == 0 && tun_net_is_from(&a, from));
	if (n > TUN_NET_FORWARDED) {
		close(fd);
		return;
	}
	CHECK(sendto(at, in, n, 0, &a.u.any, a.len) == (ssize_t)n);
	memset(in, 0, n);
	CHECK(recv(fd, in, sizeof in, 0) == (ssize_t)n && memcmp(in, out, n) == 0);
	close(fd);
}

#endif
