/* Descriptors beside a fixed-size message, over a SOCK_SEQPACKET pair
 * (SCM_RIGHTS): how the enclave's roles hand connections to each other.
 *
 * The other end may be a role that was taken over: whatever it sends, the
 * receiver learns how much came and owns every descriptor of it.
 */
#ifndef BASE_PASS_H
#define BASE_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "appliance/base/rc.h"

enum {
	PASS_FDS = 2,      /* descriptors of every message */
	PASS_FDS_SEEN = 4, /* room for more, to see that there are more */
};

struct passed {
	ssize_t len;            /* bytes, 0 at the end, -1 with errno */
	size_t count;           /* descriptors, the caller's to close */
	bool cut;               /* there was more than room for it */
	int fds[PASS_FDS_SEEN]; /* close-on-exec */
};

/* Sends n bytes and fds, which stay the caller's, without waiting. RC_IO. */
RC_CHECK enum rc pass_send(int sock, const void *p, size_t n, const int fds[PASS_FDS]);

/* Receives one message of at most n bytes into p, with the given flags of
 * recvmsg(2). True when it is n bytes and PASS_FDS descriptors exactly. */
bool pass_recv(int sock, void *p, size_t n, int flags, struct passed *m);

#endif
