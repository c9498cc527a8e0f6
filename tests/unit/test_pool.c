/* lwIP's memory: sizes, counts, and that what is given back is given out. */
#include <sys/wait.h>

#include "net/pool.h"
#include "tests/unit/test.h"

static const struct pool_size sizes[] = { { 32, 3 }, { 128, 2 } };
static _Alignas(16) uint8_t memory[3 * 32 + 2 * 128];

static void test_counts(void)
{
	void *p[3], *q;

	for (size_t i = 0; i < 3; i++) {
		p[i] = pool_alloc(i + 1);
		CHECK(p[i] != NULL && (uintptr_t)p[i] % 16 == 0);
		memset(p[i], 0xff, 32);
	}
	CHECK(pool_alloc(32) == NULL); /* the larger are not taken for it */
	CHECK(pool_used(0) == 3 && pool_used(1) == 0);
	q = pool_zalloc(11, 9);
	CHECK(q != NULL && pool_used(1) == 1);
	memset(q, 0xff, 128);
	CHECK(pool_alloc(129) == NULL);
	CHECK(pool_zalloc(SIZE_MAX, 2) == NULL);
	pool_free(p[1]);
	CHECK(pool_used(0) == 2);
	CHECK(pool_alloc(32) == p[1]);
	pool_free(q);
	q = pool_zalloc(1, 128);
	CHECK(q != NULL && ((uint8_t *)q)[127] == 0);
	pool_free(q);
	for (size_t i = 0; i < 3; i++)
		pool_free(p[i]);
	CHECK(pool_used(0) == 0 && pool_used(1) == 0);
}

static bool dies(void *p)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		pool_free(p);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

static void test_wrong_free(void)
{
	uint8_t *p = pool_alloc(32);

	CHECK(dies(p + 1));
	CHECK(dies(memory - 16));
	CHECK(dies(memory + sizeof memory));
	CHECK(dies(memory + 96)); /* was never given out */
	pool_free(p);
}

int main(void)
{
	CHECK(pool_bytes(sizes, 2) == sizeof memory);
	pool_init(memory, sizes, 2);
	test_counts();
	pool_init(memory, sizes, 2);
	test_wrong_free();
	return test_end();
}
