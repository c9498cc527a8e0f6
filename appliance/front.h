/* PID 1's side of the channel role: starts it, starts it again, and answers
 * what it asks (channel/admit.h).
 *
 * The role's messages are fixed-size structs; anything else is answered with
 * an error and its descriptors are closed. Nothing here ever waits, but for
 * front_wait at boot. A role that ends is started again after a pause that
 * doubles from FRONT_PAUSE_MS to FRONT_PAUSE_MAX_MS, and is short again once
 * one has lived FRONT_STABLE_MS.
 */
#ifndef APPLIANCE_FRONT_H
#define APPLIANCE_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "appliance/base/rc.h"

enum {
	FRONT_PAUSE_MS = 100,
	FRONT_PAUSE_MAX_MS = 5000,
	FRONT_STABLE_MS = 60000,
	FRONT_READY_MS = 5000,
	/* Messages answered in one wakeup, so that children are reaped too. */
	FRONT_BUDGET = 32,
};

/* empty_root: a descriptor of an empty folder, the role's root. RC_IO. */
RC_CHECK enum rc front_start(int empty_root);

/* Uses sock as our end of a pair, instead of starting a role: for tests. */
void front_adopt(int sock);

/* Waits until the role listens. RC_TIMEOUT, RC_EOF when it ended, RC_BAD. */
RC_CHECK enum rc front_wait(void);

/* What to watch for reading; -1 when there is none. Changes when the role is
 * started again. */
int front_fd(void);

/* Answers what is there. True when a peer asked to stop the enclave: it was
 * told yes. */
bool front_answer(void);

/* True when the child that ended was the role. */
bool front_reap(pid_t pid, int status, int64_t now_ms);

/* When front_tick has something to do, INT64_MAX for never. */
int64_t front_deadline(void);
void front_tick(int64_t now_ms);

/* The enclave stops: the role is told to finish, and not started again. */
void front_end(void);

/* The pause after the n-th early end in a row, n from 1. */
int64_t front_pause_ms(unsigned n);

#endif
