/* PID 1's side of the gate role, which serves attestation to the network: what
 * the two say to each other over a SOCK_SEQPACKET pair, in fixed-size structs,
 * so that PID 1 parses nothing anybody wrote.
 *
 * The gate may be taken over. It gets documents made here and nothing else:
 * PID 1 composes user_data itself (attest/claims.h), so whatever the gate
 * asks, the hardware signs the truth about touches.
 *
 *   gate → PID 1    broker_request: READY, or DOCUMENT
 *   PID 1 → gate    broker_event, followed by the document in the same packet
 *
 * Every DOCUMENT is answered, in the order they came. PID 1 waits for nobody:
 * a gate that does not take its answers is ended. When PID 1 shuts its end
 * down, the enclave stops.
 *
 * Beside the pair the gate is given the listener of the link's vsock port,
 * which PID 1 keeps open while the gate is down, and the shared memory
 * (struct broker_shared), written by PID 1 alone and sealed against everything
 * else (touchlog.h).
 */
#ifndef APPLIANCE_BROKER_H
#define APPLIANCE_BROKER_H

#include <assert.h>

#include "appliance/base/manifest.h"
#include "appliance/role.h"
#include "attest/https.h"
#include "attest/nsm.h"
#include "attest/touch.h"

enum {
	BROKER_RING = 2048, /* touch records kept; half a MiB */
	BROKER_BUDGET = 8,  /* messages answered in one wakeup */
	/* Documents a second, and at once: half of what a module was seen to
	 * make (about 860 a second), so that a flood of clients leaves the rest
	 * to touches and the app. */
	BROKER_RATE = 400,
	BROKER_BURST = 64,
};

static_assert(BROKER_RING - 2 >= TOUCH_KEPT_MIN, "or verifiers refuse an honest log");

enum broker_kind { BROKER_READY = 1, BROKER_DOCUMENT = 2 };

struct broker_request {
	uint32_t kind;
	uint32_t mark; /* the asker's, echoed */
	uint32_t nonce_len;
	uint32_t key_len;
	uint8_t nonce[HTTPS_NONCE_MAX];
	uint8_t key[HTTPS_SPKI_MAX]; /* goes into public_key */
};

struct broker_event {
	uint32_t mark;
	uint32_t rc;  /* enum rc: RC_LIMIT when over BROKER_RATE */
	uint32_t len; /* bytes that follow, at most NSM_RESPONSE_MAX */
};

struct broker_record {
	uint32_t len;
	uint8_t bytes[TOUCH_RECORD_MAX];
};

struct broker_shared {
	/* Fixed from the boot on, but for PCR17: to be believed once touches is
	 * not 0. */
	struct nsm_description module;
	struct nsm_pcr pcr[NSM_PCRS_MAX];
	uint32_t manifest_len;
	uint8_t manifest[MANIFEST_MAX];
	/* Written last; a reader looks again afterwards. Record n is at n %
	 * BROKER_RING, and with it the chain's head after it (0: zeros). The
	 * oldest of the ring may be in the middle of becoming the next: those
	 * that may be read are touches - BROKER_RING + 2 and later. */
	uint64_t touches;
	struct broker_record ring[BROKER_RING];
	uint8_t after[BROKER_RING][SHA384_LEN];
};

extern struct role broker_role;

/* Answers what is there; up to READY only, while the gate is not ready. */
void broker_answer(int nsm);

#endif
