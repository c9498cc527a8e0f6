/* A rule of a manifest's "network", from its text and back: MANIFEST.md's "Egress" and
 * "Ingress". Pure; the text is anybody's.
 *
 *   egress   any | icmp:TO | tcp:TO:PORTS | udp:TO:PORTS | tls:NAME:PORTS
 *   ingress  tcp:PORTS | udp:PORTS
 *   TO       * | NAME, but for icmp | A.B.C.D[/N] | "[" IPv6[/N] "]"
 *   PORTS    PORT | FIRST-LAST
 */
#ifndef IMAGE_NETRULE_H
#define IMAGE_NETRULE_H

#include "net/policy.h"

enum {
	NETRULE_TEXT_MAX = POLICY_NAME_MAX + 32,
	NETRULE_WHY_MAX = 512,
};

/* How many rules of the policy the text is: one, two where it means both families, 0
 * when it is none: what is wrong and what was expected is in why. A name points into
 * the text. */
size_t netrule_egress(struct slice text, struct policy_rule out[2], char why[NETRULE_WHY_MAX]);
size_t netrule_ingress(struct slice text, struct policy_rule out[2], char why[NETRULE_WHY_MAX]);

/* The text of the first of n rules, n > 0, or of the first two where they are one
 * text; how many that were. */
size_t netrule_print_egress(char text[NETRULE_TEXT_MAX], const struct policy_rule *r, size_t n);
void netrule_print_ingress(char text[NETRULE_TEXT_MAX], const struct policy_rule *r);

#endif
