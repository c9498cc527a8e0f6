/* The gate's connections: each is a TCP connection of the stack, an HTTPS
 * engine, and what is between them.
 *
 * All peers are hostile; nothing here waits. A connection moves what its
 * buffers hold in a wakeup, and always has a deadline. When all places are
 * taken the one that is of least use is closed for the next. Memory is reserved
 * once and touched only as far as connections use it.
 */
#ifndef APPLIANCE_CLIENTS_H
#define APPLIANCE_CLIENTS_H

#include "attest/https.h"
#include "net/stack.h"

enum {
	/* Fewer than the stack's connections, so that there is always one more to
	 * be accepted and another to be closed for it. */
	CLIENTS_MAX = STACK_CONNS_MAX - 64,
	/* In a small enclave fewer: all of them take no more than a part of its
	 * memory, one in so many. */
	CLIENTS_SHARE = 4,
	/* How long a connection that is done waits for the peer's end. */
	CLIENTS_LINGER_MS = 2000,
	/* Who has taken nothing of an answer for so long makes room for others,
	 * like one that is still asking. */
	CLIENTS_STUCK_MS = 2000,
	/* Engines above these give their memory back when they are closed. */
	CLIENTS_WARM = 16,
};

/* Reserves the memory. RC_IO. */
RC_CHECK enum rc clients_init(void);

void clients_accept(struct stack_conn *c, int64_t now_ms);
/* Resets those that are still in the handshake: their certificate says what is
 * not true any more. */
void clients_reset_handshakes(void);
/* Something about c has changed (stack_event). */
void clients_event(struct stack_conn *c, int64_t now_ms);

/* No deadline of any of them is earlier. */
int64_t clients_deadline(void);
void clients_tick(int64_t now_ms);

/* The nonce that a document is wanted for, of the request that has waited
 * longest and of every other that waits for the same one; they are answered
 * under mark, which is not 0, by the other call. False: none waits.
 * nonce lives until the next call of anything here. */
bool clients_want(uint32_t mark, struct slice *nonce);
void clients_document(uint32_t mark, enum rc rc, struct slice document, int64_t now_ms);

/* Ends all. */
void clients_end(void);

struct clients_counters {
	uint64_t accepted, evicted, refused;
	unsigned open, waiting;
};
const struct clients_counters *clients_counters(void);

#endif
