#include "channel/digest.h"

#include <signal.h>

static void hash_job(struct sha384 *h, const uint8_t *p, uint64_t n)
{
	static const uint8_t zeros[4096];

	if (p) {
		sha384_update(h, p, (size_t)n);
		return;
	}
	while (n > 0) {
		size_t k = n < sizeof zeros ? (size_t)n : sizeof zeros;

		sha384_update(h, zeros, k);
		n -= k;
	}
}

static void *worker(void *ctx)
{
	struct digest *d = ctx;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		while (d->done == d->pushed && !d->quit)
			pthread_cond_wait(&d->changed, &d->lock);
		if (d->done == d->pushed)
			break;
		const uint8_t *p = d->job[d->done % DIGEST_JOBS].p;
		uint64_t n = d->job[d->done % DIGEST_JOBS].len;
		pthread_mutex_unlock(&d->lock);
		hash_job(&d->h, p, n);
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
	d->running = d->quit = false;
	d->pushed = d->done = 0;
}

/* Signals are the main thread's business. */
static void start(struct digest *d)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	d->running = pthread_create(&d->thread, NULL, worker, d) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static uint64_t push(struct digest *d, const uint8_t *p, uint64_t n)
{
	if (!d->running && n > DIGEST_INLINE_MAX)
		start(d);
	if (!d->running) {
		hash_job(&d->h, p, n);
		return d->pushed;
	}
	pthread_mutex_lock(&d->lock);
	if (n <= DIGEST_INLINE_MAX && d->done == d->pushed) {
		pthread_mutex_unlock(&d->lock);
		hash_job(&d->h, p, n);
		return d->pushed;
	}
	while (d->pushed - d->done == DIGEST_JOBS)
		pthread_cond_wait(&d->changed, &d->lock);
	d->job[d->pushed % DIGEST_JOBS].p = p;
	d->job[d->pushed % DIGEST_JOBS].len = n;
	d->pushed++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	return d->pushed;
}

uint64_t digest_add(struct digest *d, const void *p, size_t n)
{
	return n > 0 ? push(d, p, n) : d->pushed;
}

void digest_zeros(struct digest *d, uint64_t n)
{
	if (n > 0)
		push(d, NULL, n);
}

void digest_wait(struct digest *d, uint64_t job)
{
	if (!d->running)
		return;
	pthread_mutex_lock(&d->lock);
	while (d->done < job)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

void digest_reset(struct digest *d)
{
	digest_wait(d, d->pushed);
	sha384_init(&d->h);
}

void digest_final(struct digest *d, uint8_t out[SHA384_LEN])
{
	digest_wait(d, d->pushed);
	sha384_final(&d->h, out);
}

void digest_stop(struct digest *d)
{
	if (d->running) {
		pthread_mutex_lock(&d->lock);
		d->quit = true;
		pthread_cond_broadcast(&d->changed);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
		d->running = false;
	}
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
}
