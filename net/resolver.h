/* The gate's resolver: the name server of the enclave's programs. It asks the
 * host for names that the policy allows, and for no others; what the host
 * answers is checked (dns.h), and the addresses in it are those that the policy's
 * rules of that name allow (policy_admit), for their TTL and RESOLVER_GRACE_MS.
 *
 * What it can promise: that no name is asked that the image does not allow, and
 * that nothing but an answer to a question of the enclave's, on its port, with its
 * id and its letters, opens anything. What it cannot: that the addresses are the
 * name's. They are the host's word; so is that a name does not exist. A rule
 * with "tls:" makes the program's peer prove who it is.
 *
 * What a program asks of a name with "*." in front of its rule is text of its
 * choice that the host reads, and so may whoever serves that domain.
 *
 * A table of questions under way, each with a deadline: when the host has not
 * answered by then, or its answer is not believed, or the link is gone, or there is
 * no room, the program is told SERVFAIL.
 *
 * A state machine without I/O, the one instance of a process. Messages are what
 * UDP carries; they and their order are hostile on both sides. The program's go to
 * 10.7.0.1:53; ours go there from a port of the gate's own.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "net/dns.h"
#include "net/policy.h"

enum {
	RESOLVER_MAX = 128, /* questions under way: the programs of one enclave */
	/* Shorter than the five seconds after which C libraries give up, and longer
	 * than a gateway tries (tools/casemate/resolve.h). */
	RESOLVER_WAIT_MS = 4500,
	/* A program that was told an address may begin to connect as late. */
	RESOLVER_GRACE_MS = 30000,
};

/* Where a message goes: to the host, from our port, or from port 53 to the
 * program's. */
struct resolver_to {
	bool host;
	uint16_t port;
	struct slice refused; /* a name that no rule has, until the next call; else empty */
};

/* p is kept. */
void resolver_init(const struct policy *p);

/* A program's message from its port: the length of one to send now, 0 for none. */
size_t resolver_ask(struct slice message, uint16_t port, int64_t now_ms, uint8_t out[DNS_REPLY_MAX],
                    struct resolver_to *to);

/* A message from the host's port 53 to one of ours: likewise. */
size_t resolver_answer(struct slice message, uint16_t port, int64_t now_ms,
                       uint8_t out[DNS_REPLY_MAX], struct resolver_to *to);

/* When resolver_tick() has something to say; INT64_MAX. */
int64_t resolver_deadline(void);
/* To be called until it has nothing to say. */
size_t resolver_tick(int64_t now_ms, uint8_t out[DNS_REPLY_MAX], struct resolver_to *to);

/* Nobody is there to answer: the deadline of all is now. */
void resolver_reset(void);

/* Since resolver_init(). Each that was asked has become, or will, one of the four
 * that follow. */
struct resolver_counters {
	uint64_t asked;
	uint64_t ignored;  /* no question, not replied to */
	uint64_t denied;   /* told at once: no rule's name, or not to be asked on */
	uint64_t answered; /* as the host said */
	uint64_t failed;   /* SERVFAIL, for whatever reason */
	/* Of the host's messages: */
	uint64_t dropped;   /* answered nothing that was asked */
	uint64_t disproved; /* did, and were not believed */
};
const struct resolver_counters *resolver_counters(void);

#endif
