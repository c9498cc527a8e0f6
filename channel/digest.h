/* SHA-384 beside a transfer: large pieces are hashed by a thread of its own
 * while the caller goes on to read or write the next ones, small pieces at
 * once, since waking a thread costs more than hashing them.
 *
 * Theory of operation. The caller appends jobs to a ring of DIGEST_JOBS and
 * blocks when it is full; the thread takes them in order. `pushed` and `done`
 * count jobs; only the caller writes the first and only the thread the
 * second, under `lock`. While done == pushed the thread does not touch `h`,
 * so the caller may. The thread is started by the first large piece; if it
 * cannot be, everything is hashed at once.
 */
#ifndef CHANNEL_DIGEST_H
#define CHANNEL_DIGEST_H

#include <pthread.h>
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
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool running; /* false: the thread ends when all is done */
	uint64_t pushed, done;
	struct slice job[DIGEST_JOBS];
};

void digest_init(struct digest *d);

/* Begins the digest of a new content; waits for the last one's jobs. */
void digest_reset(struct digest *d);

/* Appends n bytes, which must stay as they are until digest_wait. */
void digest_add(struct digest *d, const void *p, size_t n);

/* Waits until what was added of the n bytes from p on is hashed. */
void digest_wait(struct digest *d, const void *p, size_t n);

/* The digest of all that was added so far; more may be added afterwards. */
void digest_final(struct digest *d, uint8_t out[SHA384_LEN]);

/* Ends the thread. d may be initialised again. */
void digest_stop(struct digest *d);

#endif
