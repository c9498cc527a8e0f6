/* What every unit test needs: counted checks, input against a guard page, a
 * last line. A test is one program: CHECK() in functions, main() ends with
 * `return test_end();`. A failed check is printed and the test goes on.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "appliance/base/slice.h"

static unsigned test_passed, test_failed;

static inline bool test_check(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		test_passed++;
	else
		test_failed++;
	if (!ok)
		printf("%s:%d: failed: %s\n", file, line, what);
	return ok;
}

/* Counts one check; its value is whether it held. */
#define CHECK(cond) test_check((cond), #cond, __FILE__, __LINE__)

static inline int test_end(void)
{
	printf("%u passed, %u failed\n", test_passed, test_failed);
	return test_failed > 0;
}

static inline size_t test_pages(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page + page;
}

/* A copy of s that ends where an unreadable page begins: one byte read past
 * the end is a fault. test_unguard() gives it back. */
static inline struct slice test_guard(struct slice s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), all = test_pages(s.len);
	uint8_t *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *at;

	if (p == MAP_FAILED || mprotect(p + all - page, page, PROT_NONE) != 0) {
		perror("test_guard");
		exit(1);
	}
	at = p + all - page - s.len;
	if (s.len > 0)
		memcpy(at, s.p, s.len);
	return slice_of(at, s.len);
}

static inline void test_unguard(struct slice s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), all = test_pages(s.len);

	munmap((void *)(uintptr_t)(s.p + s.len - (all - page)), all);
}

/* How many descriptors are open. */
static inline int test_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Writes a file into a folder. */
static inline void test_put(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	CHECK(f != NULL);
	if (f == NULL)
		return;
	fputs(text, f);
	fclose(f);
}

#endif
