/* What the channel role and PID 1 say to each other over a SOCK_SEQPACKET
 * pair: fixed-size structs, so that PID 1 parses nothing a peer wrote.
 *
 * The channel role has read and checked a whole REQUEST. It sends an
 * admit_request with two descriptors (SCM_RIGHTS): the connection, and a
 * sealed memfd holding the REQUEST's payload. PID 1 records the operation,
 * starts a session process that gets both, and answers; or it refuses, and
 * the channel role tells the peer why. PID 1 trusts none of the fields: op is
 * checked, place is only echoed.
 */
#ifndef CHANNEL_ADMIT_H
#define CHANNEL_ADMIT_H

#include <stdint.h>

#include "appliance/base/sha384.h"

struct admit_request {
	uint32_t place;                /* the asker's own mark, echoed */
	uint32_t op;                   /* enum request_op */
	uint32_t len;                  /* bytes of the request in the memfd */
	uint8_t digest[SHA384_LEN];    /* of those bytes */
};

struct admit_reply {
	uint32_t place;
	uint32_t error;                /* 0 admitted, else enum error_code */
};

enum {
	SESSIONS_MAX = 256,
	/* Descriptors of a new session process. */
	SESSION_CONN_FD = 3,
	SESSION_REQUEST_FD = 4,
	/* The channel role's end of the pair. */
	ADMIT_FD = 3,
};

#endif
