/* The channel role: accepts connections on CHANNEL_PORT, reads one REQUEST
 * from each and hands the connection to PID 1 (admit.h).
 *
 * Runs as its own uid without capabilities; its input is the parent's. One
 * epoll loop, at most PENDING_MAX connections without a request, deadlines
 * and eviction as in PROTOCOL.md.
 */
#ifndef CHANNEL_LISTEN_H
#define CHANNEL_LISTEN_H

enum {
	PENDING_MAX = 128,
	PENDING_DEADLINE_MS = 10000,
	PENDING_EVICT_MS = 100,
};

/* Never returns while ADMIT_FD is open; the exit status otherwise. */
int listen_main(void);

#endif
