/* SHA-384 beside a transfer: large pieces are hashed by a thread of its own
 * while the caller goes on to read or write the next ones, small pieces at
 * once, since waking a thread costs more than hashing them.
 *
 * Theory of operation. The caller puts jobs into a ring of DIGEST_JOBS and
 * blocks when it is full; the thread takes them in order. `work` counts the jobs,
 * `room` the free places. While all are free the thread does not touch `h`, so the
 * caller may. The thread is started by the first large piece; if it cannot be,
 * everything is hashed at once.
 */
#ifndef CHANNEL_DIGEST_H
#define CHANNEL_DIGEST_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"

enum {
	DIGEST_JOBS = 8,
	DIGEST_INLINE_MAX = 32768, /* bytes hashed by the caller itself */
};

struct digest {
	struct sha384 h;
	pthread_t thread;
	bool running;
	sem_t work, room;
	size_t jobs; /* that were ever handed over */
	struct slice job[DIGEST_JOBS];
};

void digest_init(struct digest *d);

/* Begins the digest of a new content; waits for the last one's jobs. */
void digest_reset(struct digest *d);

/* Appends n bytes. If d->jobs grows by that they are handed over, and must stay as
 * they are until digest_wait. */
void digest_add(struct digest *d, const void *p, size_t n);

/* Waits until the first so many jobs are done: with d->jobs all of them, and what is
 * small is then hashed at once. */
void digest_wait(struct digest *d, size_t jobs);

/* The digest of all that was added so far; more may be added afterwards. */
void digest_final(struct digest *d, uint8_t out[SHA384_LEN]);

/* Ends the thread. d may be initialised again. */
void digest_stop(struct digest *d);

#endif
