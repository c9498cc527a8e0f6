/* casemate gateway: the network of an enclave. */
#include "tools/casemate/gateway.h"

#include <stdio.h>

#include "tools/casemate/gateway_tun.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum { OPT_ALLOW = 256, OPT_TUN };

static void add_port(struct gateway *g, const char *arg)
{
	if (g->ports == PUBLISH_MAX)
		verb_misuse(&verb_gateway, "at most %d times -p", PUBLISH_MAX);
	if (!publish_parse(arg, &g->port[g->ports++]))
		verb_misuse(&verb_gateway, PUBLISH_MISUSE, arg);
}

static void allow(struct gateway *g, const char *arg)
{
	struct destinations *d = &g->destinations;

	if (d->n == DESTINATIONS_MAX)
		verb_misuse(&verb_gateway, "at most %d times --allow", DESTINATIONS_MAX);
	if (!destinations_parse(arg, &d->allowed[d->n++]))
		verb_misuse(&verb_gateway, DESTINATIONS_MISUSE, arg);
}

static bool print_ports(const struct gateway *g)
{
	char text[PUBLISH_TEXT_MAX];

	for (size_t i = 0; i < g->ports; i++) {
		publish_text(text, &g->port[i]);
		printf("%s\n", text);
	}
	if (fflush(stdout) == 0)
		return true;
	say("cannot write the ports: %m");
	return false;
}

static int gateway_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "publish", required_argument, NULL, 'p' },
		{ "allow", required_argument, NULL, OPT_ALLOW },
		{ "tun", no_argument, NULL, OPT_TUN },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static struct gateway g;
	bool tun = false;
	int c;

	while ((c = verb_option(&verb_gateway, argc, argv, ":hp:", longs)) != -1) {
		if (c == 'p')
			add_port(&g, optarg);
		else if (c == OPT_ALLOW)
			allow(&g, optarg);
		else if (c == OPT_TUN)
			tun = true;
	}
	if (argc - optind != 1)
		verb_misuse(&verb_gateway, "needs one TARGET");
	if (!target_parse(argv[optind], &g.target) || !publish_open(g.port, g.ports))
		return STATUS_FAILED;
	if (tun)
		return gateway_tun_serve(&g, print_ports);
	return print_ports(&g) ? gateway_serve(&g) : STATUS_FAILED;
}

static const char help_text[] =
	"Is the network of an enclave, until it gets INT or TERM. What the app in it sends goes\n"
	"out as if this program had sent it: TCP, UDP and ping, IPv4 and IPv6; the names it asks\n"
	"for go to this host's name servers. Ports of this host lead to ports of the enclave.\n"
	"No root is needed. What the app may do, and which of its ports are open, its image says\n"
	"(see MANIFEST.md); 8443, the attestation server's, is always open.\n"
	"\n"
	"The ports are printed on standard output. When the link to the enclave ends, its\n"
	"connections are reset and a new link is made as soon as the enclave answers; the\n"
	"gateway of a NAME ends when that enclave has ended.\n"
	"\n"
	"  -p, --publish [ADDR:]HOST:ENCLAVE[/udp]\n"
	"                      port HOST of this host leads to port ENCLAVE; up to 16 times.\n"
	"                      Without ADDR only this host can connect (127.0.0.1); 0.0.0.0\n"
	"                      and [::] let everybody in. HOST 0 takes any port that is free.\n"
	"                      The app sees the client's address unless that is of this host's\n"
	"                      loopback or link: then 10.7.0.1 or fd07:ca5e:3a7e::1\n"
	"  --allow ADDR[/PREFIX]\n"
	"                      lets the app reach what it may not by default: this host's own\n"
	"                      addresses and loopback, link-local addresses with the cloud's\n"
	"                      metadata service, groups; up to 32 times. With 127.0.0.1 or\n"
	"                      ::1 the app reaches that as 10.7.0.1 or fd07:ca5e:3a7e::1\n"
	"  --tun               let this host's kernel route instead: as root, with nftables.\n"
	"                      All that the image allows passes; clients' addresses are real,\n"
	"                      but for loopback's; the app's become this host's. Makes the\n"
	"                      device casemate0 and the table `inet casemate`, turns forwarding\n"
	"                      on, and undoes that at the end. Where another firewall of this\n"
	"                      host drops what is forwarded (Docker's does), it must let\n"
	"                      casemate0 through. One in a network namespace. Killed, it leaves\n"
	"                      all that to the next one, whose end undoes it\n"
	"\n"
	"examples:\n"
	"  casemate gateway -p 8443:8443 demo\n"
	"  casemate gateway -p 0.0.0.0:443:8443 -p 0.0.0.0:80:8080 vsock:16\n"
	"  casemate gateway --allow 127.0.0.1 demo\n"
	"  casemate gateway --tun -p 0.0.0.0:443:8443 -p [::]:53:53/udp vsock:16\n";

const struct verb verb_gateway = {
	.name = "gateway",
	.summary = "be the network of an enclave",
	.usage = "[options] TARGET",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = gateway_main,
};
