/* casemate gateway: TCP ports of this host that lead into an enclave. */
#include "tools/casemate/gateway.h"

#include <stdio.h>

#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

static void add_port(struct gateway *g, const char *arg)
{
	if (g->ports == PUBLISH_MAX)
		verb_misuse(&verb_gateway, "at most %d times -p", PUBLISH_MAX);
	if (!publish_parse(arg, &g->port[g->ports++]))
		verb_misuse(&verb_gateway, PUBLISH_MISUSE, arg);
}

static int gateway_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "publish", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static struct gateway g = { .until = -1 };
	char text[PUBLISH_TEXT_MAX];

	while (verb_option(&verb_gateway, argc, argv, ":hp:", longs) != -1)
		add_port(&g, optarg);
	if (argc - optind != 1)
		verb_misuse(&verb_gateway, "needs one TARGET");
	if (g.ports == 0)
		verb_misuse(&verb_gateway, "needs -p at least once");
	if (!target_parse(argv[optind], &g.target) || !publish_open(g.port, g.ports))
		return STATUS_FAILED;
	for (size_t i = 0; i < g.ports; i++) {
		publish_text(text, &g.port[i]);
		printf("%s\n", text);
	}
	if (fflush(stdout) != 0) {
		say("cannot write the ports: %m");
		return STATUS_FAILED;
	}
	return gateway_serve(&g);
}

static const char help_text[] =
	"Opens TCP ports on this host and carries what comes to ports of the enclave, until\n"
	"it gets INT or TERM. No root is needed, and nothing but TCP passes. The ports are\n"
	"printed on standard output. When the link to the enclave ends, its connections are\n"
	"reset and a new link is made as soon as the enclave answers. In the enclave, only\n"
	"8443, the attestation server's, takes connections: services have no port out here.\n"
	"\n"
	"  -p, --publish [ADDR:]HOST:ENCLAVE\n"
	"                      port HOST of this host leads to port ENCLAVE; up to 16 times.\n"
	"                      Without ADDR only this host can connect (127.0.0.1); 0.0.0.0\n"
	"                      and [::] let everybody in. HOST 0 takes any port that is free\n"
	"\n"
	"examples:\n"
	"  casemate gateway -p 8443:8443 demo\n"
	"  casemate gateway -p 0.0.0.0:443:8443 vsock:16\n";

const struct verb verb_gateway = {
	.name = "gateway",
	.summary = "lead TCP ports of this host into an enclave",
	.usage = "-p [ADDR:]HOST:ENCLAVE… TARGET",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = gateway_main,
};
