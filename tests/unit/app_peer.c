#include "tests/unit/app_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "net/tun.h"
#include "net/wire.h"

enum { SWITCHES = 4, BATCH = 64 };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* --- the switch ------------------------------------------------------------------- */

static struct wire links[SWITCHES];
static struct wire *current; /* the last that came has the app's packets */

static void take_link(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct wire *w = links;
	char line[16] = "";

	if (fd < 0)
		return;
	for (size_t i = 0; i < sizeof line - 1 && (i == 0 || line[i - 1] != '\n'); i++)
		must(read(fd, line + i, 1) == 1, "greeting");
	must(write(fd, "OK 1024\n", 8) == 8 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "answer");
	while (w->fd >= 0)
		w++;
	must(w < links + SWITCHES, "a link's place");
	wire_open(w, fd);
	current = w;
}

static void to_kernel(int tun, uint8_t *payload, size_t len)
{
	struct packet p;

	must(packet_parse(slice_of(payload + LINK_VNET, len - LINK_VNET), &p) == RC_OK,
	     "the gateway's packet");
	tun_prepare(&p, payload);
	if (write(tun, payload, len) < 0 && errno != EINVAL)
		must(errno == EAGAIN || errno == ENOBUFS, "tun");
}

static void from_link(int tun, struct wire *w)
{
	enum link_kind kind;
	uint8_t *payload;
	bool there = wire_read(w);
	size_t len;

	while (there && wire_next(w, &kind, &payload, &len) == RC_OK) {
		if (kind == LINK_APP)
			to_kernel(tun, payload, len);
	}
	if (there)
		return;
	io_close(&w->fd);
	if (current == w)
		current = NULL;
}

static void from_kernel(int tun)
{
	static uint8_t nobody[LINK_PAYLOAD_MAX];

	for (int i = 0; i < BATCH; i++) {
		uint8_t *out = current != NULL ? wire_room(current, LINK_PAYLOAD_MAX) : nobody;
		ssize_t n = out != NULL ? read(tun, out, LINK_PAYLOAD_MAX) : -1;

		if (n < 0)
			return;
		if (out != nobody)
			wire_put(current, LINK_APP, (size_t)n);
	}
}

static void cut_links(int control)
{
	char c;

	if (read(control, &c, 1) != 1)
		_exit(0);
	for (int i = 0; i < SWITCHES; i++) {
		if (links[i].fd >= 0)
			shutdown(links[i].fd, SHUT_RDWR);
	}
}

static _Noreturn void switch_main(int tun, int listener, int control)
{
	for (int i = 0; i < SWITCHES; i++)
		links[i].fd = -1;
	for (;;) {
		struct pollfd p[3 + SWITCHES] = { { .fd = tun, .events = POLLIN },
			                          { .fd = listener, .events = POLLIN },
			                          { .fd = control, .events = POLLIN } };
		bool room = current == NULL || wire_room(current, LINK_PAYLOAD_MAX) != NULL;

		p[0].events = room ? POLLIN : 0;
		for (int i = 0; i < SWITCHES; i++)
			p[3 + i] = (struct pollfd){
				.fd = links[i].fd,
				.events = POLLIN | (links[i].out_len > 0 ? POLLOUT : 0),
			};
		must(poll(p, 3 + SWITCHES, -1) > 0, "poll");
		if (p[2].revents != 0)
			cut_links(control);
		for (int i = 0; i < SWITCHES; i++) {
			if ((p[3 + i].revents & ~POLLOUT) != 0)
				from_link(tun, &links[i]);
		}
		if (p[1].revents != 0)
			take_link(listener);
		from_kernel(tun);
		for (int i = 0; i < SWITCHES; i++) {
			if ((p[3 + i].revents & POLLOUT) != 0)
				links[i].full = false;
			while (wire_write(&links[i]))
				;
		}
	}
}

/* --- namespaces ------------------------------------------------------------------------ */

static void loopback_up(const char *four, const char *six)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	struct in6_ifreq a = { .ifr6_prefixlen = 128 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	int s4 = socket(AF_INET, SOCK_DGRAM, 0), s6 = socket(AF_INET6, SOCK_DGRAM, 0);

	must(ioctl(s4, SIOCSIFFLAGS, &r) == 0, "lo");
	if (four != NULL) {
		must(ioctl(s4, SIOCGIFINDEX, &r) == 0, "lo's index");
		a.ifr6_ifindex = r.ifr_ifindex;
		inet_pton(AF_INET6, six, &a.ifr6_addr);
		must(ioctl(s6, SIOCSIFADDR, &a) == 0, six);
		for (int i = 0; i < 2; i++) {
			snprintf(r.ifr_name, sizeof r.ifr_name, "lo:%d", i + 1);
			inet_pton(AF_INET, i == 0 ? four : LOCAL4, &in.sin_addr);
			memcpy(&r.ifr_addr, &in, sizeof in);
			must(ioctl(s4, SIOCSIFADDR, &r) == 0, r.ifr_name);
		}
	}
	close(s4);
	close(s6);
}

static int here(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

void app_peer_enter(const struct app_peer *a, enum place place)
{
	must(setns(a->ns[place], CLONE_NEWNET) == 0, "setns");
}

static int listen_hybrid(struct app_peer *a)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a->path, sizeof a->path, "/tmp/casemate-app-%d.sock", (int)getpid());
	snprintf(at.sun_path, sizeof at.sun_path, "%s", a->path);
	unlink(a->path);
	must(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 16) == 0, a->path);
	return fd;
}

bool app_peer_start(struct app_peer *a)
{
	int pair[2], listener, tun = -1;

	if (access("/dev/net/tun", R_OK | W_OK) != 0 || unshare(CLONE_NEWNET) != 0) {
		printf("skipped: needs /dev/net/tun and the right to make network namespaces\n");
		return false;
	}
	a->ns[PLACE_HOST] = here();
	loopback_up(HOST4, HOST6);
	must(unshare(CLONE_NEWNET) == 0, "unshare");
	a->ns[PLACE_APP] = here();
	loopback_up(NULL, NULL);
	must(tun_open("tun0", TUN_ENCLAVE, &tun) == RC_OK, "tun0");
	listener = listen_hybrid(a);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	fflush(stdout);
	a->control = pair[0];
	a->pid = fork();
	if (a->pid == 0) {
		close(pair[0]);
		switch_main(tun, listener, pair[1]);
	}
	close(pair[1]);
	close(listener);
	close(tun);
	app_peer_enter(a, PLACE_HOST);
	return true;
}

void app_peer_cut(const struct app_peer *a)
{
	must(write(a->control, "c", 1) == 1, "cut");
}

void app_peer_stop(struct app_peer *a)
{
	io_close(&a->control);
	waitpid(a->pid, NULL, 0);
	unlink(a->path);
}

/* --- addresses -------------------------------------------------------------------------- */

struct at at_of(const char *address, uint16_t port)
{
	struct at a;

	memset(&a, 0, sizeof a);
	if (strchr(address, ':') != NULL) {
		a.u.six.sin6_family = AF_INET6;
		a.u.six.sin6_port = htons(port);
		a.len = sizeof a.u.six;
		must(inet_pton(AF_INET6, address, &a.u.six.sin6_addr) == 1, address);
	} else {
		a.u.four.sin_family = AF_INET;
		a.u.four.sin_port = htons(port);
		a.len = sizeof a.u.four;
		must(inet_pton(AF_INET, address, &a.u.four.sin_addr) == 1, address);
	}
	return a;
}

uint16_t at_port(const struct at *a)
{
	return ntohs(a->u.any.sa_family == AF_INET6 ? a->u.six.sin6_port : a->u.four.sin_port);
}

bool at_is(const struct at *a, const char *address)
{
	struct at b = at_of(address, at_port(a));

	return a->u.any.sa_family == b.u.any.sa_family &&
	       (a->u.any.sa_family == AF_INET6
	                ? memcmp(&a->u.six.sin6_addr, &b.u.six.sin6_addr, 16) == 0
	                : a->u.four.sin_addr.s_addr == b.u.four.sin_addr.s_addr);
}

int at_bind(enum place place, const struct app_peer *p, int type, struct at *a)
{
	int fd;

	app_peer_enter(p, place);
	fd = socket(a->u.any.sa_family, type | SOCK_CLOEXEC, 0);
	must(fd >= 0 && bind(fd, &a->u.any, a->len) == 0 &&
	             (type != SOCK_STREAM || listen(fd, 4096) == 0) &&
	             getsockname(fd, &a->u.any, &a->len) == 0,
	     "bind");
	return fd;
}

int at_connect(enum place place, const struct app_peer *p, int type, const struct at *a)
{
	int fd, error;

	app_peer_enter(p, place);
	fd = socket(a->u.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, &a->u.any, a->len) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
