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
	struct nlmsgerr error;
};

/* rtnetlink(7). */
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
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct reply r = { .error.error = -EIO };

	if (fd < 0 || send(fd, &q, sizeof q, 0) < 0 || recv(fd, &r, sizeof r, 0) < 0)
		r.error.error = -errno;
	io_close(&fd);
	errno = -r.error.error;
	return errno == 0;
}
