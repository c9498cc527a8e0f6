/* PID 1's side of the gate role, which serves attestation to the network: what
 * the two say to each other over a SOCK_SEQPACKET pair, in fixed-size structs,
 * so that PID 1 parses nothing anybody wrote.
 *
 * The gate may be taken over. It gets documents made here and nothing else:
 * PID 1 composes user_data itself (attest/claims.h), so whatever the gate
 * asks, the hardware signs the truth about touches.
 *
 *   gate → PID 1    one byte: it serves; broker_request
 *   PID 1 → gate    broker_event, followed by the document in the same packet
 *
 * Every request is answered, in the order they came, when it is its turn: what is
 * asked too fast waits in the pair. PID 1 waits for nobody: a gate that does not take
 * its answers is ended. When PID 1 shuts its end down, the enclave stops.
 *
 * Beside the pair the gate is given the listener of the link's vsock port,
 * which PID 1 keeps open while the gate is down, and the shared memory of
 * touchlog.h.
 */
#ifndef APPLIANCE_BROKER_H
#define APPLIANCE_BROKER_H

#include "appliance/role.h"
#include "attest/https.h"

enum {
	/* Documents a second, and at once: half of what a module was seen to
	 * make (about 860 a second), so that a flood of clients leaves the rest
	 * to touches and the app. */
	BROKER_RATE = 400,
	BROKER_BURST = 64,
};

struct broker_request {
	uint32_t mark; /* the asker's, echoed */
	uint32_t nonce_len;
	uint32_t key_len;
	uint8_t nonce[HTTPS_NONCE_MAX];
	uint8_t key[HTTPS_SPKI_MAX]; /* goes into public_key */
};

struct broker_event {
	uint32_t mark;
	uint32_t rc; /* enum rc; RC_OK: the rest of the packet, at most NSM_RESPONSE_MAX */
};

extern struct role broker_role;

/* When the next message may be answered, so that there are no more than BROKER_RATE:
 * the gate's wait until then. */
int64_t broker_due_ms(void);

/* Receives and answers one message, if it is time to. */
void broker_answer(int nsm);

#endif
