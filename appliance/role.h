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

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "appliance/base/rc.h"

enum {
	ROLE_PAUSE_MS = 100,
	ROLE_PAUSE_MAX_MS = 5000,
	ROLE_STABLE_MS = 60000,
	/* At boot, until it serves: an emulated machine with little to give. */
	ROLE_READY_MS = 10000,
};

struct role {
	char *name;                 /* its argv[0] */
	int root, listener, shared; /* as spawn.h's descriptors; -1: none */
	/* What follows is role.c's to write; ready also the owner's. */
	int sock;   /* our end, to be watched; -1: none. Another after a restart */
	bool ready; /* the owner has heard that the first one serves */
	bool ending;
	pid_t pid;         /* 0: not running */
	unsigned failures; /* early ends in a row */
	int64_t started_ms;
	int64_t again_ms; /* when to start it again; 0: not waiting for that */
};

/* A role that is not running and has nothing. */
#define ROLE_NONE(text)                                                                            \
	{                                                                                          \
		.name = (text), .root = -1, .listener = -1, .shared = -1, .sock = -1               \
	}

/* RC_IO, logged. */
RC_CHECK enum rc role_start(struct role *r);

/* Nothing can be said to it any more: it is ended. */
void role_hang_up(struct role *r);

/* True when the child that ended was this role. */
bool role_reap(struct role *r, pid_t pid, int status, int64_t now_ms);

/* When role_tick has something to do, INT64_MAX for never. */
int64_t role_deadline(const struct role *r);
void role_tick(struct role *r, int64_t now_ms);

/* The enclave stops: the role is told to finish, its port is given up, and it
 * is not started again. */
void role_end(struct role *r);

/* The pause after the n-th early end in a row, n from 1. */
int64_t role_pause_ms(unsigned n);

#endif
