/* What the channel role and PID 1 say to each other over a SOCK_SEQPACKET
 * pair, so that PID 1 parses nothing a peer wrote.
 *
 * The channel role has read and checked a whole REQUEST. It sends an
 * admit_request, which ends with the REQUEST's payload, and the connection as
 * its descriptor (appliance/base/pass.h). PID 1 records the operation in the
 * touch log, with its own digest of the payload, then passes the same message
 * on to a session process; or it refuses, and tells the peer why, which has nothing
 * to say before it is answered. Who asks for a stop PID 1 tells that it is begun,
 * and the channel role waits for that peer to close. PID 1 trusts none of the
 * fields: op and lengths are checked, the payload is only digested, and a summary
 * is what the channel role says it is. Before all this the channel role sends one
 * byte: it listens. When PID 1 shuts its end down, the enclave stops: the role
 * waits for whom it has answered, and exits.
 *
 * A session process is started in advance. It waits on one end of another such
 * pair; when the other is closed first it has no work and exits.
 */
#ifndef CHANNEL_ADMIT_H
#define CHANNEL_ADMIT_H

#include <stddef.h>
#include <stdint.h>

#include "channel/frame.h"

enum {
	SESSIONS_MAX = 256,
	ADMIT_SUMMARY_MAX = 96,
};

struct admit_request {
	uint32_t op; /* enum request_op */
	/* The arguments for people to read: exec's words, push's and pull's
	 * paths, never the environment; printable ASCII. */
	uint32_t summary_len;
	char summary[ADMIT_SUMMARY_MAX];
	uint8_t request[FRAME_REQUEST_MAX]; /* the rest of the message, not empty */
};

enum { ADMIT_HEAD = offsetof(struct admit_request, request) };

#endif
