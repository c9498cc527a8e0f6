/* The enclave's switch and codec by themselves, for counting instructions: the shipped
 * objects, with a pair of sockets in place of the TUN device and another as the link.
 *
 *   switch out|in|new LENGTH N   moves N packets of so many bytes, with IP's header, of
 *                                one flow of TCP: out of the app, in to it. new: each
 *                                begins a flow, which the last of 64 rules allows
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "net/app.h"
#include "net/packet_put.h"
#include "net/tun.h"

enum { HEAD = 40, PORT_APP = 40000, PORT_HOST = 80, LEAST = 1 << 20 };

static const uint8_t remote[PACKET_ADDRESS] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
static uint8_t frame[LINK_FRAME_MAX], back[LINK_FRAME_MAX];
static int kernel, host, carrier;

static void must(bool good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static void pair(int type, int *ours, int *theirs)
{
	int fd[2], size = LEAST;

	must(socketpair(AF_UNIX, type, 0, fd) == 0, "socketpair");
	for (int i = 0; i < 2; i++)
		must(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0, "SNDBUF");
	must(fcntl(fd[1], F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
	*ours = fd[0];
	*theirs = fd[1];
}

static void init(void)
{
	static struct policy policy;
	int tun, link;

	policy.egresses = POLICY_RULES_MAX;
	for (size_t i = 0; i < policy.egresses; i++) {
		struct policy_rule *r = &policy.egress[i];

		*r = (struct policy_rule){ .proto = POLICY_TCP, .prefix = 128 };
		memcpy(r->address, remote, sizeof remote);
		r->first = r->last = i + 1 < policy.egresses ? (uint16_t)(1000 + i) : PORT_HOST;
	}
	pair(SOCK_SEQPACKET, &kernel, &tun);
	pair(SOCK_STREAM, &host, &link);
	app_init(tun, &policy, 0);
	stack_init(STACK_ENCLAVE, &app_hooks);
	carrier = stack_link_add(link);
	link_head(frame, LINK_HELLO, 1);
	frame[LINK_HEAD] = LINK_VERSION;
	must(send(host, frame, LINK_HEAD + 1, 0) == LINK_HEAD + 1, "hello");
	must(stack_link_io(carrier, EPOLLIN), "hello");
}

/* A frame whose packet has n bytes. */
static void make(bool out, uint8_t flags, uint16_t port, size_t n)
{
	const uint8_t *from = out ? tun_enclave4 : remote, *to = out ? remote : tun_enclave4;
	struct tcphdr tcp = { .th_off = 5, .th_flags = flags };
	uint8_t *ip = frame + LINK_HEAD + LINK_VNET;

	tcp.th_sport = htons(out ? port : PORT_HOST);
	tcp.th_dport = htons(out ? PORT_HOST : port);
	link_head(frame, LINK_APP, LINK_VNET + n);
	packet_put_ip(ip, false, IPPROTO_TCP, n - (HEAD - sizeof tcp), from, to);
	memcpy(ip + HEAD - sizeof tcp, &tcp, sizeof tcp);
}

static void out_once(size_t n)
{
	size_t all = LINK_HEAD + LINK_VNET + n;

	must(send(kernel, frame + LINK_HEAD, LINK_VNET + n, 0) == (ssize_t)(LINK_VNET + n), "send");
	app_io();
	stack_flush();
	must(recv(host, back, all, MSG_WAITALL) == (ssize_t)all, "the link");
}

static void in_once(size_t n)
{
	size_t all = LINK_HEAD + LINK_VNET + n;

	must(send(host, frame, all, 0) == (ssize_t)all, "send");
	must(stack_link_io(carrier, EPOLLIN), "the link");
	stack_flush();
	must(recv(kernel, back, sizeof back, 0) == (ssize_t)(LINK_VNET + n), "the device");
}

int main(int argc, char **argv)
{
	size_t n = argc == 4 ? (size_t)atoi(argv[2]) : 0;
	int count = argc == 4 ? atoi(argv[3]) : 0;
	bool in = argc == 4 && strcmp(argv[1], "in") == 0, new = argc == 4 && argv[1][0] == 'n';

	if (n < HEAD || n > LINK_PACKET_MAX)
		return 2;
	init();
	make(true, TH_SYN, PORT_APP, HEAD);
	out_once(HEAD);
	make(!in, TH_ACK, PORT_APP, n);
	for (int i = 0; i < count; i++) {
		if (new)
			make(true, TH_SYN, (uint16_t)(PORT_APP + 1 + i), n);
		if (in)
			in_once(n);
		else
			out_once(n);
	}
	return 0;
}
