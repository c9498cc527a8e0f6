#include "tools/casemate/gateway_refuse.h"

#include <arpa/inet.h>
#include <errno.h>

#include "net/stack.h"
#include "tools/casemate/text.h"

static struct {
	uint8_t address[GATEWAY_REFUSE_SAID_MAX][PACKET_ADDRESS];
	size_t n;
} said;

void gateway_refuse(int link, const struct packet *p, enum refuse_why why)
{
	uint8_t packet[REFUSE_MAX], *out;
	size_t n = refuse(p, why, packet);

	if (n == 0 || (out = wire_room(stack_link(link), LINK_VNET + n)) == NULL)
		return;
	memset(out, 0, LINK_VNET);
	memcpy(out + LINK_VNET, packet, n);
	wire_put(stack_link(link), LINK_APP, LINK_VNET + n);
}

void gateway_refuse_prohibited(int link, const struct packet *p)
{
	char text[INET6_ADDRSTRLEN] = "";
	size_t i = 0;

	gateway_refuse(link, p, REFUSE_PROHIBITED);
	while (i < said.n && memcmp(said.address[i], p->to, PACKET_ADDRESS) != 0)
		i++;
	if (i < said.n || said.n == GATEWAY_REFUSE_SAID_MAX)
		return;
	memcpy(said.address[said.n++], p->to, PACKET_ADDRESS);
	inet_ntop(p->v6 ? AF_INET6 : AF_INET, p->v6 ? p->to : p->to + PACKET_V4, text, sizeof text);
	say("the app asked for %s, which is not reachable without --allow%s", text,
	    said.n == GATEWAY_REFUSE_SAID_MAX ? "; more such addresses are not mentioned" : "");
}

enum refuse_why gateway_refuse_why(int error)
{
	if (error == ENETUNREACH || error == EAFNOSUPPORT || error == EADDRNOTAVAIL)
		return REFUSE_NET;
	if (error == EACCES || error == EPERM)
		return REFUSE_PROHIBITED;
	return error == ECONNREFUSED ? REFUSE_PORT : REFUSE_HOST;
}
