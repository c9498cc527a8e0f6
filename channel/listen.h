/* The channel role: accepts connections on a listener that PID 1 made, reads one
 * REQUEST from each and hands the connection to PID 1 (admit.h).
 *
 * Runs as its own uid without capabilities and under a seccomp filter; its
 * input is the parent's. One loop, at most PENDING_MAX connections
 * without a session, deadlines and eviction as in PROTOCOL.md. It never reads
 * beyond the REQUEST: what follows is the session's.
 */
#ifndef CHANNEL_LISTEN_H
#define CHANNEL_LISTEN_H

enum {
	/* As many as sessions: a burst of honest callers on a machine that is busy
	 * does not evict one another. */
	PENDING_MAX = 256,
	PENDING_DEADLINE_MS = 10000,
	PENDING_EVICT_MS = 100,
	/* For who asked for a stop to close, once everything else is ending. */
	PENDING_STOP_MS = 1000,
	/* The kernel's queue before us: room for a burst of honest callers while
	 * a flood of silent ones is evicted. */
	PENDING_BACKLOG = 512,
	/* When descriptors or memory are short, how long until the next try. */
	PENDING_RETRY_MS = 100,
};

/* Over a listening socket, non-blocking, and our end of the pair to PID 1.
 * Returns the exit status once PID 1 has shut that down. */
int listen_main(int listener, int admit);

/* The loop alone. Once per process: its places are static. */
int listen_serve(int listener, int admit);

#endif
