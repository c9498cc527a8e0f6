/* What a header of the link's in front of a packet becomes before a kernel gets it: the
 * size of segments is believed where it can be one, and nothing else is. */
#include "net/tun.h"

#include <linux/virtio_net.h>
#include <netinet/in.h>

#include "net/link.h"
#include "net/packet_put.h"
#include "tests/unit/test.h"

enum { TCP_HEAD = 20, DATA = 1000 };

static struct virtio_net_hdr prepare(bool v6, uint8_t proto, uint8_t type, uint16_t size)
{
	static const uint8_t tcp[TCP_HEAD] = { 0, 9, 0, 80, [12] = 5 << 4, 16 };
	static uint8_t payload[LINK_VNET + 40 + TCP_HEAD + DATA];
	struct virtio_net_hdr h;
	struct packet p;
	size_t n;

	memset(&h, 0xff, sizeof h);
	h.gso_type = type;
	h.gso_size = size;
	memcpy(payload, &h, sizeof h);
	n = packet_put_ip(payload + LINK_VNET, v6, proto, TCP_HEAD + DATA,
	                  v6 ? tun_gateway6 : tun_gateway4, v6 ? tun_enclave6 : tun_enclave4);
	memcpy(payload + LINK_VNET + n, tcp, sizeof tcp);
	CHECK(packet_parse(slice_of(payload + LINK_VNET, n + TCP_HEAD + DATA), &p) == RC_OK);
	tun_prepare(&p, payload);
	memcpy(&h, payload, sizeof h);
	return h;
}

static void test_segments(bool v6)
{
	static const uint16_t sizes[] = { 0, 1, 47, 48, 536, DATA - 1, DATA, DATA + 1, 65535 };
	size_t head = v6 ? 40 : 20;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct virtio_net_hdr h = prepare(v6, IPPROTO_TCP, 0x83, sizes[i]);
		bool cut = sizes[i] >= 48 && sizes[i] < DATA;

		CHECK(h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM && h.csum_start == head &&
		      h.csum_offset == 16);
		CHECK(h.gso_type == (!cut ? VIRTIO_NET_HDR_GSO_NONE
		                     : v6 ? VIRTIO_NET_HDR_GSO_TCPV6
		                          : VIRTIO_NET_HDR_GSO_TCPV4));
		CHECK(h.gso_size == (cut ? sizes[i] : 0) &&
		      h.hdr_len == (cut ? head + TCP_HEAD : 0));
	}
	CHECK(prepare(v6, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_NONE, 500).gso_size == 0);
	CHECK(prepare(v6, 47, VIRTIO_NET_HDR_GSO_TCPV4, 500).gso_type == 0);
	CHECK(prepare(v6, 47, VIRTIO_NET_HDR_GSO_TCPV4, 500).flags == 0);
}

int main(void)
{
	test_segments(false);
	test_segments(true);
	return test_end();
}
