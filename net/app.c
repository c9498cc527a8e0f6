#include "net/app.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "net/tun.h"

enum { BATCH = 64 };

static struct {
	int tun;
	int link; /* that carries the app's packets; -1: none */
} a;

void app_init(int tun)
{
	a.tun = tun;
	a.link = -1;
}

static void on_packet(int link, uint8_t *payload, size_t len)
{
	struct packet p;

	if (packet_parse(slice_of(payload + LINK_VNET, len - LINK_VNET), &p) != RC_OK)
		return;
	if (p.proto == IPPROTO_TCP && p.to_port == 8443) {
		stack_input(link, &p, payload + LINK_VNET);
		return;
	}
	if (link != a.link)
		return;
	tun_prepare(&p, payload);
	if (write(a.tun, payload, len) < 0)
		(void)0;
}

static void on_hello(int link)
{
	a.link = link;
}

static void on_over(int link)
{
	if (a.link == link)
		a.link = -1;
}

const struct stack_app app_hooks = { .packet = on_packet, .hello = on_hello, .over = on_over };

bool app_takes(void)
{
	return a.link < 0 || stack_link_room(a.link, LINK_PAYLOAD_MAX) != NULL;
}

bool app_io(void)
{
	static uint8_t nobody[LINK_PAYLOAD_MAX];

	for (int i = 0; i < BATCH; i++) {
		uint8_t *out = a.link < 0 ? nobody : stack_link_room(a.link, LINK_PAYLOAD_MAX);
		struct packet p;
		ssize_t n;

		if (out == NULL)
			return false;
		n = read(a.tun, out, LINK_PAYLOAD_MAX);
		if (n < 0)
			return false;
		if (packet_parse(slice_of(out + LINK_VNET, (size_t)n - LINK_VNET), &p) != RC_OK ||
		    a.link < 0)
			continue;
		stack_link_put(a.link, LINK_APP, (size_t)n);
	}
	return true;
}
