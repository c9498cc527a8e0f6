/* The flows of the app that the policy has let through: what is under way needs no
 * rule any more, and what is not is refused.
 *
 * One table, the one instance of a process. Flows that the app began and those that
 * others began have a count of their own each: whoever floods takes the places of
 * his kind. When those are taken, a new flow gets that of one that has ended or that
 * only its beginner has said something of, or has been silent for long: who floods from
 * addresses that are not his does not end what others have under way.
 */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#include "net/packet.h"

enum {
	FLOW_MAX = 4096, /* of either kind: two thousand clients, and what they ask for */
};

enum flow_kind { FLOW_OUT, FLOW_IN, FLOW_KINDS };

struct flow_key {
	uint8_t remote[PACKET_ADDRESS];
	uint16_t remote_port, local_port; /* of ICMP the echo's identifier, both */
	uint32_t proto;
};

struct flow {
	struct flow_key key;
	enum flow_kind kind;
	bool used, ended; /* ended: one side has sent FIN or RST; its place goes first */
	bool met;         /* both ends have been heard; of TCP, after the handshake */
	bool hello;       /* the app may send nothing before a ClientHello ... */
	uint64_t rules;   /* ... with a name of these */
	int64_t heard_ms;
	/* What a reset needs that the app's kernel believes: once it was answered, or
	 * asked, what it expects next; before, the number that it asks with. */
	bool answered;
	uint32_t next;
	struct flow *chain;
};

/* Once, at the start: chooses the table's secret, so that nobody can
 * choose flows that meet in one bucket; without one the process ends. */
void flow_init(void);

/* Of a packet from the app, or to it. */
struct flow_key flow_key_of(const struct packet *p, bool from_app);

struct flow *flow_find(const struct flow_key *key);
/* One that begins now, in place of any with that key; never NULL. Valid until it is
 * ended or another of its kind begins. */
struct flow *flow_begin(const struct flow_key *key, enum flow_kind kind, int64_t now_ms);
/* Forgets it: f is not to be used but by flow_after. */
void flow_end(struct flow *f);

/* All of them: from NULL on, NULL at the end. f may have been ended. */
struct flow *flow_after(struct flow *f);
unsigned flow_count(enum flow_kind kind);

#endif
