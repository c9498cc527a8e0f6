/* The host's rules for TUN mode: one table of nftables, "casemate" of the family
 * inet, which is made and replaced as a whole and removed as a whole. Nothing else
 * of the host's rules is touched.
 *
 *   What comes from the enclave leaves with the host's address (masquerade). It does
 *   not reach what a gateway refuses (destinations.h), nor this host itself but for
 *   ping, unless that is allowed; 10.7.0.1 is the host's loopback when that is.
 *   What is refused is told at once.
 *   What comes to a published port goes to the enclave, with the client's address;
 *   a port of a loopback address is open to this host alone. Nothing else reaches
 *   the enclave from outside; the host itself does.
 *   Where the host was no router before, it is one for the enclave alone.
 *
 * Other tables keep their say: what one of them drops is dropped, whatever this one
 * accepts.
 */
#ifndef TOOL_RULES_H
#define TOOL_RULES_H

#include <stdio.h>

#include "tools/casemate/destinations.h"
#include "tools/casemate/publish.h"
#include "tools/casemate/sysctl.h"

struct rules {
	const char *device;
	const struct publish *port; /* open, so that their numbers are known */
	size_t ports;
	const struct destinations *allowed;
	const struct sysctls *settings; /* kept in the table */
};

/* The table as nft(8) reads it. */
void rules_write(FILE *out, const struct rules *r);

/* Puts the table in the place of one that is there; removes it. False after saying
 * why not. */
bool rules_apply(const struct rules *r);
bool rules_remove(void);

/* What settings were before a gateway that was killed and has left its table. False
 * after saying why nft cannot be asked; no table is nothing wrong. */
bool rules_left(struct sysctls *s);

#endif
