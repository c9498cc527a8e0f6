/* What the channel role and PID 1 say to each other over a SOCK_SEQPACKET
 * pair: fixed-size structs, so that PID 1 parses nothing a peer wrote.
 *
 * The channel role has read and checked a whole REQUEST. It sends an
 * admit_request with two descriptors (SCM_RIGHTS): the connection, and a
 * sealed memfd holding the REQUEST's payload. PID 1 records the operation in
 * the touch log, with its own digest of the memfd, then starts a session
 * process that gets both, and answers; or it refuses, and the channel role
 * tells the peer why. PID 1 trusts none of the fields: op and lengths are
 * checked, place is only echoed, and a summary is what the channel role says
 * it is. Before all this the channel role sends the one byte ADMIT_READY: it
 * listens. When PID 1 shuts its end down, the enclave stops: the role finishes
 * what it owes to who asked for that, and exits.
 *
 * A session process is started in advance. It waits on SESSION_HANDOVER_FD,
 * one end of another such pair, for a session_handover with the same two
 * descriptors; when that end is closed first it has no work and exits.
 */
#ifndef CHANNEL_ADMIT_H
#define CHANNEL_ADMIT_H

#include <stdint.h>

enum { ADMIT_SUMMARY_MAX = 96 };

struct admit_request {
	uint32_t place; /* the asker's own mark, echoed */
	uint32_t op;    /* enum request_op */
	uint32_t len;   /* bytes of the request in the memfd */
	/* The arguments for people to read: exec's words, push's and pull's
	 * paths, never the environment; printable ASCII. */
	uint32_t summary_len;
	char summary[ADMIT_SUMMARY_MAX];
};

struct session_handover {
	uint32_t op;  /* enum request_op, checked */
	uint32_t len; /* bytes of the request, checked */
};

struct admit_reply {
	uint32_t place;
	uint32_t error; /* 0 admitted, else enum error_code */
};

enum {
	SESSIONS_MAX = 256,
	SESSION_HANDOVER_FD = 3, /* a session process's */
	/* The channel role's end of the pair, and the listener of CHANNEL_PORT,
	 * which PID 1 keeps open while the role is down. */
	ADMIT_FD = 3,
	ADMIT_LISTENER_FD = 5,
	ADMIT_READY = 1,
};

#endif
