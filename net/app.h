/* The app's network: the switch between the TUN device of its kernel, the link of
 * the gateway that carries its packets, the stack and the resolver.
 *
 * The app and the appliance share two addresses (net/tun.h) and look like one host:
 * TCP to POLICY_OWN_PORT and above POLICY_OWN_FIRST is the stack's, UDP there the
 * resolver's, everything else the app's. What is let through is a flow's (flow.h):
 * one begins with a packet that a rule of the policy allows, and then all of its
 * packets pass, and the ICMP errors about them; what is not TCP is judged anew after
 * three minutes of silence. What is not is refused at once
 * (refuse.h), counted, and logged with its reason.
 *
 * Packets are hostile on both sides: the app may have been taken over, and the link
 * is the host's. One instance a process, beside the stack; nothing here blocks or
 * allocates.
 */
#ifndef NET_APP_H
#define NET_APP_H

#include "net/policy.h"
#include "net/stack.h"

enum {
	/* So long after a gateway has gone, and after the start, packets are dropped
	 * and not refused: TCP asks again, and then it may be there. */
	APP_GRACE_MS = 3000,
	APP_BATCH = 64, /* packets of the app in one go, so that links get their turn */
};

/* tun: net/tun.h's, -1: the app has no network. policy is kept. */
void app_init(int tun, const struct policy *policy, int64_t now_ms);
/* For stack_init. */
extern const struct stack_app app_hooks;

/* Is there room for what the app sends? Else the device is not to be watched. */
bool app_takes(void);
/* Packets wait at the device: takes up to APP_BATCH. */
void app_io(void);

/* Before anything else of a wakeup: the time from here on, and what is due. */
void app_tick(int64_t now_ms);
int64_t app_deadline(void); /* INT64_MAX: nothing will be */

/* Since the start. */
struct app_counters {
	uint64_t out_packets, out_bytes, in_packets, in_bytes; /* of the app, let through */
	uint64_t out_refused, in_refused;                      /* no rule allowed them */
	uint64_t hello_refused; /* no ClientHello that a rule wants */
	uint64_t dropped;       /* no packets, nobody's, or with no way to go */
	uint64_t reset;         /* flows, since their gateway has gone */
};
const struct app_counters *app_counters(void);

#endif
