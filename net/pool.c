#include "net/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct block {
	struct block *next;
};

static struct {
	struct {
		struct pool_size size;
		uint8_t *base;
		size_t fresh; /* blocks from here on were never used */
		struct block *free;
		size_t used;
	} of[POOL_SIZES_MAX];
	size_t n;
} pool;

size_t pool_bytes(const struct pool_size *sizes, size_t n)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += sizes[i].bytes * sizes[i].count;
	return all;
}

void pool_init(void *memory, const struct pool_size *sizes, size_t n)
{
	uint8_t *p = memory;

	memset(&pool, 0, sizeof pool);
	for (; pool.n < n && pool.n < POOL_SIZES_MAX; pool.n++) {
		pool.of[pool.n].size = sizes[pool.n];
		pool.of[pool.n].base = p;
		p += sizes[pool.n].bytes * sizes[pool.n].count;
	}
}

void *pool_alloc(size_t n)
{
	struct block *b;
	size_t i = 0;

	while (i < pool.n && pool.of[i].size.bytes < n)
		i++;
	if (i == pool.n || pool.of[i].used == pool.of[i].size.count)
		return NULL;
	b = pool.of[i].free;
	if (b != NULL)
		pool.of[i].free = b->next;
	else
		b = (struct block *)(void *)(pool.of[i].base +
		                             pool.of[i].size.bytes * pool.of[i].fresh++);
	pool.of[i].used++;
	return b;
}

void *pool_zalloc(size_t items, size_t size)
{
	size_t n;
	void *p = __builtin_mul_overflow(items, size, &n) ? NULL : pool_alloc(n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

void pool_free(void *p)
{
	struct block *b = p;
	size_t i = 0, at;

	while (i + 1 < pool.n && (uint8_t *)p >= pool.of[i + 1].base)
		i++;
	at = (size_t)((uint8_t *)p - pool.of[i].base);
	if ((uint8_t *)p < pool.of[i].base || at % pool.of[i].size.bytes != 0 ||
	    at / pool.of[i].size.bytes >= pool.of[i].fresh || pool.of[i].used == 0)
		abort();
	b->next = pool.of[i].free;
	pool.of[i].free = b;
	pool.of[i].used--;
}

size_t pool_used(size_t i)
{
	return pool.of[i].used;
}
