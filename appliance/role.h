/* A role as PID 1 sees it: a process of ours that serves hostile peers, started
 * at boot and again whenever it ends (PID 1 only).
 *
 * It gets one end of a SOCK_SEQPACKET pair, an empty folder for its root, and
 * what else it needs; PID 1 keeps what the next one needs as well: a listener
 * that stays open while the role is down keeps its callers waiting, and nobody
 * else takes its port. One that ends is started again after a pause that
 * doubles from ROLE_PAUSE_MS to ROLE_PAUSE_MAX_MS, and is short again once one
 * has lived ROLE_STABLE_MS. Nothing here waits.
 */
#ifndef APPLIANCE_ROLE_H
#define APPLIANCE_ROLE_H

#include <sys/types.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	ROLE_PAUSE_MS = 100,
	ROLE_PAUSE_MAX_MS = 5000,
	ROLE_STABLE_MS = 60000,
	/* What may wait to be received from one: some of the longest requests. Of short
	 * ones it is fewer than a process may have descriptors on their way. */
	ROLE_QUEUE_MAX = 1 << 20,
};

struct role {
	const char *name;                /* its argv[0] */
	int root, listener, shared, tun; /* as spawn.h's descriptors; -1: none */
	int64_t again_ms;                /* when to start it; 0: now, INT64_MAX: not */
	/* What follows is role.c's to write. Who takes the process over (front.c: a
	 * session that has got its work) sets pid to 0 and closes sock. */
	int sock;   /* our end, to be watched; -1: none. Another after a restart */
	bool ready; /* one has said that it serves */
	bool ending;
	pid_t pid; /* 0: not running */
	int64_t started_ms;
	int64_t pause_ms; /* the last pause */
};

/* A role that is not running, is not to be, and has nothing. */
#define ROLE_NONE(text)                                                                            \
	{                                                                                          \
		.name = (text), .root = -1, .listener = -1, .shared = -1, .tun = -1, .sock = -1,   \
		.again_ms = INT64_MAX                                                              \
	}

/* Starts it, whatever again_ms says. RC_IO, logged. */
RC_CHECK enum rc role_start(struct role *r);

/* Receives one message of it, of least to most bytes, into p; its length. 0:
 * there is none to be looked at. One of one byte says that the role serves, and
 * any other ends it. Into *fd the message's descriptor, the caller's to close,
 * or -1; fd NULL: none may come. */
size_t role_receive(struct role *r, void *p, size_t least, size_t most, int *fd);

/* What it said cannot be: logged, and it is ended. */
void role_refuse(struct role *r);

/* Sends n bytes and more behind them. PID 1 waits for nobody: a role that does
 * not take its answers is ended. */
void role_send(struct role *r, const void *p, size_t n, struct slice more);

/* Nothing can be said to it any more: it is ended. */
void role_hang_up(struct role *r);

/* What waitpid(2) with WUNTRACED said about pid: true when that is this role.
 * Its end is logged; one that was stopped, which only somebody else can have
 * done, is ended. */
bool role_reap(struct role *r, pid_t pid, int status, int64_t now_ms);

/* Starts it if it is time to: again_ms is no later. */
void role_tick(struct role *r, int64_t now_ms);

/* The enclave stops: the role is told to finish, its port is given up, and it
 * is not started again. */
void role_end(struct role *r);

#endif
