#include "channel/digest.h"

#include <signal.h>

static void take(sem_t *s)
{
	while (sem_wait(s) != 0)
		; /* a signal came */
}

static void *worker(void *ctx)
{
	struct digest *d = ctx;

	for (size_t i = 0;; i++) {
		const struct slice *job = &d->job[i % DIGEST_JOBS];

		take(&d->work);
		if (!job->p)
			return NULL;
		sha384_update(&d->h, job->p, job->len);
		sem_post(&d->room);
	}
}

void digest_init(struct digest *d)
{
	sha384_init(&d->h);
	d->running = false;
	d->jobs = 0;
}

/* Signals are the main thread's business. */
static void start(struct digest *d)
{
	sigset_t all, before;

	sem_init(&d->work, 0, 0);
	sem_init(&d->room, 0, DIGEST_JOBS);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	d->running = pthread_create(&d->thread, NULL, worker, d) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void hand_over(struct digest *d, struct slice job)
{
	take(&d->room);
	d->job[d->jobs++ % DIGEST_JOBS] = job;
	sem_post(&d->work);
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	int room = DIGEST_JOBS;

	if (!d->running && n > DIGEST_INLINE_MAX)
		start(d);
	if (d->running)
		sem_getvalue(&d->room, &room);
	if (d->running && (n > DIGEST_INLINE_MAX || room < DIGEST_JOBS))
		hand_over(d, slice_of(p, n));
	else
		sha384_update(&d->h, p, n);
}

/* As many places are free then as the jobs behind those do not need. */
void digest_wait(struct digest *d, size_t jobs)
{
	size_t behind = d->jobs - jobs;

	for (size_t i = behind; d->running && i < DIGEST_JOBS; i++)
		take(&d->room);
	for (size_t i = behind; d->running && i < DIGEST_JOBS; i++)
		sem_post(&d->room);
}

void digest_reset(struct digest *d)
{
	digest_wait(d, d->jobs);
	sha384_init(&d->h);
}

void digest_final(struct digest *d, uint8_t out[SHA384_LEN])
{
	digest_wait(d, d->jobs);
	sha384_final(&d->h, out);
}

void digest_stop(struct digest *d)
{
	if (!d->running)
		return;
	hand_over(d, slice_of(NULL, 0));
	pthread_join(d->thread, NULL);
	d->running = false;
}
