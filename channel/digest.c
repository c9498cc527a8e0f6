#include "channel/digest.h"

#include <signal.h>

static void *worker(void *ctx)
{
	struct digest *d = ctx;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		while (d->done == d->pushed && d->running)
			pthread_cond_wait(&d->changed, &d->lock);
		if (d->done == d->pushed)
			break;
		struct slice job = d->job[d->done % DIGEST_JOBS];
		pthread_mutex_unlock(&d->lock);
		sha384_update(&d->h, job.p, job.len);
		pthread_mutex_lock(&d->lock);
		d->done++;
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

void digest_init(struct digest *d)
{
	sha384_init(&d->h);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	d->running = false;
	d->pushed = d->done = 0;
}

/* Signals are the main thread's business. */
static void start(struct digest *d)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	d->running = true;
	if (pthread_create(&d->thread, NULL, worker, d) != 0)
		d->running = false;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	bool idle;

	if (!d->running && n > DIGEST_INLINE_MAX)
		start(d);
	pthread_mutex_lock(&d->lock);
	while (d->pushed - d->done == DIGEST_JOBS)
		pthread_cond_wait(&d->changed, &d->lock);
	idle = d->pushed == d->done && (n <= DIGEST_INLINE_MAX || !d->running);
	if (!idle) {
		d->job[d->pushed++ % DIGEST_JOBS] = slice_of(p, n);
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
	if (idle)
		sha384_update(&d->h, p, n);
}

static bool pending(const struct digest *d, uintptr_t from, size_t n)
{
	for (uint64_t i = d->done; i < d->pushed; i++)
		if ((uintptr_t)d->job[i % DIGEST_JOBS].p - from < n)
			return true;
	return false;
}

void digest_wait(struct digest *d, const void *p, size_t n)
{
	pthread_mutex_lock(&d->lock);
	while (pending(d, (uintptr_t)p, n))
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

void digest_reset(struct digest *d)
{
	digest_wait(d, NULL, SIZE_MAX);
	sha384_init(&d->h);
}

void digest_final(struct digest *d, uint8_t out[SHA384_LEN])
{
	digest_wait(d, NULL, SIZE_MAX);
	sha384_final(&d->h, out);
}

void digest_stop(struct digest *d)
{
	bool was_running = d->running;

	pthread_mutex_lock(&d->lock);
	d->running = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	if (was_running)
		pthread_join(d->thread, NULL);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
}
