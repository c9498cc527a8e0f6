/* What the gate role and PID 1 say to each other over a SOCK_SEQPACKET pair:
 * fixed-size structs, so that PID 1 parses nothing anybody wrote.
 *
 * The gate serves the network and may be taken over. It gets documents made
 * here and nothing else: PID 1 composes user_data itself (attest/claims.h), so
 * whatever the gate asks, the hardware signs the truth about touches. PID 1
 * owns the link's vsock listener and the log, and hands over connections:
 *
 *   gate → PID 1    broker_request: READY, or DOCUMENT
 *   PID 1 → gate    broker_event: FACTS first (with the shared memory's
 *                   descriptor), LINK (with a connection), DOCUMENT (followed
 *                   by its bytes in the same packet)
 *
 * The shared memory (struct broker_shared) is written by PID 1 alone and
 * sealed against everything else; the gate maps it read-only.
 */
#ifndef APPLIANCE_BROKER_H
#define APPLIANCE_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "appliance/base/manifest.h"
#include "appliance/base/rc.h"
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

enum broker_kind { BROKER_READY = 1, BROKER_DOCUMENT = 2, BROKER_FACTS = 3, BROKER_LINK = 4 };

struct broker_request {
	uint32_t kind;
	uint32_t mark; /* the asker's, echoed */
	uint32_t nonce_len;
	uint32_t key_len;
	uint8_t nonce[HTTPS_NONCE_MAX];
	uint8_t key[HTTPS_SPKI_MAX]; /* goes into public_key */
};

struct broker_event {
	uint32_t kind;
	uint32_t mark;
	uint32_t rc;  /* enum rc: RC_LIMIT when over BROKER_RATE */
	uint32_t len; /* bytes that follow */
};

struct broker_record {
	uint32_t len;
	uint8_t bytes[TOUCH_RECORD_MAX];
};

struct broker_shared {
	struct nsm_description module;
	struct nsm_pcr pcr[NSM_PCRS_MAX]; /* PCR17 as it is after the last touch */
	uint32_t manifest_len;
	uint8_t manifest[MANIFEST_MAX];
	/* Written in the order record, base, head, touches; a reader takes
	 * touches before and after and tries again when it moved too far. */
	uint64_t touches;
	uint8_t head[SHA384_LEN];
	struct broker_record ring[BROKER_RING]; /* record n at n % BROKER_RING */
	uint8_t before[BROKER_RING][SHA384_LEN]; /* head before record n */
};

#endif
