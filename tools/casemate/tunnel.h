/* TUN mode's data path: packets between a link to an enclave's gate and a TUN device
 * of this host, whose kernel routes them. There is no stack here; who terminates a
 * connection is far away.
 *
 * The enclave is hostile: what it sends has its own addresses as the source or is
 * dropped, and where it may go is for the rules (rules.h). So is everybody beyond
 * the host: what the host has not checked itself is checked here, since the link has
 * no checksums. Questions to the gateway's name server are answered by this
 * process (resolve.h), not by the host's kernel.
 *
 * It needs no rights: who has those connects for it, one message of one byte each
 * way over a SOCK_SEQPACKET pair (base/pass.h): anything, and enum rc as target_connect
 * has it, with the connection if that is RC_OK.
 */
#ifndef TOOL_TUNNEL_H
#define TOOL_TUNNEL_H

#include "tools/casemate/target.h"

/* Serves until the target is a NAME that is gone: the exit status. Owns the
 * descriptors; the device's is non-blocking, link is connected, dialler is the pair's
 * end. When the link ends, packets are dropped until there is a new one. */
int tunnel_serve(const struct target *t, int tun, int link, int dialler);

/* The other end. Takes a message, false when there is none or the pair is cut, and
 * connects and answers it: that may take as long as target_connect does. */
bool tunnel_asks(int tunnel);
void tunnel_dial(const struct target *t, int tunnel);

#endif
