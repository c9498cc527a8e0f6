#include "tools/casemate/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "appliance/base/io.h"

enum { LAST = 4096 /* behind the loopback device's own route */ };

struct request {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr to_head;
	struct in6_addr to;
	struct rtattr device_head;
	uint32_t device;
	struct rtattr metric_head;
	uint32_t metric;
};

struct reply {
	struct nlmsghdr head;
	union {
		struct nlmsgerr error;
		struct rtmsg route;
		uint8_t room[1024]; /* what comes behind a route */
	} u;
};

/* The answer; false with errno. */
static bool ask(const void *q, size_t n, struct reply *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t got = -1;

	if (fd >= 0 && send(fd, q, n, 0) == (ssize_t)n)
		got = recv(fd, r, sizeof *r, 0);
	io_close(&fd);
	return got >= (ssize_t)(sizeof r->head + sizeof r->u.route);
}

static bool tell(const void *q, size_t n)
{
	struct reply r;

	if (!ask(q, n, &r))
		return false;
	errno = -r.u.error.error;
	return errno == 0;
}

bool route_is_here(const uint8_t address[PACKET_ADDRESS])
{
	bool v4 = packet_is_v4(address);
	size_t len = v4 ? PACKET_ADDRESS - PACKET_V4 : PACKET_ADDRESS;
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr to_head;
		uint8_t to[PACKET_ADDRESS];
	} q = {
		.head = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = v4 ? AF_INET : AF_INET6,
		           .rtm_dst_len = (uint8_t)(len * 8) },
		.to_head = { (uint16_t)RTA_LENGTH(len), RTA_DST },
	};
	struct reply r;

	memcpy(q.to, address + PACKET_ADDRESS - len, len);
	q.head.nlmsg_len = (uint32_t)(sizeof q - PACKET_ADDRESS + len);
	if (!ask(&q, q.head.nlmsg_len, &r))
		return true;
	/* RTN_LOCAL, _BROADCAST, _ANYCAST, _MULTICAST. */
	return r.head.nlmsg_type == RTM_NEWROUTE && r.u.route.rtm_type >= RTN_LOCAL &&
	       r.u.route.rtm_type <= RTN_MULTICAST;
}

bool route_loopback6(const char *device)
{
	struct request q = {
		.head = { .nlmsg_len = sizeof q,
		          .nlmsg_type = RTM_NEWROUTE,
		          .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND },
		.route = { .rtm_family = AF_INET6,
		           .rtm_dst_len = 128,
		           .rtm_table = RT_TABLE_LOCAL,
		           .rtm_protocol = RTPROT_STATIC,
		           .rtm_type = RTN_LOCAL },
		.to_head = { RTA_LENGTH(sizeof q.to), RTA_DST },
		.to = IN6ADDR_LOOPBACK_INIT,
		.device_head = { RTA_LENGTH(sizeof q.device), RTA_OIF },
		.device = if_nametoindex(device),
		.metric_head = { RTA_LENGTH(sizeof q.metric), RTA_PRIORITY },
		.metric = LAST,
	};

	return tell(&q, sizeof q);
}

bool route_no_device(const char *device)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} q = {
		.head = { .nlmsg_len = sizeof q,
		          .nlmsg_type = RTM_DELLINK,
		          .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_index = (int)if_nametoindex(device) },
	};

	return q.link.ifi_index == 0 || tell(&q, sizeof q) || errno == ENODEV;
}
