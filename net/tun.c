#include "net/tun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "net/checksum.h"
#include "net/link.h"

/* Linux sends no smaller segments: a kernel that is to route them makes as many packets
 * of one as there are. */
enum { TUN_MTU = 65535, SEGMENT_MIN = 48 };

const uint8_t tun_gateway4[PACKET_ADDRESS] = { [10] = 0xff, 0xff, 10, 7, 0, 1 };
const uint8_t tun_enclave4[PACKET_ADDRESS] = { [10] = 0xff, 0xff, 10, 7, 0, 2 };
const uint8_t tun_gateway6[PACKET_ADDRESS] = { 0xfd, 0x07, 0xca, 0x5e, 0x3a, 0x7e, [15] = 1 };
const uint8_t tun_enclave6[PACKET_ADDRESS] = { 0xfd, 0x07, 0xca, 0x5e, 0x3a, 0x7e, [15] = 2 };

/* As the kernel's ioctls of AF_INET6 sockets take it. */
struct address6 {
	struct in6_addr address;
	uint32_t prefix;
	int index;
};

static struct sockaddr v4(const uint8_t address[4])
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr out;

	memcpy(&in.sin_addr, address, 4);
	memcpy(&out, &in, sizeof out);
	return out;
}

static bool configure4(int s, struct ifreq *r, bool enclave)
{
	static const uint8_t any[4], mask[4] = { 255, 255, 255, 0 }; /* TUN_PREFIX4 */
	struct rtentry route = { .rt_dst = v4(any),
		                 .rt_gateway = v4(tun_gateway4 + PACKET_V4),
		                 .rt_genmask = v4(any),
		                 .rt_flags = RTF_UP | RTF_GATEWAY };

	r->ifr_mtu = TUN_MTU;
	if (ioctl(s, SIOCSIFMTU, r) != 0)
		return false;
	r->ifr_addr = v4((enclave ? tun_enclave4 : tun_gateway4) + PACKET_V4);
	if (ioctl(s, SIOCSIFADDR, r) != 0)
		return false;
	r->ifr_netmask = v4(mask);
	if (ioctl(s, SIOCSIFNETMASK, r) != 0)
		return false;
	r->ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(s, SIOCSIFFLAGS, r) != 0)
		return false;
	return !enclave || ioctl(s, SIOCADDRT, &route) == 0;
}

static bool configure6(int s, struct ifreq *r, bool enclave)
{
	struct in6_rtmsg route = { .rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_metric = 1 };
	struct address6 a = { .prefix = TUN_PREFIX6 };

	if (ioctl(s, SIOCGIFINDEX, r) != 0)
		return false;
	a.index = route.rtmsg_ifindex = r->ifr_ifindex;
	memcpy(&a.address, enclave ? tun_enclave6 : tun_gateway6, sizeof a.address);
	memcpy(&route.rtmsg_gateway, tun_gateway6, sizeof route.rtmsg_gateway);
	return ioctl(s, SIOCSIFADDR, &a) == 0 && (!enclave || ioctl(s, SIOCADDRT, &route) == 0);
}

enum rc tun_open(const char *name, enum tun_end end, int *fd)
{
	static const unsigned offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int s4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int s6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enum rc rc = RC_IO;

	memcpy(r.ifr_name, name, strnlen(name, sizeof r.ifr_name - 1));
	*fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*fd >= 0 && s4 >= 0 && s6 >= 0 && ioctl(*fd, TUNSETIFF, &r) == 0 &&
	    ioctl(*fd, TUNSETOFFLOAD, offload) == 0 && configure4(s4, &r, end == TUN_ENCLAVE) &&
	    configure6(s6, &r, end == TUN_ENCLAVE))
		rc = RC_OK;
	else
		io_close(fd);
	io_close(&s4);
	io_close(&s6);
	return rc;
}

void tun_prepare(struct packet *p, uint8_t *payload)
{
	struct virtio_net_hdr h = { 0 }, in;
	uint8_t *ip = payload + LINK_VNET;
	size_t at = p->proto == IPPROTO_TCP ? offsetof(struct tcphdr, th_sum)
	                                    : offsetof(struct udphdr, uh_sum);

	memcpy(&in, payload, sizeof in);
	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) {
		/* What the device goes on from. */
		checksum_put(ip + p->head + at,
		             checksum_pseudo(p->v6, p->proto, p->from, p->to, p->ip.len - p->head));
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = (uint16_t)p->head;
		h.csum_offset = (uint16_t)at;
	}
	if (p->proto == IPPROTO_TCP && in.gso_type != VIRTIO_NET_HDR_GSO_NONE &&
	    in.gso_size >= SEGMENT_MIN && in.gso_size < p->ip.len - p->body) {
		h.gso_type = p->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		h.gso_size = in.gso_size;
		h.hdr_len = (uint16_t)p->body;
	}
	memcpy(payload, &h, sizeof h);
	if (!p->v6)
		checksum_set(ip + offsetof(struct iphdr, check), 0, ip, p->head);
}
