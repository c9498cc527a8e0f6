/* The gateway in TUN mode: the kernel of this host routes the enclave's packets, and
 * clients' addresses are real. Needs root, /dev/net/tun and nft(8).
 *
 * It makes a device, a table of rules (rules.h) and some settings (sysctl.h), and
 * takes all of them away when it ends. When it is killed, the device goes with it
 * and the rest stays for the next one to take over: it matches nothing without the
 * device, but the host forwards as it was told to.
 *
 * There is one in a network namespace at most, since the link's addresses are the
 * same everywhere.
 */
#ifndef TOOL_GATEWAY_TUN_H
#define TOOL_GATEWAY_TUN_H

#include "tools/casemate/gateway.h"

#define GATEWAY_TUN_DEVICE "casemate0"

/* Serves until INT, TERM or HUP, or until the target is a NAME that is gone: the exit
 * status. What is wrong at the start is said. g->port are open, and stay so for as
 * long: nobody else takes those ports. ready is called when packets pass. */
int gateway_tun_serve(const struct gateway *g, bool (*ready)(const struct gateway *g));

#endif
