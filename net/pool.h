/* lwIP's memory: blocks of a few sizes, each size with a count of its own, so
 * that running short of one kind of thing never takes another's place.
 *
 * Static as far as anybody can tell: the whole is one reservation of address
 * space made by pool_init, and a page of it is used only once a block in it
 * was. Constant time. One instance a process, one thread.
 */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <stddef.h>

enum { POOL_SIZES_MAX = 4 };

struct pool_size {
	size_t bytes; /* of a block, a multiple of 16 */
	size_t count;
};

/* Bytes that pool_init needs for sizes, which ascend. */
size_t pool_bytes(const struct pool_size *sizes, size_t n);

/* memory: that many bytes, zero, aligned to 16. Once. */
void pool_init(void *memory, const struct pool_size *sizes, size_t n);

/* A block of the smallest size that holds n bytes; NULL when none of that size
 * is free or n is larger than any. */
void *pool_alloc(size_t n);
void *pool_zalloc(size_t items, size_t size);
/* Ends the process when p is no block in use as far as can be seen. */
void pool_free(void *p);

/* Blocks of sizes[i] in use. */
size_t pool_used(size_t i);

#endif
